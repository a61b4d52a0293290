//! Parser of server-sent events by the standard (WHATWG HTML, 9.2.5 and 9.2.6), for bytes in pieces of any size.

/// An event as a page receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dispatched {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) last_event_id: String,
}

#[derive(Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    /// The last byte ended a line and was a carriage return: a line feed now is part of that end.
    after_return: bool,
    begun: bool,
    event: String,
    /// None where there was no `data` line.
    data: Option<String>,
    last_event_id: String,
    /// Milliseconds.
    pub(crate) retry: Option<u64>,
}

impl Parser {
    /// Parses a piece. Returns the events that it completes.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Vec<Dispatched> {
        let mut dispatched = Vec::new();
        for byte in piece {
            let second_half = *byte == b'\n' && self.after_return;
            self.after_return = *byte == b'\r';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => dispatched.extend(self.end_of_line()),
                byte => self.line.push(*byte),
            }
        }
        dispatched
    }

    fn end_of_line(&mut self) -> Option<Dispatched> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let line = if std::mem::replace(&mut self.begun, true) { &line } else { line.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                let data = self.data.get_or_insert_default();
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_event_id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Dispatched> {
        let event = std::mem::take(&mut self.event);
        let data = self.data.take()?;
        Some(Dispatched {
            event: if event.is_empty() { "message".to_owned() } else { event },
            data: data.strip_suffix('\n').unwrap_or(&data).to_owned(),
            last_event_id: self.last_event_id.clone(),
        })
    }
}

/// All events of a stream, checked to be the same byte by byte.
fn parsed(bytes: &[u8]) -> Vec<(String, String, String)> {
    let tuple = |event: Dispatched| (event.event, event.data, event.last_event_id);
    let whole: Vec<_> = Parser::default().feed(bytes).into_iter().map(tuple).collect();
    let mut parser = Parser::default();
    let single: Vec<_> = bytes.iter().flat_map(|byte| parser.feed(&[*byte])).map(tuple).collect();
    assert_eq!(whole, single, "the pieces do not matter");
    whole
}

/// The cases of the web platform tests (`eventsource/format-*`).
#[test]
fn sse_parser_passes_the_web_platform_cases() {
    let one = |event: &str, data: &str, id: &str| vec![(event.to_owned(), data.to_owned(), id.to_owned())];
    for (bytes, dispatched) in [
        ("\u{feff}data: a\n\n", one("message", "a", "")),
        ("data: a\r\rdata: b\n", one("message", "a", "")),
        ("data: a\r\ndata: b\r\n\r\n", one("message", "a\nb", "")),
        ("data\n\n", one("message", "", "")),
        ("data\ndata\n\n", one("message", "\n", "")),
        ("data:  two spaces\n\n", one("message", " two spaces", "")),
        (":comment\ndata: a\n:\n\n", one("message", "a", "")),
        ("event: x\n\ndata: a\n\n", one("message", "a", "")),
        ("id: 1\ndata: a\nid: 2\0\n\n", one("message", "a", "1")),
        ("Data: x\ndata : x\nevent: e\ndata:a\u{2028}b\u{85}\n\n", one("e", "a\u{2028}b\u{85}", "")),
        ("data: never ended", vec![]),
    ] {
        assert_eq!(parsed(bytes.as_bytes()), dispatched, "{bytes:?}");
    }
}
