//! Printable text: replaced characters, and names that look alike.

use model::{comparable_name, is_invisible, is_unprintable, printable};

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

#[test]
fn names_that_look_alike_compare_equal() {
    for name in
        ["ada lovelace", " ADA  LOVELACE", "Ada\u{a0}Lovelace", "a\u{200b}da love\u{ad}lace\u{200f}", "AdaLovelace"]
    {
        assert_eq!(comparable_name(name), "adalovelace", "{name:?}");
    }
    assert_eq!(comparable_name("Weiß"), comparable_name("WEISS"));
    assert_eq!(comparable_name("ΑΝΝΑΣ"), comparable_name("αννας"));
    assert_ne!(comparable_name("ada"), comparable_name("adá"));
}

#[test]
fn invisible_characters_are_known() {
    for character in ['\u{200b}', '\u{2060}', '\u{feff}', '\u{3164}', '\u{fe0f}', '\u{e0041}'] {
        assert!(is_invisible(character), "{character:?}");
        assert_eq!(comparable_name(&character.to_string()), "");
    }
    assert!("a1.é日😀 \u{301}".chars().all(|character| !is_invisible(character)));
}
