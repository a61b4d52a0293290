//! Builds the input form of a task from its JSON schema.

use model::{Choice, Field, FieldKind, Form, PathKind};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::Kind;

/// The schema of an input, with references inlined.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// The form for the schema of a struct, with its fields in order of declaration.
///
/// # Panics
/// If no control can show a field's type: an error in the program, found at registration.
pub(crate) fn from_schema(kind: Kind, schema: &Value) -> Form {
    declared(schema).unwrap_or_else(|(name, property)| {
        panic!("the input field `{name}` of the task `{kind}` is of a type that a form cannot show: {property}")
    })
}

/// The form of a schema from a configuration.
///
/// # Errors
/// The first field whose type no control can show: its name and its schema.
pub(crate) fn declared(schema: &Value) -> Result<Form, (String, Value)> {
    let required: Vec<&str> = texts(schema.get("required"));
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, property)| {
        let (plain, nullable) = without_null(property);
        let control = control(&plain).ok_or_else(|| (name.clone(), property.clone()))?;
        let (label, help) = words(name, property);
        Ok(Field {
            name: name.clone(),
            label,
            help,
            required: required.contains(&name.as_str()) && !nullable,
            default: property.get("default").filter(|default| !default.is_null()).cloned(),
            kind: control,
        })
    });
    Ok(Form { fields: fields.collect::<Result<_, _>>()? })
}

/// The schema of the value of a field, and whether it is optional: schemars writes `Option<T>` as `type: [T, null]`, as
/// `anyOf: [T, null]`, or as an enumeration with a null in it.
fn without_null(property: &Value) -> (Map<String, Value>, bool) {
    let mut plain = property.as_object().cloned().unwrap_or_default();
    let mut nullable = false;
    if let Some(alternatives) = plain.get("anyOf").and_then(Value::as_array) {
        let is_null = |alternative: &Value| alternative.get("type").and_then(Value::as_str) == Some("null");
        nullable |= alternatives.iter().any(is_null);
        let others: Vec<_> = alternatives.iter().filter(|alternative| !is_null(alternative)).collect();
        if let [Value::Object(only)] = others.as_slice() {
            let only = only.clone();
            plain.remove("anyOf");
            for (key, value) in only {
                plain.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(types)) = plain.get_mut("type") {
        let before = types.len();
        types.retain(|name| name != "null");
        nullable |= types.len() < before;
        if let [only] = types.as_slice() {
            let only = only.clone();
            plain.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = plain.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    (plain, nullable)
}

fn control(schema: &Map<String, Value>) -> Option<FieldKind> {
    if let Some(choices) = choices(schema) {
        return Some(FieldKind::Choice { choices });
    }
    let length = |key| schema.get(key).and_then(Value::as_u64);
    match (schema.get("type")?.as_str()?, schema.get("format").and_then(Value::as_str)) {
        ("string", Some("rooted-folder")) => Some(FieldKind::Path { takes: PathKind::Folder }),
        ("string", Some("rooted-file")) => Some(FieldKind::Path { takes: PathKind::File }),
        ("string", Some("rooted-path")) => Some(FieldKind::Path { takes: PathKind::Any }),
        ("string", Some("upload")) => Some(FieldKind::Upload),
        ("string", _) => Some(FieldKind::Text {
            multiline: schema.get("x-multiline") == Some(&Value::Bool(true)),
            min_length: length("minLength").filter(|length| *length > 0),
            max_length: length("maxLength"),
        }),
        ("integer", format) => {
            let (least, most) = range_of(format);
            let bound = |key| schema.get(key).and_then(whole);
            Some(FieldKind::Integer { min: bound("minimum").or(least), max: bound("maximum").or(most) })
        }
        ("number", _) => {
            let bound = |key| schema.get(key).and_then(Value::as_f64);
            Some(FieldKind::Number { min: bound("minimum"), max: bound("maximum") })
        }
        ("boolean", _) => Some(FieldKind::Boolean),
        _ => None,
    }
}

/// The alternatives of an enumeration of words: `enum: [..]`, or `oneOf` where variants have documentation.
fn choices(schema: &Map<String, Value>) -> Option<Vec<Choice>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| Some(choice(value.as_str()?, None))).collect();
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let mut choices = Vec::new();
    for variant in variants {
        let about = variant.get("description").and_then(Value::as_str);
        if let Some(value) = variant.get("const").and_then(Value::as_str) {
            choices.push(choice(value, about));
        } else {
            let values = variant.get("enum")?.as_array()?;
            for value in values {
                choices.push(choice(value.as_str()?, about));
            }
        }
    }
    (!choices.is_empty()).then_some(choices)
}

fn choice(value: &str, about: Option<&str>) -> Choice {
    let label = about.map_or_else(|| readable(value), |about| split(about).0);
    Choice { value: value.to_owned(), label }
}

/// The label and the help of a field.
fn words(name: &str, property: &Value) -> (String, String) {
    let text = |key| property.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    match (text("title"), text("description")) {
        (Some(title), about) => (title.to_owned(), about.map_or_else(String::new, paragraphs)),
        (None, Some(about)) => split(about),
        (None, None) => (readable(name), String::new()),
    }
}

/// The first line without its full stop, and the rest.
fn split(about: &str) -> (String, String) {
    let (first, rest) = about.trim().split_once('\n').unwrap_or((about.trim(), ""));
    (first.trim().trim_end_matches('.').to_owned(), paragraphs(rest))
}

/// Joins the lines of each paragraph.
fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// `stop_on_error` as `Stop on error`.
fn readable(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The range of an integer type, as far as an `i64` can represent it.
fn range_of(format: Option<&str>) -> (Option<i64>, Option<i64>) {
    match format {
        Some("uint8") => (Some(0), Some(i64::from(u8::MAX))),
        Some("uint16") => (Some(0), Some(i64::from(u16::MAX))),
        Some("uint32") => (Some(0), Some(i64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0), None),
        Some("int8") => (Some(i64::from(i8::MIN)), Some(i64::from(i8::MAX))),
        Some("int16") => (Some(i64::from(i16::MIN)), Some(i64::from(i16::MAX))),
        Some("int32") => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        _ => (None, None),
    }
}

/// A bound of an integer, which schemars may write as `64.0`.
fn whole(bound: &Value) -> Option<i64> {
    bound.as_i64().or_else(|| bound.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64))
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
