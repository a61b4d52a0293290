//! From the input of a job to the arguments and variables of its program.

use engine::{Ctx, RootedPath, TaskError, UploadRef};
use model::FieldError;
use serde_json::Value;

use crate::{
    parameters::{Parameter, Sort},
    table::Table,
    template::{Template, Values},
};

/// What a program is started with.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
}

impl Table {
    /// The texts of the parameters, as far as they are given; of paths and uploads, what the input names them by.
    pub(crate) fn given(&self, input: &Value) -> Values {
        let texts = self.parameters.iter().filter_map(|parameter| {
            let given = input.get(&parameter.name).filter(|value| !value.is_null());
            Some((parameter.name.clone(), text(parameter, given.or(parameter.default.as_ref()))?))
        });
        texts.collect()
    }

    /// What is wrong with the values: those that a program would take for something else than values.
    pub(crate) fn check(&self, input: &Value) -> Result<(), Vec<FieldError>> {
        let values = self.given(input);
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| {
            faults.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        for (name, _) in values.iter().filter(|(_, value)| value.contains('\0')) {
            fault(name, "This has a zero byte in it, which no program can be given.");
        }
        // Real paths begin with a slash.
        let paths: Values = values
            .iter()
            .map(|(name, value)| {
                let is_path =
                    self.parameters.iter().any(|it| it.name == *name && matches!(it.sort, Sort::Path | Sort::Upload));
                (name.clone(), if is_path { format!("/{value}") } else { value.clone() })
            })
            .collect();
        let mut options_have_ended = false;
        for group in &self.arguments {
            for (template, filled) in group.iter().zip(all_or_none(group, &paths).into_iter().flatten()) {
                if let Some(name) = filled.dashed_by.filter(|_| !options_have_ended) {
                    fault(name, "This must not begin with a dash: the program would take it for an option.");
                }
                // Written by the operator: a value may be meant for the option before it.
                options_have_ended |= filled.text == "--" && !template.takes_a_value();
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Arguments and variables for the job with this input.
    pub(crate) async fn fill(&self, input: &Value, ctx: &Ctx) -> Result<Filled, TaskError> {
        let mut values = self.given(input);
        for parameter in &self.parameters {
            let Some(value) = values.get_mut(&parameter.name) else { continue };
            let path = match parameter.sort {
                Sort::Text | Sort::Truth => continue,
                Sort::Path => ctx.resolve(&RootedPath(value.clone()))?,
                Sort::Upload => std::path::absolute(ctx.upload(&UploadRef(value.clone())).await?.path)
                    .map_err(|error| TaskError::io("finding the uploaded file", &error))?,
            };
            *value = path.into_os_string().into_string().map_err(|path| {
                TaskError::fatal("path", format!("the path {} is no UTF-8; rename it", path.to_string_lossy()))
            })?;
        }
        let arguments = self.arguments.iter().filter_map(|group| all_or_none(group, &values)).flatten();
        let variables = self.env.iter().filter_map(|(name, value)| Some((name.clone(), value.fill(&values)?.text)));
        Ok(Filled { arguments: arguments.map(|filled| filled.text).collect(), variables: variables.collect() })
    }

    /// What people call the job.
    pub(crate) fn title_of(&self, input: &Value) -> String {
        let filled = self.title.as_ref().and_then(|title| title.fill(&self.given(input)).map(|filled| filled.text));
        filled.unwrap_or_else(|| self.name.clone())
    }
}

/// The arguments of a list: all of them, or none where one of them lacks its value.
fn all_or_none<'t>(group: &'t [Template], values: &Values) -> Option<Vec<crate::template::Filled<'t>>> {
    group.iter().map(|template| template.fill(values)).collect()
}

/// The text of a value. What is not ticked is not there in forms, and false.
fn text(parameter: &Parameter, value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value) => Some(value.to_string()),
        None if parameter.sort == Sort::Truth => Some(false.to_string()),
        None => None,
    }
}
