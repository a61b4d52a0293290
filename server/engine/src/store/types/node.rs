//! Nodes: the registration of a process.

use std::time::Duration;

use crate::types::ids::WorkerId;

/// A process that works on the store, as it has registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The process.
    pub worker: WorkerId,
    /// The boot id of its host's kernel; empty if unknown.
    pub host_boot_id: String,
    /// Its number there.
    pub pid: u32,
    /// Server or worker.
    pub role: Role,
    /// Jobs it runs at once.
    pub concurrency: u32,
    /// How long it may go without a heartbeat before it counts as dead.
    pub lease: Duration,
    /// Number of its heartbeats; rises while it lives.
    pub heartbeat: u64,
}

impl Node {
    /// A worker for one job at once, on an unknown kernel, with a lease of 30 s.
    pub fn worker(worker: WorkerId) -> Self {
        Self {
            worker,
            host_boot_id: String::new(),
            pid: std::process::id(),
            role: Role::Worker,
            concurrency: 1,
            lease: Duration::from_secs(30),
            heartbeat: 0,
        }
    }
}

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns the data directory: migrates, cleans up, and runs jobs unless configured otherwise.
    Server,
    /// Runs jobs.
    Worker,
}

impl Role {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
        }
    }

    /// Parses [`Self::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Server, Self::Worker].into_iter().find(|role| role.as_str() == word)
    }
}
