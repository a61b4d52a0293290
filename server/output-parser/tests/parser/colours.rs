//! Colours and text effects.

use model::AnsiStyles;
use output_parser::{Event, Format, MAX_LINE, MAX_LOG_LINE};

use super::parse;

/// Returns the lines with their styles, such as `1{red}plain`.
fn styled(printed: &str) -> Vec<String> {
    let events = parse(Format::None, printed.as_bytes());
    events
        .iter()
        .filter_map(|event| if let Event::Line(line) = event { Some(line) } else { None })
        .map(pieces)
        .collect()
}

fn pieces(line: &output_parser::Line) -> String {
    let mut all = Vec::new();
    line.styles.spans(&line.text, |style, piece| {
        all.push(if style.is_empty() { piece.to_owned() } else { format!("{style}{{{piece}}}") });
    });
    all.concat()
}

/// Returns a text after the control sequence SGR with these codes.
fn after(codes: &str) -> String {
    styled(&format!("\u{1b}[{codes}mx\n")).concat()
}

#[test]
fn sixteen_colours_are_kept_for_text_and_background() {
    for colour in 1..=6 {
        assert_eq!(after(&format!("3{colour}")), format!("{colour}{{x}}"));
        assert_eq!(after(&format!("9{colour}")), format!("9{colour}{{x}}"));
        assert_eq!(after(&format!("4{colour}")), format!("{colour}r{{x}}"));
        assert_eq!(after(&format!("10{colour}")), format!("9{colour}r{{x}}"));
        assert_eq!(after(&format!("37;4{colour}")), format!("{colour}r{{x}}"), "text is readable on any background");
    }
    assert_eq!(after("90"), "0{x}");
    assert_eq!([after("30"), after("37"), after("97")], ["x", "x", "x"], "text is readable on a light and a dark page");
    assert_eq!([after("40"), after("31;40")], ["x", "1{x}"]);
    assert_eq!([after("47"), after("107"), after("100")], ["r{x}", "r{x}", "0r{x}"]);
}

#[test]
fn effects_last_until_they_are_reset() {
    assert_eq!([after("1"), after("2"), after("3"), after("4"), after("7")], ["b{x}", "0{x}", "i{x}", "u{x}", "r{x}"]);
    assert_eq!(after("1;2;3;4;31"), "1biu{x}");
    assert_eq!([after("31;7"), after("41;7"), after("4:3"), after("4;4:0")], ["1r{x}", "1{x}", "u{x}", "x"]);
    assert_eq!(after("1;2;3;4;7;31;41;22;23;24;27;39;49"), "x");
    assert_eq!(after("21;22"), "u{x}");
    assert_eq!(after("5;8;9;53;73"), "x", "other effects are ignored");
}

#[test]
fn zero_and_empty_reset_everything() {
    for reset in ["0", "", "00", "0;0", ";"] {
        assert_eq!(styled(&format!("\u{1b}[1;31ma\u{1b}[{reset}mb\n")), ["1b{a}b"], "{reset:?}");
    }
    assert_eq!(after("1;;31"), "1{x}");
    assert_eq!(after("31;0;1"), "b{x}");
}

#[test]
fn colour_maps_to_nearest_of_sixteen() {
    for (codes, shown) in [
        ("38;5;1", "1"),
        ("38;5;12", "94"),
        ("38;5;208", "93"),
        ("38;5;52", "1"),
        ("38;5;117", "96"),
        ("38;5;240", "0"),
        ("38;5;244", "0"),
        ("38;2;255;100;0", "91"),
        ("38;2;0;100;0", "2"),
        ("38;2;180;120;200", "5"),
        ("38:5:2", "2"),
        ("38:2::0:0:139", "4"),
        ("38:2:0:0:139", "4"),
        ("38:2:1:0:0:139:9:9", "4"),
        ("48;5;9", "91r"),
        ("48;2;0;128;128", "6r"),
    ] {
        assert_eq!(after(codes), format!("{shown}{{x}}"), "{codes}");
    }
    assert_eq!([after("38;5;255"), after("38;2;0;0;0"), after("38;2;99999;99999;99999")], ["x", "x", "x"]);
}

#[test]
fn invalid_colour_changes_nothing() {
    for codes in ["38;5;256", "38;5", "38", "38;2;1;2", "38:5", "38:2:1:2", "38:7:1:1:1:1"] {
        assert_eq!(styled(&format!("\u{1b}[32m\u{1b}[{codes}mx\n")), ["2{x}"], "{codes}");
    }
    assert_eq!(after("32;58;5;1"), "2{x}", "the underline colour does not affect the text");
    assert_eq!(after("32;58:2::1:4:7"), "2{x}");
    assert_eq!(styled("\u{1b}[32m\u{1b}[>4;1mx\u{1b}[?4my\n"), ["2{xy}"], "these sequences are not SGR");
    assert_eq!(styled("\u{1b}[32mx\u{1b}[31\ny\n"), ["2{x}", "2{y}"], "an unterminated sequence");
}

#[test]
fn style_continues_over_line_breaks() {
    assert_eq!(styled("\u{1b}[31ma\nb\n\n\u{1b}[0mc\n"), ["1{a}", "1{b}", "", "c"]);
    assert_eq!(styled("a\u{1b}[31m\nb\u{1b}[0m\nc\n"), ["a", "1{b}", "c"]);
    assert_eq!(styled("\u{1b}[31mend"), ["1{end}"]);
}

#[test]
fn rewritten_text_loses_its_colours() {
    assert_eq!(styled("\u{1b}[31mone\rtwo\u{1b}[0m!\n"), ["1{two}!"]);
    assert_eq!(styled("\u{1b}[31mone\u{1b}[0m\rtwo\n"), ["two"]);
    assert_eq!(styled("\u{1b}[31mone\u{1b}[2K\u{1b}[32mtwo\r\n"), ["2{two}"]);
    assert_eq!(styled("a\u{1b}[31mb\u{8}c\u{1b}[0md\n"), ["a1{c}d"]);
    assert_eq!(styled("a\u{1b}[31mb\u{1b}[0m\u{8}c\n"), ["ac"]);
    assert_eq!(styled("\u{1b}[31ma\u{8}\u{8}\u{8}\u{1b}[0mb\n"), ["b"]);
}

#[test]
fn style_offsets_match_the_remaining_text() {
    assert_eq!(styled("grö\u{7}ß\u{1b}[1mer\u{1b}]0;title\u{7}\u{1b}[0m!\n"), ["größb{er}!"]);
    assert_eq!(styled("\u{1b}[31mred   \u{1b}[32m   \n"), ["1{red}"], "trailing blanks are removed");
}

#[test]
fn note_of_a_cut_line_is_plain() {
    let long = "x".repeat(MAX_LOG_LINE + 100);
    let line = &styled(&format!("\u{1b}[31m{long}\u{1b}[32m{long}\n"))[0];
    let (red, rest) = line.split_once('}').expect("it is painted");
    assert_eq!(red.len(), "1{".len() + MAX_LOG_LINE);
    assert!(rest.starts_with(" … and ") && !rest.contains('{'), "{rest}");
    let endless = "y".repeat(2 * MAX_LINE);
    assert_eq!(styled(&format!("\u{1b}[31m{endless}\u{1b}[32m{endless}\nend\n"))[1], "2{end}");
}

#[test]
fn style_changes_of_a_line_are_limited() {
    let many: Vec<_> = (0..10_000).map(|at| format!("\u{1b}[3{}m{}", 1 + at % 6, at % 10)).collect();
    let events = parse(Format::None, many.concat().as_bytes());
    let [Event::Line(line)] = events.as_slice() else { panic!("{events:?}") };
    let mut pieces = Vec::new();
    line.styles.spans(&line.text, |style, piece| pieces.push((style.to_owned(), piece.len())));
    assert_eq!(pieces.len(), AnsiStyles::CHANGES);
    assert_eq!(pieces.last().map(|(style, _)| style.as_str()), Some(""));
    assert!(line.styles.size() < 1_024, "{} bytes", line.styles.size());
}

#[test]
fn progress_is_parsed_in_coloured_lines() {
    let events = parse(Format::Auto, b"\x1b[32m50%\x1b[0m\n\x1b[1m{\"progress\":0.75}\x1b[m\n");
    assert!(events.iter().all(|event| matches!(event, Event::Progress(_))), "{events:?}");
    assert_eq!(events.len(), 2);
}
