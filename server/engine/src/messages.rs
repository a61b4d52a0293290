//! Messages and notes: limits and cleaning of their text and keys.

use model::{FieldError, count, is_unprintable};

use crate::{Error, Result};

/// The longest message, characters.
pub const MAX_MESSAGE_LENGTH: usize = 1_000;
/// The longest note on a job, characters.
pub const MAX_NOTE_LENGTH: usize = 4_000;
/// The longest key that a message is sent under, bytes.
const LONGEST_KEY: usize = 200;

/// A text without what is no part of it: lines are kept apart by `\n`, tabs become spaces, other control characters go,
/// and so do those that change the direction of the text around it.
///
/// # Errors
/// `Error::InvalidInput` for the field `text` where nothing is left, or more than `longest` characters.
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

/// A key as its sender gives it; none where it is empty.
///
/// # Errors
/// `Error::InvalidInput` for the field `key` where it is too long.
pub fn key(text: Option<&str>) -> Result<Option<String>> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if text.len() > LONGEST_KEY => {
            let message = format!("Key must be at most {LONGEST_KEY} bytes.");
            Err(Error::InvalidInput(vec![FieldError { field: "key".to_owned(), message }]))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
