//! A reader of the event stream over a socket.

use std::io::{BufRead, BufReader, Lines};

use reqwest::blocking::Response;
use serde_json::Value;

use crate::people::Visitor;

/// Somebody who listens.
pub(crate) struct Ear {
    pub(crate) lines: Lines<BufReader<Response>>,
    /// What the stream is called.
    pub(crate) stream: String,
    /// The position it began at.
    pub(crate) position: String,
}

impl Ear {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let mut ear = Self { lines: BufReader::new(response).lines(), stream: String::new(), position: String::new() };
        let hello: Value = serde_json::from_str(ear.until("\"stream\":").strip_prefix("data: ").unwrap()).unwrap();
        hello["stream"].as_str().unwrap().clone_into(&mut ear.stream);
        ear.position = format!("{}.{}", hello["epoch"].as_str().unwrap(), hello["seq"]);
        ear
    }

    pub(crate) fn open(visitor: &Visitor, query: &str) -> Self {
        Self::of(visitor.get(&format!("/events?{query}")))
    }

    /// Hears on to a line with these words; nothing that it hears may have one of `never`.
    pub(crate) fn until_without(&mut self, words: &str, never: &[&str]) -> String {
        for line in &mut self.lines {
            let line = line.unwrap();
            for word in never {
                assert!(!line.contains(word), "heard {word}: {line}");
            }
            if line.contains(words) {
                return line;
            }
        }
        panic!("the stream ended before {words}");
    }

    pub(crate) fn until(&mut self, words: &str) -> String {
        self.until_without(words, &[])
    }
}
