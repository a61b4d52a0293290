//! The `Range` header of a download, by RFC 9110, section 14.

use http::{HeaderMap, HeaderValue, Method, header};

/// Rewrites `Range` to the one form that the file service understands, for a file of `length` bytes. Removes a header
/// that must or may be ignored; the response is then the whole file.
pub(super) fn normalise(method: &Method, headers: &mut HeaderMap, length: u64) {
    let requested = headers.remove(header::RANGE);
    // Defined for GET only (14.2). An empty file has no range.
    if method != Method::GET || length == 0 {
        return;
    }
    let range = requested
        .as_ref()
        .and_then(|requested| requested.to_str().ok())
        .and_then(|requested| parse_range(requested, length));
    if let Some(range) = range {
        headers.insert(header::RANGE, range);
    }
}

/// The range that `requested` names, of a file that is not empty; `None` for an unknown unit, an invalid range or
/// several: those would need a multipart answer.
fn parse_range(requested: &str, length: u64) -> Option<HeaderValue> {
    let (unit, range) = requested.split_once('=')?;
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

/// Parses digits; saturates.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}
