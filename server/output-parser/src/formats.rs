//! Parsers of the progress formats, one file each.

mod curl;
mod ffmpeg;
mod generic;
mod json;
mod rclone;
mod restic;
mod rsync;

pub(crate) use curl::curl;
pub(crate) use ffmpeg::Ffmpeg;
pub(crate) use generic::{Numbers, fraction, guess, percent, terminal_progress};
pub(crate) use json::json;
pub(crate) use rclone::rclone;
pub(crate) use restic::restic;
pub(crate) use rsync::rsync;

use serde_json::{Map, Value};

/// Parses a line that is a JSON object.
fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !(text.starts_with('{') && text.ends_with('}')) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Parses a percentage such as `37%` or `16.9%`.
fn percentage(word: &str) -> Option<f64> {
    share(word.strip_suffix('%')?)
}

/// Parses a number from 0 to 100.
fn share(word: &str) -> Option<f64> {
    let plain = !word.is_empty() && word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    word.parse().ok().filter(|number| plain && (0.0..=100.0).contains(number))
}
