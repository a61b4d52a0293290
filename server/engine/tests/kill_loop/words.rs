//! What a victim says of itself, one line each, so that it outlives it: a line is written in one go, and is either
//! there or not.

use std::io::Write;

use serde::{Deserialize, Serialize};

/// Tells our lines from what else a program says.
const MARK: &str = "> ";

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The engine is open and works: what the dead have left is settled. Processes are registered under such a name.
    Ready { worker: Option<String> },
    /// A start was acknowledged.
    Accepted { job: i64, name: String },
    /// A wish of a person was acknowledged; `code` is that of the event it has left.
    Granted { job: i64, code: String },
    /// A deletion is about to be asked for.
    WillDelete { job: i64 },
    /// A task has begun to run.
    Began { job: i64, attempt: u32 },
    /// A checkpoint after so many parts was acknowledged.
    Kept { job: i64, attempt: u32, parts: u32 },
    /// A later attempt goes on after so many.
    WentOn { job: i64, attempt: u32, parts: u32 },
    /// A task is about to return, having said so many lines in its log.
    WillSucceed { job: i64, attempt: u32, lines: u64 },
}

impl Said {
    /// Says it.
    pub(crate) fn say(&self) {
        let words = serde_json::to_string(self).expect("words are JSON");
        std::io::stderr().lock().write_all(format!("{MARK}{words}\n").as_bytes()).expect("somebody listens");
    }

    /// Reads a line; `None` where it is another's, or not whole.
    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line.strip_prefix(MARK)?).ok()
    }

    /// Whether the line is ours, whole or not.
    pub(crate) fn begins(line: &str) -> bool {
        MARK.starts_with(line) || line.starts_with(MARK)
    }
}
