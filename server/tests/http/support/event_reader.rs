//! `EventReader`: reads an event stream and parses its events.

use std::io::{BufRead, BufReader};

use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::support::{browser::Browser, process::TIMEOUT};

pub(crate) struct EventReader(BufReader<Response>);

impl EventReader {
    /// Opens a stream and reads its snapshot: everything that happens from now on arrives as an event.
    pub(crate) fn open(browser: &Browser, topics: &str) -> Self {
        let client = Client::builder().timeout(3 * TIMEOUT).build().unwrap();
        let response = client.get(browser.server.url(&format!("/events?{topics}"))).send().unwrap();
        let mut events = Self(BufReader::new(response));
        events.wait_for_event("snapshot", |_| true);
        events
    }

    /// Reads up to an event of this name whose data match; returns the data.
    pub(crate) fn wait_for_event(&mut self, name: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(data).unwrap();
                if event == name && matches(&data) {
                    return data;
                }
            }
        }
    }

    pub(crate) fn wait_for_state(&mut self, job: i64, state: &str) -> Value {
        self.wait_for_event("state", |data| data["job"] == job && data["state"] == state)
    }
}
