//! Escaping of CSV cells against formula injection in spreadsheets and control characters in terminals.

use std::borrow::Cow;

use model::printable;

/// First characters of a formula, in plain and full-width form.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Separators of other dialects: a program that splits at `;` or tabs ignores the quotes around a cell with a comma.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Escapes a cell. A cell or part of one that starts like a formula gets an apostrophe, unless it is a plain number
/// (OWASP, "CSV Injection"). Control characters are replaced.
pub fn escape_cell(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    let mut marks: Vec<usize> = parts(&text).filter(|(_, part)| is_formula(part)).map(|(at, _)| at).collect();
    if text.starts_with(SEPARATORS) {
        marks.insert(0, 0);
    }
    marks.dedup();
    if marks.is_empty() {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + marks.len());
    let mut written = 0;
    for at in marks {
        safe.push_str(&text[written..at]);
        safe.push('\'');
        written = at;
    }
    safe.push_str(&text[written..]);
    Cow::Owned(safe)
}

/// Replaces control characters except tabs and line breaks. A carriage return alone would overwrite the line in a
/// terminal.
fn clean(text: &str) -> Cow<'_, str> {
    let text = printable(text, &['\t', '\r', '\n']);
    if !text.contains('\r') {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let alone = character == '\r' && rest.peek() != Some(&'\n');
        clean.push(if alone { '\u{fffd}' } else { character });
    }
    Cow::Owned(clean)
}

/// The parts between separators, with their offsets.
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(SEPARATORS).map(move |part| {
        let begin = at;
        at += part.len() + 1;
        (begin, part)
    })
}

fn is_formula(part: &str) -> bool {
    part.trim_start_matches('"').starts_with(FORMULAS) && part.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::escape_cell;

    #[test]
    fn formulas_are_escaped_and_numbers_are_kept() {
        for text in ["=1+1", "+cmd|' /C calc'!A0", "@sum(1)", "-2+3", "＝1+1", "＋1", "－1+1", "＠a", "\"=1+1"] {
            assert_eq!(escape_cell(text), format!("'{text}"));
        }
        for text in ["", "-5", "+1.5", "a=b", "a,=b", "https://example.org/?a=b;c=d", "a;b", "1;-5", "a\nb"] {
            assert_eq!(escape_cell(text), text);
        }
    }

    #[test]
    fn formulas_after_separators_are_escaped() {
        for (text, safe) in [
            ("\t=1", "'\t'=1"),
            ("\n=1", "'\n'=1"),
            ("\r\n=1", "'\r\n'=1"),
            (";=1", "';'=1"),
            ("a;=1+1", "a;'=1+1"),
            ("a;\"=1+1\"", "a;'\"=1+1\""),
            ("a\n@b;-c", "a\n'@b;'-c"),
            ("=a;＝b", "'=a;'＝b"),
            ("\t", "'\t"),
        ] {
            assert_eq!(escape_cell(text), safe);
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(escape_cell("\u{1b}]0;title\u{7}"), "\u{fffd}]0;title\u{fffd}");
        assert_eq!(escape_cell("a\rb\r\nc\td\u{9b}m\u{202e}"), "a\u{fffd}b\r\nc\td\u{fffd}m\u{fffd}");
        assert_eq!(escape_cell("\r=1"), "\u{fffd}=1");
    }
}
