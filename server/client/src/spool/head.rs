//! The head of a spooled run, and how far the server has acknowledged it.

use serde::{Deserialize, Serialize};
use wire::Start;

/// What a later client needs to deliver a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The server that the run is reported to. Its token is sent to no other one.
    pub(crate) server: String,
    pub(crate) kind: String,
    pub(crate) run: String,
    pub(crate) reporter: String,
    /// Seconds.
    pub(crate) heartbeat: u64,
    /// The start entry, repeated after a new epoch.
    pub(crate) start: Start,
    #[serde(default)]
    pub(crate) host_boot_id: String,
}

/// What the server has on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Acknowledged {
    /// The number of the last entry.
    pub(crate) acked: u64,
    /// The identity of its data.
    pub(crate) epoch: Option<String>,
    /// The number of the job.
    pub(crate) job: Option<u64>,
}
