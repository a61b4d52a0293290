//! Replacements of SQL functions that take quadratic time or a deep stack in SQLite. A call cannot be interrupted
//! there, so a cancelled query could run for hours. These return the same in linear time, or check for a cancel.

mod pattern;
mod text;

use std::{borrow::Cow, sync::Arc};

use memchr::memmem;
use rusqlite::{
    Connection, Error, Result, ffi,
    functions::{Context, FunctionFlags},
    types::{Value, ValueRef},
};

use pattern::{Language, Pattern};
use text::{text_of, until_nul};

/// Functions that stay forbidden: merging two JSON objects takes time proportional to the product of their sizes.
pub(super) const QUADRATIC: [&str; 2] = ["json_patch", "jsonb_patch"];

/// Returns whether the query should stop.
pub(super) type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// Replaces functions of SQLite; no result is longer than `longest` bytes.
pub(super) fn replace_quadratic(connection: &Connection, longest: usize, stop: &Stop) -> Result<()> {
    const SAME: FunctionFlags =
        FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

    connection.create_scalar_function("instr", 2, SAME, |call| Ok(instr(call.get_raw(0), call.get_raw(1))))?;
    connection.create_scalar_function("replace", 3, SAME, move |call| replace(call, longest))?;
    for (name, at_start, at_end) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        connection.create_scalar_function(name, 2, SAME, move |call| Ok(trim(call, at_start, at_end)))?;
    }
    connection.create_scalar_function("unhex", 2, SAME, |call| Ok(unhex(call)))?;
    for (name, language) in [("like", Language::Like), ("glob", Language::Glob)] {
        let stop = Arc::clone(stop);
        connection.create_scalar_function(name, 2, SAME, move |call| {
            let Some(pattern) = cached_pattern(call, language)? else { return Ok(None) };
            matches(call, &pattern, &stop)
        })?;
    }
    let stop = Arc::clone(stop);
    connection.create_scalar_function("like", 3, SAME, move |call| {
        let Some(escape) = text_of(call.get_raw(2)) else { return Ok(None) };
        let escape = pattern::escape(&escape).map_err(message)?;
        let Some(pattern) = text_of(call.get_raw(0)) else { return Ok(None) };
        let pattern = Pattern::read(&pattern, Language::Like, Some(escape)).map_err(message)?;
        matches(call, &pattern, &stop)
    })
}

/// The position of the second argument in the first, in characters, or in bytes if both are blobs.
fn instr(haystack: ValueRef<'_>, needle: ValueRef<'_>) -> Option<i64> {
    let bytes = matches!((&haystack, &needle), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (haystack, needle) = (text_of(haystack)?, text_of(needle)?);
    if needle.is_empty() {
        return Some(1);
    }
    let begins_here = |at: &usize| bytes || *at == 0 || is_boundary(haystack[*at]);
    let Some(at) = memmem::find_iter(&haystack, &*needle).find(begins_here) else { return Some(0) };
    let passed = if bytes { at } else { haystack[1..].iter().take(at).filter(|byte| is_boundary(**byte)).count() };
    Some(passed as i64 + 1)
}

/// Whether a byte starts a character in UTF-8.
fn is_boundary(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn replace(call: &Context<'_>, longest: usize) -> Result<Option<Value>> {
    let (Some(text), Some(pattern)) = (text_of(call.get_raw(0)), text_of(call.get_raw(1))) else { return Ok(None) };
    if until_nul(&pattern).is_empty() {
        return Ok(Some(as_text(&text)));
    }
    let Some(by) = text_of(call.get_raw(2)) else { return Ok(None) };
    let (mut replaced, mut rest) = (Vec::new(), 0);
    for at in memmem::find_iter(&text, &*pattern) {
        replaced.extend_from_slice(&text[rest..at]);
        replaced.extend_from_slice(&by);
        rest = at + pattern.len();
        if replaced.len() > longest {
            return Err(failure(ffi::SQLITE_TOOBIG));
        }
    }
    replaced.extend_from_slice(&text[rest..]);
    Ok(Some(as_text(&replaced)))
}

fn trim(call: &Context<'_>, at_start: bool, at_end: bool) -> Option<Value> {
    let (text, set) = (text_of(call.get_raw(0))?, text_of(call.get_raw(1))?);
    let text = String::from_utf8_lossy(&text);
    let set = characters(&set);
    let is_in = |character: char| set.binary_search(&character).is_ok();
    let trimmed = if at_start { text.trim_start_matches(is_in) } else { &*text };
    let trimmed = if at_end { trimmed.trim_end_matches(is_in) } else { trimmed };
    Some(Value::Text(trimmed.to_owned()))
}

/// Decodes hexadecimal digits. Characters of the second argument are ignored between two pairs.
fn unhex(call: &Context<'_>) -> Option<Value> {
    let (text, ignored) = (text_of(call.get_raw(0))?, text_of(call.get_raw(1))?);
    let text = String::from_utf8_lossy(until_nul(&text));
    let ignored = characters(&ignored);
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character.to_digit(16) {
            Some(high) => bytes.push((high << 4 | rest.next()?.to_digit(16)?) as u8),
            None if ignored.binary_search(&character).is_ok() => {}
            None => return None,
        }
    }
    Some(Value::Blob(bytes))
}

/// The characters of a set, sorted.
fn characters(set: &[u8]) -> Vec<char> {
    let mut characters: Vec<char> = String::from_utf8_lossy(until_nul(set)).chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters
}

/// The parsed pattern of a call, cached for all rows if it is constant.
fn cached_pattern(call: &Context<'_>, language: Language) -> Result<Option<Arc<Pattern>>> {
    let read = |pattern: ValueRef<'_>| match text_of(pattern) {
        None => Ok(None),
        Some(pattern) => Pattern::read(&pattern, language, None).map(|pattern| Some(Arc::new(pattern))),
    };
    let cached: Arc<Option<Arc<Pattern>>> = call.get_or_create_aux(0, read)?;
    Ok(cached.as_ref().clone())
}

fn matches(call: &Context<'_>, pattern: &Pattern, stop: &Stop) -> Result<Option<bool>> {
    let Some(text) = text_of(call.get_raw(1)) else { return Ok(None) };
    let text = String::from_utf8_lossy(until_nul(&text));
    pattern.matches(&text, &**stop).map(Some).ok_or_else(|| failure(ffi::SQLITE_INTERRUPT))
}

fn as_text(bytes: &[u8]) -> Value {
    Value::Text(match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    })
}

fn failure(code: std::ffi::c_int) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}

fn message(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::UserFunctionError(error.into())
}

#[cfg(test)]
mod tests;
