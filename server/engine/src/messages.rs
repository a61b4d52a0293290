//! Messages and notes: limits and cleaning of their text and keys.

use model::{FieldError, count, is_unprintable};

use crate::{Error, Result};

/// Longest message, characters.
pub const MAX_MESSAGE_LENGTH: usize = 1_000;
/// Longest note on a job, characters.
pub const MAX_NOTE_LENGTH: usize = 4_000;
/// Longest key of a message, bytes.
const LONGEST_KEY: usize = 200;

/// Cleans a text: lines are separated by `\n`, tabs become spaces, other control characters and direction marks are
/// removed.
///
/// # Errors
/// `Error::InvalidInput` for the field `text` if it is empty, or has more than `longest` characters.
pub fn cleaned(text: &str, longest: usize) -> Result<String> {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    let kept: String = lines.chars().filter(|letter| *letter == '\n' || !is_unprintable(*letter)).collect();
    let kept = kept.trim();
    let letters = kept.chars().count();
    let fault = if letters == 0 {
        "Text is required.".to_owned()
    } else if letters > longest {
        format!("Text must be at most {} characters; these are {}.", count(longest as u64), count(letters as u64))
    } else {
        return Ok(kept.to_owned());
    };
    Err(Error::InvalidInput(vec![FieldError { field: "text".to_owned(), message: fault }]))
}

/// Checks a sender's key; `None` if it is empty.
///
/// # Errors
/// `Error::InvalidInput` for the field `key` if it is too long.
pub fn key(text: Option<&str>) -> Result<Option<String>> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if text.len() > LONGEST_KEY => {
            let message = format!("Key must be at most {LONGEST_KEY} bytes.");
            Err(Error::InvalidInput(vec![FieldError { field: "key".to_owned(), message }]))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
