//! Printable text: replaces control characters and marks that change the direction of text.

use std::borrow::Cow;

/// Whether a character is not printable: control characters (C0, C1, DEL), line separators, and marks that change the
/// direction of text (Unicode Standard Annex 9, "Trojan Source").
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is drawn as nothing: joiners, marks of direction, fillers, variation selectors and tags.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A name for comparison with names that it could be mistaken for: without case, spaces and invisible characters.
pub fn comparable_name(name: &str) -> String {
    let is_compared = |character: &char| !character.is_whitespace() && !is_invisible(*character);
    // Upper case first, so that ẞ, ß and ss are equal.
    name.chars().filter(is_compared).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
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
