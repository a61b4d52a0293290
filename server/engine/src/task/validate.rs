//! Validates an input against its form, and reports every fault at once.

use model::{Choice, Field, FieldError, FieldKind, Form, PathKind, count};
use serde_json::{Map, Value};

use crate::{Error, Result, Roots, UploadNames, Uploads};

/// What the form says about an input.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Uploads that it names.
    pub(crate) uploads: UploadNames,
    /// One entry per fault, those of unknown fields first, then in the order of the form.
    pub(crate) faults: Vec<FieldError>,
}

/// The sender of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A user at a form: each path must lead to what its field takes.
    Form,
    /// A program, or a run of a schedule: the job itself reports what it cannot open.
    Program,
}

/// Checks `input` field by field.
///
/// # Errors
/// `Error::InvalidInput` if it is no object; others only where an upload cannot be looked up.
pub(crate) async fn check(
    form: &Form,
    input: &Value,
    sender: Sender,
    roots: &Roots,
    uploads: &Uploads,
) -> Result<Checked> {
    let Value::Object(given) = input else {
        let message = format!("The input must be a JSON object, not {}.", kind_of(input));
        return Err(Error::InvalidInput(vec![FieldError { field: String::new(), message }]));
    };
    let mut checked = Checked { uploads: UploadNames::default(), faults: unknown_fields(form, given) };
    for field in &form.fields {
        let fault = match given.get(&field.name) {
            None | Some(Value::Null) => {
                (field.required && field.default.is_none()).then(|| format!("{} is required.", field.label))
            }
            Some(value) => match &field.kind {
                FieldKind::Path { takes } => {
                    let takes = if sender == Sender::Form { *takes } else { PathKind::Any };
                    path(field, value, takes, roots)
                }
                FieldKind::Upload => upload(field, value, uploads, &mut checked).await?,
                kind => plain(kind, value).map(|must| format!("{} must be {must}.", field.label)),
            },
        };
        checked.faults.extend(fault.map(|message| FieldError { field: field.name.clone(), message }));
    }
    Ok(checked)
}

/// Returns the input with placeholders for what is missing or faulty, so that the task can check the rest. An optional
/// field without a default keeps its value: to a task it may mean something else than an empty one.
pub(crate) fn with_placeholders(form: &Form, input: &Value, faults: &[FieldError]) -> Value {
    let value = |field: &Field| {
        let is_faulty = faults.iter().any(|fault| fault.field == field.name);
        if is_faulty && (field.required || field.default.is_some()) {
            Some(placeholder(field))
        } else {
            input.get(&field.name).cloned()
        }
    };
    Value::Object(form.fields.iter().filter_map(|field| Some((field.name.clone(), value(field)?))).collect())
}

/// A value that fits the type of a field: the default, if there is one.
fn placeholder(field: &Field) -> Value {
    field.default.clone().unwrap_or_else(|| match &field.kind {
        FieldKind::Integer { min, .. } => min.unwrap_or_default().into(),
        FieldKind::Number { min, .. } => min.unwrap_or_default().into(),
        FieldKind::Boolean => false.into(),
        FieldKind::Choice { choices } => choices.first().map_or("", |choice| &choice.value).into(),
        FieldKind::Text { .. } | FieldKind::Path { .. } | FieldKind::Upload => "".into(),
    })
}

fn unknown_fields(form: &Form, given: &Map<String, Value>) -> Vec<FieldError> {
    let names: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
    let unknown = given.keys().filter(|name| !names.contains(&name.as_str()));
    let faults = unknown.map(|name| {
        let shown: String = name.chars().take(60).collect();
        let nearest = names.iter().map(|known| (strsim::normalized_damerau_levenshtein(known, &shown), known));
        let nearest = nearest.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness >= 0.5);
        let remedy = match (nearest, names.as_slice()) {
            (Some((_, nearest)), _) => format!("did you mean `{nearest}`?"),
            (None, []) => "this task takes no input.".to_owned(),
            (None, names) => format!("there are `{}`.", names.join("`, `")),
        };
        FieldError { field: name.clone(), message: format!("There is no field `{shown}`; {remedy}") }
    });
    faults.collect()
}

fn path(field: &Field, value: &Value, takes: PathKind, roots: &Roots) -> Option<String> {
    let Value::String(path) = value else {
        return Some(format!("{} must be a path, not {}.", field.label, kind_of(value)));
    };
    roots.check(path, takes).err().map(|error| sentence(&error.to_string()))
}

async fn upload(field: &Field, value: &Value, uploads: &Uploads, checked: &mut Checked) -> Result<Option<String>> {
    let Value::String(id) = value else {
        let message = format!("{} must be the id of an upload, not {}.", field.label, kind_of(value));
        return Ok(Some(message));
    };
    match uploads.get(id).await {
        Ok(upload) => {
            checked.uploads.0.insert(upload.id, upload.name);
            Ok(None)
        }
        Err(error @ Error::NoSuchUpload(_)) => Ok(Some(sentence(&error.to_string()))),
        Err(error) => Err(error),
    }
}

/// The requirement that the value does not meet; `None` if it is valid.
fn plain(kind: &FieldKind, value: &Value) -> Option<String> {
    match kind {
        FieldKind::Text { min_length, max_length, .. } => {
            let Value::String(text) = value else { return Some(format!("text, not {}", kind_of(value))) };
            let length = text.chars().count() as u64;
            let fits = min_length.is_none_or(|min| length >= min) && max_length.is_none_or(|max| length <= max);
            (!fits).then(|| format!("{}; it has {}", length_wanted(*min_length, *max_length), count(length)))
        }
        FieldKind::Integer { min, max } => {
            let must = || range("a whole number", min.as_ref(), max.as_ref());
            let Some(number) = as_integer(value) else {
                return Some(format!("{}, not {}", must(), shown(value)));
            };
            let fits =
                min.is_none_or(|min| number >= i128::from(min)) && max.is_none_or(|max| number <= i128::from(max));
            (!fits).then(|| format!("{}; it is {number}", must()))
        }
        FieldKind::Number { min, max } => {
            let must = || range("a number", min.as_ref(), max.as_ref());
            let Some(number) = value.as_f64() else { return Some(format!("{}, not {}", must(), shown(value))) };
            let fits = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
            (!fits).then(|| format!("{}; it is {number}", must()))
        }
        FieldKind::Boolean => (!value.is_boolean()).then(|| format!("true or false, not {}", shown(value))),
        FieldKind::Choice { choices } => {
            let known = value.as_str().is_some_and(|value| choices.iter().any(|choice| choice.value == value));
            (!known).then(|| format!("one of {}, not {}", names(choices), shown(value)))
        }
        // Checked above, against the disk and the store.
        FieldKind::Path { .. } | FieldKind::Upload => None,
    }
}

fn as_integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn range<T: std::fmt::Display>(what: &str, min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{what} from {min} to {max}"),
        (Some(min), None) => format!("{what} of at least {min}"),
        (None, Some(max)) => format!("{what} of at most {max}"),
        (None, None) => what.to_owned(),
    }
}

fn length_wanted(min: Option<u64>, max: Option<u64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{} to {} characters long", count(min), count(max)),
        (Some(min), None) => format!("at least {} long", characters(min)),
        (None, Some(max)) => format!("at most {} long", characters(max)),
        (None, None) => "text".to_owned(),
    }
}

fn characters(n: u64) -> String {
    if n == 1 { "1 character".to_owned() } else { format!("{} characters", count(n)) }
}

fn names(choices: &[Choice]) -> String {
    choices.iter().map(|choice| format!("`{}`", choice.value)).collect::<Vec<_>>().join(", ")
}

/// The value itself if it is short, else a description.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() <= 40 => format!("`{text}`"),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => kind_of(value).to_owned(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Adds a capital letter and a full stop, for the text beside a field.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
