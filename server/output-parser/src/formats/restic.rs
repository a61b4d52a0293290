//! Format of `restic --json`; see <https://restic.readthedocs.io/en/stable/075_scripting.html>.

use model::{Level, bytes, count};
use serde_json::{Map, Value};

use crate::{
    Measure, Progress,
    format::{Log, Parsed},
    formats::object,
};

/// Parses a message.
pub(crate) fn restic(text: &str) -> Option<Parsed> {
    let object = object(text)?;
    match object.get("message_type")?.as_str()? {
        "status" => Some(Parsed::progress_only(
            Progress { measure: measure(&object), ..Progress::default() }.with_message(files(&object)),
        )),
        "summary" => Some(backup(&object).unwrap_or_default()),
        "error" | "exit_error" => {
            let log = Log::Replace(Some(Level::Error), error(&object).unwrap_or_else(|| text.to_owned()));
            Some(Parsed { log, ..Parsed::default() })
        }
        _ => Some(Parsed::default()),
    }
}

/// Returns the bytes if they are known; else `percent_done`, their share.
fn measure(status: &Map<String, Value>) -> Option<Measure> {
    let number = |key| status.get(key).and_then(Value::as_u64);
    if let Some(max) = number("total_bytes").filter(|max| *max > 0) {
        // Restores use another key.
        let value = number("bytes_done").or_else(|| number("bytes_restored")).unwrap_or_default();
        return Some(Measure::Count { value, max: Some(max), unit: "B".to_owned() });
    }
    status.get("percent_done").and_then(Value::as_f64).map(|share| Measure::Share(share.clamp(0.0, 1.0)))
}

fn files(status: &Map<String, Value>) -> String {
    let number = |key| status.get(key).and_then(Value::as_u64);
    let done = number("files_done").or_else(|| number("files_restored"));
    let (Some(done), Some(all)) = (done, number("total_files")) else { return String::new() };
    format!("{} of {} files", count(done), count(all))
}

/// Parses the summary of a backup: full progress, which a quick backup reports nowhere else, and a sentence for the
/// log.
fn backup(summary: &Map<String, Value>) -> Option<Parsed> {
    let number = |key| summary.get(key).and_then(Value::as_u64);
    let all = number("total_bytes_processed")?;
    let files = ["files_new", "files_changed", "files_unmodified"].map(|key| count(number(key).unwrap_or_default()));
    let [new, changed, unmodified] = files;
    let added = bytes(number("data_added").unwrap_or_default());
    let snapshot = summary.get("snapshot_id").and_then(Value::as_str).unwrap_or("none");
    let words =
        format!("files: {new} new, {changed} changed, {unmodified} unchanged; added {added}; snapshot {snapshot}");
    let measure = (all > 0).then(|| Measure::Count { value: all, max: Some(all), unit: "B".to_owned() });
    let progress = measure.map(|measure| Progress { measure: Some(measure), ..Progress::default() });
    Some(Parsed { progress, log: Log::Replace(None, words), ..Parsed::default() })
}

fn error(message: &Map<String, Value>) -> Option<String> {
    let item = message.get("item").and_then(Value::as_str).filter(|item| !item.is_empty());
    let why = message.get("error").and_then(|error| error.get("message")).or_else(|| message.get("message"));
    let why = why?.as_str()?;
    Some(item.map_or_else(|| why.to_owned(), |item| format!("{item}: {why}")))
}
