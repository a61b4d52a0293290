//! Percent-encoding of names in addresses.

use std::fmt::Write as _;

/// Percent-encodes one path segment or query value (RFC 3986, 2.3).
pub(super) fn percent_encode(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
