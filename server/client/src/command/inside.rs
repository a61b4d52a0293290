//! Commands inside of a run: they append a JSON line to the report file. Without one they do nothing, so that a script
//! also runs on its own.

use std::{env, ffi::OsString, fs::OpenOptions, io::Write as _, path::Path};

use lexopt::Parser;
use serde_json::{Value, json};

use crate::error::ClientError;

/// `progress 3/10 TEXT`
pub(crate) fn progress(parser: &mut Parser) -> Result<u8, ClientError> {
    let words = words(parser)?;
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let amount = words.next().unwrap_or_default();
    let mut line = amount_of(&amount)
        .ok_or_else(|| ClientError::Usage(format!("`{amount}` is not progress such as 3/10, 42% or 0.42")))?;
    let text: Vec<_> = words.collect();
    if !text.is_empty() {
        line["message"] = text.join(" ").into();
    }
    append(&line)
}

/// `note TEXT`, `warn TEXT`
pub(crate) fn note(parser: &mut Parser, key: &str) -> Result<u8, ClientError> {
    let words = words(parser)?;
    let text: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    append(&json!({ key: text.join(" ") }))
}

/// `artifact FILE...`
pub(crate) fn artifact(parser: &mut Parser) -> Result<u8, ClientError> {
    for file in words(parser)? {
        let path = Path::new(&file);
        let absolute = std::path::absolute(path).map_err(ClientError::file(path))?;
        if !absolute.is_file() {
            return Err(ClientError::Usage(format!("{} is not a file", path.display())));
        }
        append(&json!({ "artifact": absolute.to_string_lossy() }))?;
    }
    Ok(0)
}

fn words(parser: &mut Parser) -> Result<Vec<OsString>, ClientError> {
    let words: Vec<OsString> = parser.raw_args()?.filter(|word| word != "--").collect();
    if words.is_empty() { Err(ClientError::Usage("a value is missing".to_owned())) } else { Ok(words) }
}

fn amount_of(text: &str) -> Option<Value> {
    let share = |share: f64| (0.0..=1.0).contains(&share).then(|| json!({ "progress": share }));
    if let Some(percent) = text.strip_suffix('%') {
        return share(percent.trim().parse::<f64>().ok()? / 100.0);
    }
    if let Some((value, max)) = text.split_once('/') {
        let (value, max): (u64, u64) = (value.trim().parse().ok()?, max.trim().parse().ok()?);
        return (max > 0).then(|| json!({ "value": value.min(max), "max": max }));
    }
    if text.contains('.') { share(text.parse().ok()?) } else { Some(json!({ "value": text.parse::<u64>().ok()? })) }
}

fn append(line: &Value) -> Result<u8, ClientError> {
    let Some(path) = env::var_os("MILEPOST_REPORT") else { return Ok(0) };
    let mut file = OpenOptions::new().append(true).open(&path).map_err(ClientError::file(&path))?;
    // One write, so that lines of two processes do not mix.
    file.write_all(format!("{line}\n").as_bytes()).map_err(ClientError::file(&path))?;
    Ok(0)
}
