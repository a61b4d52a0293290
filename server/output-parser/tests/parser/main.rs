//! Parser tests: properties that hold for any output.

use std::fmt::Write;

use output_parser::{Event, Format, MAX_LOG_LINE, Measure, Reader, Stream};
use proptest::prelude::*;

mod colours;
mod formats;
mod lines;
mod recorded;

/// Returns the events of these bytes.
fn parse(format: Format, bytes: &[u8]) -> Vec<Event> {
    let mut reader = Reader::new(format);
    let mut events = reader.push(Stream::Out, bytes);
    events.extend(reader.finish());
    events
}

/// Returns the events of a text as summaries: `50%` for a share, `3/4 files`, `=message`, `?` after a guess, `|` before
/// a line.
fn parsed(format: Format, text: &str) -> Vec<String> {
    parse(format, text.as_bytes()).iter().map(summary).collect()
}

fn summary(event: &Event) -> String {
    match event {
        Event::Line(line) => match line.level {
            Some(level) => format!("{}| {}", level.as_str(), line.text),
            None => format!("| {}", line.text),
        },
        Event::Result(result) => {
            format!("{} ({})", result.error.as_deref().unwrap_or("success"), result.description)
        }
        Event::Progress(progress) => {
            let mut summary = match &progress.measure {
                Some(Measure::Share(share)) => format!("{:.1}%", 100.0 * share),
                Some(Measure::Count { value, max, unit }) => {
                    let max = max.map_or_else(String::new, |max| format!("/{max}"));
                    format!("{value}{max} {unit}").trim().to_owned()
                }
                None => String::new(),
            };
            if let Some(message) = &progress.message {
                write!(summary, "={message}").expect("writing to a string cannot fail");
            }
            if progress.guessed {
                summary.push('?');
            }
            summary
        }
    }
}

/// Output similar to that of real programs.
fn printed() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"37%".to_vec()),
        Just(b"[3/10] ".to_vec()),
        Just(b"{\"progress\":0.5,\"message\":\"half\"}\n".to_vec()),
        Just(b"\x1b]9;4;1;40\x07".to_vec()),
        Just(b"\x1b]9;4;1;".to_vec()),
        Just(b"\x1b\\".to_vec()),
        Just(b"\x1b[31mred\x1b[0m".to_vec()),
        Just(b"\x1b[1;38;5;208mbold".to_vec()),
        Just(b"\x1b[38:2::9:200:9;7m".to_vec()),
        Just(b"\x1b[;".to_vec()),
        Just(b"\x08".to_vec()),
        Just(b"\x1b[2K".to_vec()),
        Just("größer".as_bytes().to_vec()),
        Just(b"     32,768  10%  1.46MB/s    0:00:01".to_vec()),
        Just(b"out_time_us=100\nprogress=continue\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(scrap, 0..60).prop_map(|scraps| scraps.concat())
}

proptest! {
    #[test]
    fn events_do_not_depend_on_chunks(
        bytes in printed(),
        format in proptest::sample::select(&Format::ALL[..]),
        cuts in proptest::collection::vec(1_usize..40, 1..60),
    ) {
        let mut reader = Reader::new(format);
        let (mut events, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(*cut));
            events.extend(reader.push(Stream::Out, chunk));
            rest = after;
        }
        events.extend(reader.finish());
        prop_assert_eq!(events, parse(format, &bytes));
    }

    #[test]
    fn any_output_gives_clean_short_lines_and_valid_shares(
        bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
        format in proptest::sample::select(&Format::ALL[..]),
    ) {
        for event in parse(format, &bytes) {
            match event {
                Event::Line(line) => {
                    prop_assert!(line.text.len() < MAX_LOG_LINE + 60);
                    prop_assert!(line.text.chars().all(|c| c == '\t' || !c.is_control()), "{:?}", line.text);
                    let mut whole = String::new();
                    line.styles.spans(&line.text, |_, piece| whole.push_str(piece));
                    prop_assert_eq!(whole, line.text);
                }
                Event::Progress(progress) => if let Some(Measure::Share(share)) = progress.measure {
                    prop_assert!((0.0..=1.0).contains(&share));
                },
                Event::Result(_) => {}
            }
        }
    }
}
