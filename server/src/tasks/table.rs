//! CSV that people open in a spreadsheet.

use std::borrow::Cow;

/// A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front, unless it is a
/// plain number (OWASP, "CSV Injection").
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && text.parse::<f64>().is_err() { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_disarmed_and_numbers_are_not_touched() {
        for text in ["=1+1", "+cmd|' /C calc'!A0", "@sum(1)", "-2+3", "\t=1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        for text in ["", "-5", "+1.5", "a=b", "https://example.org/"] {
            assert_eq!(cell(text), text);
        }
    }
}
