//! Lines: ends, rewriting, control sequences, invalid UTF-8, length.

use output_parser::Format;

use super::{parse, parsed};

fn lines(text: &str) -> Vec<String> {
    parsed(Format::None, text)
}

#[test]
fn last_line_needs_no_line_break() {
    assert_eq!(lines("one\ntwo\r\n\nthree"), ["| one", "| two", "| ", "| three"]);
    assert_eq!(lines(""), [""; 0]);
}

#[test]
fn rewritten_line_keeps_its_last_state() {
    assert_eq!(lines("\rloading 1\rloading 2\rdone\nnext\n"), ["| done", "| next"]);
    assert_eq!(lines("loading\u{1b}[2K\u{1b}[Gdone\n"), ["| done"]);
    assert_eq!(lines("loading\r\u{1b}[2K\n"), [""; 0], "an erased line is not logged");
}

#[test]
fn control_sequences_and_characters_are_removed() {
    assert_eq!(
        lines("\u{1b}[1;31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}\tend\u{7}\0\n"),
        ["| red link\tend"]
    );
    assert_eq!(lines("abc\u{8}d\n"), ["| abd"]);
    assert_eq!(lines("c1 \u{9b}31m\n"), ["| c1 31m"]);
}

#[test]
fn unterminated_sequence_affects_only_its_line() {
    assert_eq!(lines("before\u{1b}]0;title\nnext\n"), ["| before", "| next"]);
    assert_eq!(lines("before\u{1b}Pxx\nnext\n"), ["| before", "| next"]);
}

#[test]
fn invalid_utf_8_is_replaced() {
    let events = parse(Format::None, b"gr\xf6\xdfer\nend \xc3\n");
    let texts: Vec<String> = events.iter().map(super::summary).collect();
    assert_eq!(texts, ["| gr\u{fffd}\u{fffd}er", "| end \u{fffd}"]);
    // A byte that cannot continue a character ends it.
    let events = parse(Format::None, b"f\xfcr\na\xf1o\nnext\ntermin\xe9\n\xf0\x9f\n\xfc");
    let texts: Vec<String> = events.iter().map(super::summary).collect();
    assert_eq!(texts, ["| f\u{fffd}r", "| a\u{fffd}o", "| next", "| termin\u{fffd}", "| \u{fffd}", "| \u{fffd}"]);
}

#[test]
fn long_line_is_cut_with_a_note() {
    let long = "x".repeat(1_000_000);
    let parsed = lines(&format!("{long}\nshort\n"));
    assert_eq!(parsed.len(), 2);
    assert!(parsed[0].ends_with("x … and 992 kB more of this line"), "{}", &parsed[0][parsed[0].len() - 60..]);
    assert_eq!(parsed[1], "| short");
}

#[test]
fn rewritten_text_after_too_long_line_is_parsed() {
    let long = "x".repeat(1_000_000);
    assert_eq!(parsed(Format::Percent, &format!("{long}\r50%\r\n")), ["50.0%"]);
}
