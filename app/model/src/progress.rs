//! What a job says of its own advance, as lists, pages and the stream show it.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// The latest progress of one attempt. Newer beats older by `rev`; `rev` 0 is before its first report: the place where an
/// earlier attempt stopped, if the job goes on from there, else nothing.
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
    /// How much of the whole attempt is done, 0 to 1. Never falls within an attempt; `None` while unknown.
    pub fraction: Option<f64>,
    /// The current stage; `None` for a kind without stages or before the first.
    pub stage: Option<Stage>,
    /// One line by the task on what it is doing.
    pub message: String,
    /// The colour of `message`.
    pub tone: Tone,
    /// Speed in `unit` per second over the last half minute or so; `None` before it means something.
    pub rate: Option<f64>,
    /// Time left; `None` while it would be a guess.
    pub eta: Option<Eta>,
    /// Whether the attempt takes longer than nine of ten recent runs of its kind that succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
    /// Seconds without a report after which it is called quiet, where its kind is used to longer silences than
    /// [`QUIET_AFTER`](crate::QUIET_AFTER).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_after: Option<f64>,
    /// Warnings counted so far.
    pub warnings: u64,
    /// Free data of the task, 8 KiB of JSON at most.
    pub data: Option<serde_json::Value>,
    /// When the task last reported; `None` before the first report.
    pub at: Option<Micros>,
}

/// Where in its stages a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Zero-based.
    pub index: u32,
    /// How many stages the attempt has.
    pub count: u32,
    /// Name of the current one.
    pub name: String,
    /// Where each stage starts in the whole attempt, 0 to 1, rising; `count` numbers, the first 0.
    pub starts: Vec<f64>,
}

/// A range of seconds left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Eta {
    /// Optimistic, seconds.
    pub low: f64,
    /// Pessimistic, seconds.
    pub high: f64,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Plain information.
    #[default]
    Info,
    /// Good news.
    Success,
    /// Something to look at.
    Warning,
    /// Something is wrong.
    Danger,
}

impl Tone {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Info, Self::Success, Self::Warning, Self::Danger];

    /// The tone that a word names, if it names one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == word)
    }

    /// Its word, in JSON and in markup.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}
