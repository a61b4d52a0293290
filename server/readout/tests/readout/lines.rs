//! What becomes of lines.

use readout::Convention;

use super::{read, told};

fn lines(text: &str) -> Vec<String> {
    told(Convention::None, text)
}

#[test]
fn lines_end_where_they_end_and_the_last_one_needs_no_end() {
    assert_eq!(lines("one\ntwo\r\n\nthree"), ["| one", "| two", "| ", "| three"]);
    assert_eq!(lines(""), [""; 0]);
}

#[test]
fn of_a_line_that_is_written_over_the_last_state_stays() {
    assert_eq!(lines("\rloading 1\rloading 2\rdone\nnext\n"), ["| done", "| next"]);
    assert_eq!(lines("loading\u{1b}[2K\u{1b}[Gdone\n"), ["| done"]);
    assert_eq!(lines("loading\r\u{1b}[2K\n"), [""; 0], "what is wiped out in the end leaves no line");
}

#[test]
fn control_sequences_and_control_characters_are_taken_out() {
    assert_eq!(
        lines("\u{1b}[1;31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}\tend\u{7}\0\n"),
        ["| red link\tend"]
    );
    assert_eq!(lines("abc\u{8}d\n"), ["| abd"]);
    assert_eq!(lines("c1 \u{9b}31m\n"), ["| c1 31m"]);
}

#[test]
fn a_sequence_without_end_takes_its_own_line_and_no_other() {
    assert_eq!(lines("before\u{1b}]0;title\nnext\n"), ["| before", "| next"]);
    assert_eq!(lines("before\u{1b}Pxx\nnext\n"), ["| before", "| next"]);
}

#[test]
fn what_is_no_utf_8_is_shown_as_such() {
    let events = read(Convention::None, b"gr\xf6\xdfer\nend \xc3\n");
    let texts: Vec<String> = events.iter().map(super::word).collect();
    assert_eq!(texts, ["| gr\u{fffd}\u{fffd}er", "| end \u{fffd}"]);
    // What comes behind the first byte of a character, and is none of its others, is no part of it.
    let events = read(Convention::None, b"f\xfcr\na\xf1o\nnext\ntermin\xe9\n\xf0\x9f\n\xfc");
    let texts: Vec<String> = events.iter().map(super::word).collect();
    assert_eq!(texts, ["| f\u{fffd}r", "| a\u{fffd}o", "| next", "| termin\u{fffd}", "| \u{fffd}", "| \u{fffd}"]);
}

#[test]
fn a_long_line_is_cut_and_says_by_how_much() {
    let long = "x".repeat(1_000_000);
    let told = lines(&format!("{long}\nshort\n"));
    assert_eq!(told.len(), 2);
    assert!(told[0].ends_with("x … and 992 kB more of this line"), "{}", &told[0][told[0].len() - 60..]);
    assert_eq!(told[1], "| short");
}

#[test]
fn what_is_written_over_after_a_line_too_long_is_read_again() {
    let long = "x".repeat(1_000_000);
    assert_eq!(told(Convention::Percent, &format!("{long}\r50%\r\n")), ["50.0%"]);
}
