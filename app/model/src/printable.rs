//! Printable text: replaces control characters and marks that change the direction of text.

use std::borrow::Cow;

/// Whether a character is not printable: control characters (C0, C1, DEL), line separators, and marks that change the
/// direction of text (Unicode Standard Annex 9, "Trojan Source").
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Replaces each unprintable character with `U+FFFD`, except those in `kept`.
pub fn printable<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    let is_replaced = |character: char| is_unprintable(character) && !kept.contains(&character);
    // Most text is ASCII, and checking bytes is faster than checking characters.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| if is_replaced(character) { '\u{fffd}' } else { character }).collect())
}
