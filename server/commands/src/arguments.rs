//! Arguments and environment variables of a program, made from the input of its job.

use engine::{Ctx, TaskError, UploadRef};
use model::FieldError;
use serde_json::Value;

use crate::{
    parameters::{Parameter, ValueType},
    table::Table,
    template::{Rendered, Template, Values},
};

/// Arguments and environment variables of one job.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) list: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
}

impl Table {
    /// Returns the values of the parameters as text, with defaults; paths and uploads as written in the input.
    fn values(&self, input: &Value) -> Values {
        let values = self.parameters.iter().filter_map(|parameter| {
            let given = input.get(&parameter.name).filter(|value| !value.is_null());
            Some((parameter.name.clone(), text(parameter, given.or(parameter.default.as_ref()))?))
        });
        values.collect()
    }

    /// Rejects values that a program would misread: options and zero bytes.
    pub(crate) fn check(&self, input: &Value) -> Result<(), Vec<FieldError>> {
        let values = self.values(input);
        let mut errors = Vec::new();
        let mut reject = |field: &str, message: &str| {
            errors.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        for (name, _) in values.iter().filter(|(_, value)| value.contains('\0')) {
            reject(name, "This has a zero byte in it, which no program can be given.");
        }
        // Canonical paths begin with a slash.
        let paths: Values = values
            .iter()
            .map(|(name, value)| {
                let is_path = self
                    .parameters
                    .iter()
                    .any(|it| it.name == *name && matches!(it.value_type, ValueType::Path | ValueType::Upload));
                (name.clone(), if is_path { format!("/{value}") } else { value.clone() })
            })
            .collect();
        let mut options_ended = false;
        for group in &self.arguments {
            for (template, rendered) in group.iter().zip(render_group(group, &paths).into_iter().flatten()) {
                if let Some(name) = rendered.dashed_by.filter(|_| !options_ended) {
                    reject(name, "This must not begin with a dash: the program would take it for an option.");
                }
                // Only a `--` of the operator counts: a value may belong to the option before it.
                options_ended |= rendered.text == "--" && !template.has_value();
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Builds the arguments of the job with this input: resolves paths and uploads, and renders the templates.
    pub(crate) async fn build_arguments(&self, input: &Value, ctx: &Ctx) -> Result<Arguments, TaskError> {
        let mut values = self.values(input);
        for parameter in &self.parameters {
            let Some(value) = values.get_mut(&parameter.name) else { continue };
            let path = match parameter.value_type {
                ValueType::Text | ValueType::Boolean => continue,
                ValueType::Path => ctx.resolve(value)?,
                ValueType::Upload => std::path::absolute(ctx.upload(&UploadRef(value.clone())).await?.path)
                    .map_err(|error| TaskError::io("finding the uploaded file", &error))?,
            };
            *value = path.into_os_string().into_string().map_err(|path| {
                TaskError::fatal("path", format!("the path {} is no UTF-8; rename it", path.to_string_lossy()))
            })?;
        }
        let list = self.arguments.iter().filter_map(|group| render_group(group, &values)).flatten();
        let variables = self.env.iter().filter_map(|(name, value)| Some((name.clone(), value.render(&values)?.text)));
        Ok(Arguments { list: list.map(|rendered| rendered.text).collect(), variables: variables.collect() })
    }

    /// Returns the title of the job: the rendered template, or the name of the command.
    pub(crate) fn job_title(&self, input: &Value) -> String {
        let title = self.title.as_ref().and_then(|title| title.render(&self.values(input)));
        title.map_or_else(|| self.name.clone(), |rendered| rendered.text)
    }
}

/// Renders a group of arguments; `None` if one of them lacks its value.
fn render_group<'t>(group: &'t [Template], values: &Values) -> Option<Vec<Rendered<'t>>> {
    group.iter().map(|template| template.render(values)).collect()
}

/// Returns a value as text. An unticked checkbox is missing in the input and means false.
fn text(parameter: &Parameter, value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value) => Some(value.to_string()),
        None if parameter.value_type == ValueType::Boolean => Some(false.to_string()),
        None => None,
    }
}
