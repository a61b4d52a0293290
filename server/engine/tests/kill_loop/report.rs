//! Reports of a worker, one per line on stderr. A line is written at once and survives the death of its process.

use std::io::Write;

use serde::{Deserialize, Serialize};

/// Prefix of report lines.
const MARK: &str = "> ";

/// A report line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The engine is open, jobs of dead workers are settled. Has the worker id.
    Ready { worker: Option<String> },
    /// A start was acknowledged.
    Accepted { job: i64, name: String },
    /// A command was acknowledged; `code` is that of its event.
    Granted { job: i64, code: String },
    /// A deletion is about to be requested.
    WillDelete { job: i64 },
    /// A task has started.
    Started { job: i64, attempt: u32 },
    /// A checkpoint was acknowledged.
    Checkpointed { job: i64, attempt: u32, parts: u32 },
    /// An attempt resumes from a checkpoint.
    Resumed { job: i64, attempt: u32, parts: u32 },
    /// A task is about to return, with `lines` in its log.
    WillSucceed { job: i64, attempt: u32, lines: u64 },
}

impl Report {
    /// Writes the line.
    pub(crate) fn send(&self) {
        let line = serde_json::to_string(self).expect("reports are JSON");
        std::io::stderr().lock().write_all(format!("{MARK}{line}\n").as_bytes()).expect("stderr is open");
    }

    /// Parses a line; `None` if it is not a report or incomplete.
    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line.strip_prefix(MARK)?).ok()
    }

    /// Whether the line is a report, complete or not.
    pub(crate) fn is_report(line: &str) -> bool {
        MARK.starts_with(line) || line.starts_with(MARK)
    }
}
