//! One file for each way of saying how far one is.

mod curl;
mod ffmpeg;
mod json;
mod plain;
mod rclone;
mod restic;
mod rsync;

pub(crate) use curl::curl;
pub(crate) use ffmpeg::Ffmpeg;
pub(crate) use json::json;
pub(crate) use plain::{Numbers, bar, fraction, guess, percent};
pub(crate) use rclone::rclone;
pub(crate) use restic::restic;
pub(crate) use rsync::rsync;

use serde_json::{Map, Value};

/// The object that a line is, if it is one.
fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !(text.starts_with('{') && text.ends_with('}')) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// A percentage such as `37%` or `16.9%`, with nothing else in it.
fn percentage(word: &str) -> Option<f64> {
    share(word.strip_suffix('%')?)
}

/// A number from 0 to 100, with nothing else in it.
fn share(word: &str) -> Option<f64> {
    let plain = !word.is_empty() && word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    word.parse().ok().filter(|number| plain && (0.0..=100.0).contains(number))
}
