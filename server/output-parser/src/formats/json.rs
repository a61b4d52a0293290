//! Format of JSON lines: our own, and those of Cronicle and xyOps plugins, which work unchanged.
//!
//! - `progress`: 0 to 1; or `value`, with `max` and `unit` where they are known
//! - `message`, or `status`: the present activity
//! - `complete` (Cronicle) or `xy` (xyOps) with `code` and `description`: the result
//!
//! Sources: Cronicle's `docs/Plugins.md`, xyOps' `docs/xywp.md`.

use serde_json::{Map, Value};

use crate::{
    Measure, Progress, ReportedResult,
    format::{Log, Parsed},
    formats::object,
};

/// Parses a line of this format. Other JSON is logged.
pub(crate) fn json(text: &str) -> Option<Parsed> {
    let object = object(text)?;
    let result = result(&object);
    let measure = measure(&object);
    let xyops = object.get("xy").and_then(Value::as_i64) == Some(1);
    if measure.is_none() && result.is_none() && !xyops {
        return None;
    }
    let message = ["message", "status"].into_iter().find_map(|key| object.get(key)?.as_str());
    let progress = (measure.is_some() || message.is_some())
        .then(|| Progress { measure, ..Progress::default() }.with_message(message.unwrap_or_default()));
    Some(Parsed { progress, result, log: Log::Drop })
}

fn measure(object: &Map<String, Value>) -> Option<Measure> {
    if let Some(share) = object.get("progress").and_then(Value::as_f64) {
        return Some(Measure::Share(share.clamp(0.0, 1.0)));
    }
    let value = object.get("value")?.as_u64()?;
    let max = object.get("max").and_then(Value::as_u64).filter(|max| *max > 0);
    let unit = object.get("unit").and_then(Value::as_str).unwrap_or_default();
    Some(Measure::Count { value, max, unit: unit.chars().filter(|c| !c.is_control()).take(20).collect() })
}

/// Any code except zero, false and empty is an error, as in JavaScript.
fn result(object: &Map<String, Value>) -> Option<ReportedResult> {
    let holds = |key| object.get(key).is_some_and(|value: &Value| code(value).is_some());
    let xyops = object.get("xy").and_then(Value::as_i64) == Some(1) && object.contains_key("code");
    if !holds("complete") && !xyops {
        return None;
    }
    let description = object.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(ReportedResult { error: object.get("code").and_then(code), description })
}

fn code(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| number.to_string()),
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => Some("1".to_owned()),
    }
}
