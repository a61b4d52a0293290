//! The `Range` header of a download, by RFC 9110, section 14.

use http::{HeaderMap, HeaderValue, Method, header};

/// Rewrites `Range` to the one form that the file service understands, for a file of `length` bytes. A header that the
/// rules say to ignore, or that may be ignored, is removed: the whole file is then the right answer.
pub(super) fn normalise(method: &Method, headers: &mut HeaderMap, length: u64) {
    let asked = headers.remove(header::RANGE);
    // Defined for GET only (14.2). Of an empty file no part can be named.
    if method != Method::GET || length == 0 {
        return;
    }
    let range = asked.as_ref().and_then(|asked| asked.to_str().ok()).and_then(|asked| one_range(asked, length));
    if let Some(range) = range {
        headers.insert(header::RANGE, range);
    }
}

/// The range that `asked` names, of a file that is not empty; `None` for an unknown unit, an invalid range or several: those would need a multipart
/// answer.
fn one_range(asked: &str, length: u64) -> Option<HeaderValue> {
    let (unit, range) = asked.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    let range = if first.is_empty() {
        match number(last)? {
            // Can be satisfied by no file.
            0 => length..=u64::MAX,
            suffix => length.saturating_sub(suffix)..=u64::MAX,
        }
    } else {
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        number(first)?..=last
    };
    if range.is_empty() {
        return None;
    }
    let (first, last) = range.into_inner();
    let last = last.min(length - 1);
    let text = if first > last { format!("bytes={first}-") } else { format!("bytes={first}-{last}") };
    HeaderValue::try_from(text).ok()
}

/// Digits alone; too large a number is the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}
