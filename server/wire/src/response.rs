//! Responses: what the server says of a run.

use serde::{Deserialize, Serialize};

use crate::Time;

/// The state of a run, in every successful response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The number of the job.
    pub job: u64,
    /// The number of the attempt; it rises when the server had given the run up.
    pub attempt: u32,
    /// The state of the job: `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// The identity of the server's data.
    pub epoch: String,
    /// Entries that the server has.
    pub received: u64,
    /// Entries that are on its disk: reporters keep all that follow.
    pub acked: u64,
    /// Seconds between two reports that the server asks for.
    pub report_every: f64,
    /// Changes with attempt, cancel request and pace; opaque.
    pub control: String,
    /// The request to stop, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Cancel>,
    /// How much more log the attempt takes.
    #[serde(default)]
    pub log: LogAllowance,
    /// The server's clock.
    pub at: Time,
}

/// A request to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    /// When it was made.
    pub at: Time,
    /// The user who made it; empty if none did.
    #[serde(default)]
    pub by: String,
    /// Why.
    pub reason: CancelReason,
    /// Seconds that the program has to end by itself.
    pub grace: f64,
}

/// Why a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// A user cancelled it.
    Cancel,
    /// It exceeded a time limit.
    Timeout,
    /// A later run took its place.
    Superseded,
    /// A user gave it up.
    GivenUp,
}

/// How much more log an attempt takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogAllowance {
    /// Lines that are still kept.
    pub lines_left: u64,
}
