//! Signals: one entry, read from what curl sends. A body with `=` is a form, one that begins with `{` is JSON, any other
//! is the value itself.

use http::HeaderMap;
use model::Micros;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::form_urlencoded;
use wire::{Entry, Finish, LogLines, Progress, Start, Time, limits};

use crate::http::problem::Rejection;

/// Content type of a log with levels.
const NDJSON: &str = "application/x-ndjson";

/// What a signal reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Start,
    Progress,
    Log,
    Finish,
}

impl Signal {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "start" => Some(Self::Start),
            "progress" => Some(Self::Progress),
            "log" => Some(Self::Log),
            "finish" => Some(Self::Finish),
            _ => None,
        }
    }

    /// The names of its fields.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Start => &[
                "at", "title", "stages", "host", "user", "pid", "program", "agent", "link", "parent", "trace",
                "timeout", "unique",
            ],
            Self::Progress => &["at", "stage", "value", "max", "unit", "message", "tone", "data"],
            Self::Finish => &["at", "elapsed", "state", "exit_code", "signal", "message", "result"],
            Self::Log => &[],
        }
    }

    /// The entry that the body describes.
    pub(super) fn entry(self, headers: &HeaderMap, body: &[u8], now: Micros) -> Result<Entry, Rejection> {
        let text = String::from_utf8_lossy(body);
        match self {
            Self::Log => log(headers, &text, now).map(Entry::Log),
            Self::Start => Ok(Entry::Start(Box::new(fields::<Start>(self, text.trim())?.unwrap_or_default()))),
            Self::Progress => match fields(self, text.trim())? {
                Some(progress) => Ok(Entry::Progress(progress)),
                None => progress(text.trim()).map(Entry::Progress),
            },
            Self::Finish => match fields(self, text.trim())? {
                Some(finish) => Ok(Entry::Finish(Box::new(finish))),
                None => finish(text.trim()).map(|finish| Entry::Finish(Box::new(finish))),
            },
        }
    }
}

/// The fields of a form or a JSON object; `None` if the text is neither. Unknown ones are ignored beside known ones, but
/// not alone: `code=3` in place of `exit_code=3` must not be a success.
fn fields<T: DeserializeOwned>(signal: Signal, text: &str) -> Result<Option<T>, Rejection> {
    let object = if text.starts_with('{') {
        serde_json::from_str(text).map_err(|error| Rejection::malformed(&error))?
    } else if text.contains('=') {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Value::Object(pairs.map(|(name, value)| (name.to_string(), form_value(&name, &value))).collect::<Map<_, _>>())
    } else {
        return Ok(None);
    };
    let names = signal.fields();
    let is_known =
        |object: &Map<String, Value>| object.is_empty() || names.iter().any(|name| object.contains_key(*name));
    if !object.as_object().is_some_and(is_known) {
        return Err(Rejection::invalid("", &format!("this has none of the fields {}", names.join(", "))));
    }
    serde_json::from_value(object).map(Some).map_err(|error| Rejection::malformed(&error))
}

/// A value of a form: texts stay as they are, and so do all others that are no JSON.
fn form_value(name: &str, value: &str) -> Value {
    match name {
        "stages" => value.split(',').map(str::trim).filter(|stage| !stage.is_empty()).collect(),
        "stage" | "value" | "max" | "pid" | "timeout" | "elapsed" | "exit_code" | "data" | "result" => {
            serde_json::from_str(value).unwrap_or_else(|_| value.into())
        }
        "at" => value.parse::<i64>().map_or_else(|_| value.into(), Value::from),
        _ => value.into(),
    }
}

/// `42%`, or `3/10 files`, with a message behind it.
fn progress(text: &str) -> Result<Progress, Rejection> {
    let wrong = || Rejection::invalid("", "progress is a percentage (42%), a count (3/10 files), a form or JSON");
    let (amount, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if let Some(percent) = amount.strip_suffix('%') {
        let percent: f64 = percent.parse().map_err(|_| wrong())?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(Rejection::invalid("", "a percentage is between 0 and 100"));
        }
        let message = Some(rest.to_owned()).filter(|message| !message.is_empty());
        let (value, unit) = (Some(percent.floor() as u64), Some("%".to_owned()));
        return Ok(Progress { value, max: Some(100), unit, message, ..Progress::default() });
    }
    let (value, max) = amount.split_once('/').ok_or_else(wrong)?;
    let (value, max) = (value.parse().map_err(|_| wrong())?, max.parse().map_err(|_| wrong())?);
    let (unit, message) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let message = Some(message.trim().to_owned()).filter(|message| !message.is_empty());
    Ok(Progress { value: Some(value), max: Some(max), unit: Some(unit.to_owned()), message, ..Progress::default() })
}

/// An exit code; nothing is success.
fn finish(text: &str) -> Result<Finish, Rejection> {
    if text.is_empty() {
        return Ok(Finish::default());
    }
    let wrong = |_| Rejection::invalid("", "a finish is an exit code, a form or JSON");
    Ok(Finish { exit_code: Some(text.parse().map_err(wrong)?), ..Finish::default() })
}

/// Lines of text, or NDJSON with `level` and `text`.
fn log(headers: &HeaderMap, text: &str, now: Micros) -> Result<LogLines, Rejection> {
    let at = Time(now.0);
    let is_ndjson = super::header_text(headers, http::header::CONTENT_TYPE).starts_with(NDJSON);
    let mut lines = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        lines.push(if is_ndjson { ndjson(line, at)? } else { (at, "info".to_owned(), line.to_owned()) });
    }
    if lines.len() > limits::BATCH_LINES {
        return Err(Rejection::too_many_lines(limits::BATCH_LINES));
    }
    Ok(LogLines { lines })
}

fn ndjson(line: &str, now: Time) -> Result<(Time, String, String), Rejection> {
    #[derive(serde::Deserialize)]
    struct Line {
        at: Option<Time>,
        level: Option<String>,
        text: String,
    }
    let line: Line = serde_json::from_str(line).map_err(|error| Rejection::malformed(&error))?;
    Ok((line.at.unwrap_or(now), line.level.unwrap_or_else(|| "info".to_owned()), line.text))
}
