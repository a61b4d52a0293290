//! Progress of an attempt: amount, fraction, stage, speed, time left, message.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// The latest progress of one attempt. A higher `rev` replaces a lower one. `rev` 0 is before the first report: the
/// progress of an earlier attempt if the job resumes from its checkpoint, else empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Rises with each published change within the attempt.
    pub rev: u64,
    /// Work done in the current stage, in `unit`.
    pub value: u64,
    /// All the work of the current stage, in `unit`; `None` while unknown.
    pub max: Option<u64>,
    /// What `value` counts: `B` (shown as sizes), `rows`, `files`, `links` …; empty before the first report.
    pub unit: String,
    /// Completed fraction of the whole attempt, 0 to 1. Never falls within an attempt; `None` while unknown.
    pub fraction: Option<f64>,
    /// The current stage; `None` for a kind without stages or before the first.
    pub stage: Option<Stage>,
    /// One line of text by the task.
    pub message: String,
    /// The colour of `message`.
    pub tone: Tone,
    /// Speed in `unit` per second over about the last 30 s; `None` before it is meaningful.
    pub rate: Option<f64>,
    /// Time left; `None` while there is no basis for an estimate.
    pub eta: Option<Eta>,
    /// Whether the attempt takes longer than nine of ten recent runs of its kind that succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
    /// Seconds without a report after which it is quiet, if its kind has longer silences than
    /// [`QUIET_AFTER`](crate::QUIET_AFTER).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_after: Option<f64>,
    /// Number of warnings so far.
    pub warnings: u64,
    /// Custom data of the task, at most 8 KiB of JSON. For clients; no page shows it.
    #[cfg(not(target_family = "wasm"))]
    pub data: Option<serde_json::Value>,
    /// When the task last reported; `None` before the first report.
    pub at: Option<Micros>,
}

/// The current stage of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Zero-based index.
    pub index: u32,
    /// Number of stages of the attempt.
    pub count: u32,
    /// Name of the current stage.
    pub name: String,
    /// Fraction at which each stage starts, 0 to 1, rising; `count` numbers, the first 0.
    pub starts: Vec<f64>,
}

/// The estimated time left, as a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Eta {
    /// Optimistic, seconds.
    pub low: f64,
    /// Pessimistic, seconds.
    pub high: f64,
}

/// The tone of a message, which sets its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Plain information.
    #[default]
    Info,
    /// Success.
    Success,
    /// A warning.
    Warning,
    /// An error.
    Danger,
}

impl Tone {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Info, Self::Success, Self::Warning, Self::Danger];

    /// Returns the tone with this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == word)
    }

    /// Its name in JSON and markup.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}
