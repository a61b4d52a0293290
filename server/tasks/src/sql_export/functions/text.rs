//! Conversion of values to text, as in SQLite.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

/// Significant digits of a number with a fraction.
const DIGITS: i32 = 15;

/// The bytes of a value as text; `None` for null.
pub(super) fn text_of(value: ValueRef<'_>) -> Option<Cow<'_, [u8]>> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
        ValueRef::Real(number) => Cow::Owned(real_text(number).into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
    })
}

/// Cuts text at the first NUL, where SQLite ends it in many functions.
pub(super) fn until_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}

/// As `%!.15g`: always with a decimal point, without trailing zeros.
fn real_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    if number == 0.0 {
        return "0.0".to_owned();
    }
    let rounded = format!("{:.*e}", DIGITS as usize - 1, number);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent).unsigned_abs() as usize;
        return trim_zeros(&format!("{number:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.unsigned_abs())
}

/// Removes trailing zeros, but keeps one digit after the point.
fn trim_zeros(number: &str) -> String {
    let short = number.trim_end_matches('0');
    let whole = short.strip_suffix('.').map(|whole| format!("{whole}.0"));
    whole.unwrap_or_else(|| if short.contains('.') { short.to_owned() } else { format!("{number}.0") })
}
