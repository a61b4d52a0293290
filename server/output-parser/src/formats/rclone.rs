//! Format of `rclone --use-json-log -v --stats 1s`: a log in JSON lines, some with statistics.

use model::Level;
use serde_json::{Map, Value};

use crate::{
    Measure, Progress,
    format::{Log, Parsed},
    formats::object,
};

/// Parses a line of the log.
pub(crate) fn rclone(text: &str) -> Option<Parsed> {
    let object = object(text)?;
    let word = |key| object.get(key).and_then(Value::as_str);
    let (level, message) = (word("level")?, word("msg")?);
    word("source")?;
    if let Some(stats) = object.get("stats").and_then(Value::as_object) {
        return Some(Parsed::progress_only(progress(stats)));
    }
    let subject = word("object").map_or_else(String::new, |object| format!("{object}: "));
    let log = Log::Replace(Some(level_of(level)), format!("{subject}{}", message.trim()));
    Some(Parsed { log, ..Parsed::default() })
}

fn progress(stats: &Map<String, Value>) -> Progress {
    let number = |key| stats.get(key).and_then(Value::as_u64).unwrap_or_default();
    let max = Some(number("totalBytes")).filter(|max| *max > 0);
    let measure = Some(Measure::Count { value: number("bytes"), max, unit: "B".to_owned() });
    let files = number("totalTransfers");
    let words = if files == 0 { String::new() } else { format!("{} of {files} files", number("transfers")) };
    Progress { measure, ..Progress::default() }.with_message(words)
}

fn level_of(word: &str) -> Level {
    match word {
        "debug" => Level::Debug,
        "warning" | "warn" => Level::Warn,
        "error" | "critical" | "fatal" | "alert" | "emergency" => Level::Error,
        _ => Level::Info,
    }
}
