//! Printable text: replaced characters.

use model::{is_unprintable, printable};

#[test]
fn control_characters_are_replaced() {
    for text in
        ["\u{1b}[31mred", "a\rb", "bell\u{7}", "del\u{7f}", "csi\u{9b}31m", "a\u{202e}b", "a\u{2066}b", "a\u{2028}b"]
    {
        let shown = printable(text, &[]);
        assert!(shown.contains('\u{fffd}') && !shown.contains(is_unprintable), "{shown:?}");
        assert_eq!(shown.chars().count(), text.chars().count());
    }
}

#[test]
fn ordinary_text_and_allowed_characters_are_kept() {
    for text in ["", "plain", "Müller 😀 café", "שלום", "مرحبا\u{200f}", "a\tb\nc"] {
        assert_eq!(printable(text, &['\t', '\n']), text);
    }
    assert_eq!(printable("a\tb\0c", &['\t']), "a\tb\u{fffd}c");
}
