//! Parameters of a command: parsed from the configuration into the JSON schema of the form.

use serde_json::{Map, Value, json};

/// How a value becomes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    Text,
    /// `true` or `false`.
    Boolean,
    /// The canonical path of a file or folder under one of the roots.
    Path,
    /// The path of the uploaded file.
    Upload,
}

#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value_type: ValueType,
    /// The value when the input has none.
    pub(crate) default: Option<Value>,
}

/// Allowed keywords: those of JSON schema (2020-12), and the last two.
const KEYWORDS: [&str; 12] = [
    "type",
    "title",
    "description",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "format",
    "multiline",
    "optional",
];

/// Parses the parameters and builds their JSON schema.
///
/// # Errors
/// The invalid key below `parameters`, and a message.
pub(crate) fn parse(table: &Map<String, Value>) -> Result<(Vec<Parameter>, Value), (String, String)> {
    let mut parameters = Vec::new();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in table {
        let wrong = |key: &str, message: String| {
            Err((if key.is_empty() { name.clone() } else { format!("{name}.{key}") }, message))
        };
        if !is_name(name) {
            return wrong("", "a parameter's name is made of a-z, 0-9 and _, and begins with a letter".to_owned());
        }
        let Value::Object(schema) = schema else {
            return wrong("", format!("a parameter is a table, such as {name} = {{ type = \"string\" }}"));
        };
        if let Some(key) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
            return wrong(key, format!("there is no such keyword; there are {}", KEYWORDS.join(", ")));
        }
        let value_type = match value_type(schema) {
            Ok(value_type) => value_type,
            Err((key, message)) => return wrong(key, message),
        };
        let default = schema.get("default").cloned();
        if let Some(default) = &default
            && let Err(message) = check_default(default, schema)
        {
            return wrong("default", message);
        }
        let optional = match schema.get("optional") {
            None => false,
            Some(Value::Bool(optional)) => *optional,
            Some(_) => return wrong("optional", "it is true or false".to_owned()),
        };
        // An unticked checkbox is missing in the input and means false.
        if !optional && default.is_none() && value_type != ValueType::Boolean {
            required.push(Value::String(name.clone()));
        }
        let mut property = schema.clone();
        property.remove("optional");
        if let Some(multiline) = property.remove("multiline") {
            property.insert("x-multiline".to_owned(), multiline);
        }
        properties.insert(name.clone(), Value::Object(property));
        parameters.push(Parameter { name: name.clone(), value_type, default });
    }
    let schema =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    Ok((parameters, schema))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 40
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Returns the type of a parameter, after checking the types of its keywords.
fn value_type(schema: &Map<String, Value>) -> Result<ValueType, (&'static str, String)> {
    let text = |key: &'static str| match schema.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err((key, "it is a text".to_owned())),
    };
    for key in ["title", "description"] {
        text(key)?;
    }
    for key in ["minimum", "maximum", "minLength", "maxLength"] {
        if schema.get(key).is_some_and(|value| !value.is_number()) {
            return Err((key, "it is a number".to_owned()));
        }
    }
    if schema.get("multiline").is_some_and(|value| !value.is_boolean()) {
        return Err(("multiline", "it is true or false".to_owned()));
    }
    let of_texts = |values: &Value| {
        values.as_array().is_some_and(|values| !values.is_empty() && values.iter().all(Value::is_string))
    };
    if schema.get("enum").is_some_and(|values| !of_texts(values)) {
        return Err(("enum", "it is a list of texts, of one at least".to_owned()));
    }
    let types = "it is one of string, integer, number, boolean";
    match (text("type")?, text("format")?) {
        (Some("string"), Some("rooted-path" | "rooted-folder" | "rooted-file")) => Ok(ValueType::Path),
        (Some("string"), Some("upload")) => Ok(ValueType::Upload),
        (Some("string"), Some(_)) => {
            Err(("format", "it is rooted-path, rooted-folder, rooted-file or upload, or left out".to_owned()))
        }
        (Some(_), Some(_)) => Err(("format", "only a string has one".to_owned())),
        (Some("string" | "integer" | "number"), None) => Ok(ValueType::Text),
        (Some("boolean"), None) => Ok(ValueType::Boolean),
        (Some(_), None) => Err(("type", types.to_owned())),
        (None, _) => Err(("type", format!("it is missing; {types}"))),
    }
}

/// Checks that the default is a valid value of the parameter.
fn check_default(default: &Value, schema: &Map<String, Value>) -> Result<(), String> {
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let fits = match wanted {
        "string" => default.is_string(),
        "integer" => default.is_i64() || default.is_u64(),
        "number" => default.is_number(),
        "boolean" => default.is_boolean(),
        _ => false,
    };
    let among = schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(default));
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    let within = default.as_f64().is_none_or(|number| {
        bound("minimum").is_none_or(|min| number >= min) && bound("maximum").is_none_or(|max| number <= max)
    });
    match (fits, among && within) {
        (false, _) => Err(format!("it is no {wanted}, which the parameter is")),
        (true, false) => Err("it is not among the values that the parameter can have".to_owned()),
        (true, true) => Ok(()),
    }
}
