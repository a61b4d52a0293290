//! Text that shows itself as it is: nothing in it moves a cursor, changes colours or turns round what others read.

use std::borrow::Cow;

/// Whether a character has an effect instead of a shape: control characters (C0, C1, DEL), line separators, and the marks
/// that turn the direction of text (Unicode Standard Annex 9, "Trojan Source").
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with `U+FFFD` in place of each such character, but for those in `kept`.
pub fn printable<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    let is_bad = |character: char| is_unprintable(character) && !kept.contains(&character);
    // Most text is plain, and bytes are looked at faster than characters.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| if is_bad(character) { '\u{fffd}' } else { character }).collect())
}
