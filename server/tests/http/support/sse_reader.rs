//! `SseReader`: reads an event stream line by line over a socket.

use std::io::{BufRead, BufReader, Lines};

use reqwest::blocking::Response;
use serde_json::Value;

use crate::support::accounts::UserClient;

pub(crate) struct SseReader {
    pub(crate) lines: Lines<BufReader<Response>>,
    /// The ID under which the subscriptions of the stream can be changed.
    pub(crate) stream_id: String,
    /// The cursor at which the stream began.
    pub(crate) cursor: String,
}

impl SseReader {
    pub(crate) fn new(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let mut reader =
            Self { lines: BufReader::new(response).lines(), stream_id: String::new(), cursor: String::new() };
        let hello: Value =
            serde_json::from_str(reader.read_until("\"stream\":").strip_prefix("data: ").unwrap()).unwrap();
        hello["stream"].as_str().unwrap().clone_into(&mut reader.stream_id);
        reader.cursor = format!("{}.{}", hello["epoch"].as_str().unwrap(), hello["seq"]);
        reader
    }

    pub(crate) fn open(user: &UserClient, query: &str) -> Self {
        Self::new(user.get(&format!("/events?{query}")))
    }

    /// Reads up to a line with this text; no line may contain one of `never`.
    pub(crate) fn read_until_without(&mut self, words: &str, never: &[&str]) -> String {
        for line in &mut self.lines {
            let line = line.unwrap();
            for word in never {
                assert!(!line.contains(word), "{word} in {line}");
            }
            if line.contains(words) {
                return line;
            }
        }
        panic!("the stream ended before {words}");
    }

    pub(crate) fn read_until(&mut self, words: &str) -> String {
        self.read_until_without(words, &[])
    }
}
