//! ANSI styles: they never change the text.

use model::{AnsiStyles, Level, LogLine, Micros};

/// Returns the spans of a text as `style|span`.
fn pieces(styles: &AnsiStyles, text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    styles.spans(text, |style, piece| pieces.push(format!("{style}|{piece}")));
    pieces
}

fn written(styles: &str) -> AnsiStyles {
    AnsiStyles::from(styles.to_owned())
}

#[test]
fn style_applies_from_its_offset_on() {
    let mut styles = AnsiStyles::default();
    assert!(styles.is_plain());
    styles.change(0, "1b");
    styles.change(3, "1b");
    styles.change(5, "");
    styles.change(7, "92u");
    assert_eq!(styles, written("0:1b 5: 7:92u"));
    assert_eq!(pieces(&styles, "error: it"), ["1b|error", "|: ", "92u|it"]);
    assert_eq!(pieces(&styles, "größer"), ["1b|größe", "92u|r"], "half a character is no place");
    assert_eq!(pieces(&AnsiStyles::default(), "plain"), ["|plain"]);
    assert_eq!(pieces(&styles, ""), [""; 0]);
}

#[test]
fn truncated_text_is_plain_after_the_cut() {
    for (end, left) in [(9, "0:1b 5: 7:92u 9:"), (7, "0:1b 5:"), (6, "0:1b 5:"), (3, "0:1b 3:"), (0, "")] {
        let mut styles = written("0:1b 5: 7:92u");
        styles.truncate(end);
        assert_eq!(styles, written(left), "cut at {end}");
    }
}

#[test]
fn style_changes_are_bounded_and_the_last_is_plain() {
    let mut styles = AnsiStyles::default();
    for at in 0..1_000 {
        styles.change(at, if at % 2 == 0 { "91biur" } else { "92biur" });
    }
    let text = "x".repeat(1_000);
    let pieces = pieces(&styles, &text);
    assert_eq!(pieces.len(), AnsiStyles::CHANGES);
    assert_eq!(pieces[AnsiStyles::CHANGES - 1], format!("|{}", "x".repeat(1_001 - AnsiStyles::CHANGES)));
    let again: AnsiStyles = serde_json::from_str(&serde_json::to_string(&styles).expect("JSON")).expect("JSON");
    assert_eq!(again, styles, "as much as can be is not too much to be read again");
}

#[test]
fn invalid_style_string_is_rejected() {
    for wrong in ["0:1;color:red", "0:<b>", "0:\"", "0:1\n", "0:1é", "0:x", &"0:1 ".repeat(1_000)] {
        assert!(written(wrong).is_plain(), "{wrong}");
        let mut styles = AnsiStyles::default();
        styles.change(0, wrong);
        assert!(styles.is_plain(), "{wrong}");
    }
}

#[test]
fn text_is_complete_for_any_style_offsets() {
    let text = "größer <b>";
    for odd in
        ["3:1", "5:1 2:2 7:3", "99:1", "4294967296:1 184467440737095516160:2", ":::", "1b", " ", "0:1:2", "2:1 2:2"]
    {
        let mut whole = String::new();
        written(odd).spans(text, |_, piece| whole.push_str(piece));
        assert_eq!(whole, text, "{odd}");
    }
}

#[test]
fn plain_line_serialises_without_style() {
    let mut line = LogLine::plain(Micros(7), Level::Info, "it");
    let plain = r#"{"at":7,"level":"info","text":"it"}"#;
    assert_eq!(serde_json::to_string(&line).expect("JSON"), plain);
    assert_eq!(serde_json::from_str::<LogLine>(plain).expect("JSON"), line);
    line.styles.change(0, "1");
    let styled = serde_json::to_string(&line).expect("JSON");
    assert_eq!(styled, r#"{"at":7,"level":"info","text":"it","paint":"0:1"}"#);
    assert_eq!(serde_json::from_str::<LogLine>(&styled).expect("JSON"), line);
}
