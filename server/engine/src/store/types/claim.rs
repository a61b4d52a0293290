//! Claims: taking jobs of the queue, and the controls that limit them.

use std::sync::Arc;

use model::JobView;
use tokio_util::sync::CancellationToken;

use crate::Queue;
use crate::types::ids::Fence;
use crate::types::ids::WorkerId;

/// A request for jobs to run.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The worker that claims.
    pub worker: WorkerId,
    /// How many jobs at most.
    pub slots: u32,
    /// The kinds that this worker can run.
    pub kinds: Arc<[Claimable]>,
    /// If there is nothing to claim, waits for it until this is cancelled. The transaction that queues a job then
    /// claims it as well. Only the newest claim of a store waits.
    pub waits: Option<CancellationToken>,
}

/// A kind that a process can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimable {
    /// Its name.
    pub kind: String,
    /// The queue it belongs to.
    pub queue: String,
    /// How many of it may run at once, on all workers together; `None` without a limit.
    pub limit: Option<u32>,
}

impl Claimable {
    /// A kind in the default queue, without a limit of its own.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), queue: Queue::DEFAULT.to_string(), limit: None }
    }
}

/// A change of the controls of a queue or a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlChange {
    /// No job starts any more.
    Pause,
    /// Jobs start again.
    Resume,
    /// This many jobs may run at once, at least 1; `None` removes the limit. Running jobs go on.
    Limit(Option<u32>),
}

/// A job that has been claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to write for the attempt.
    pub fence: Fence,
    /// Its view, `running`.
    pub view: JobView,
    /// Its input, JSON text.
    pub input: String,
    /// The number of the attempt's first log line.
    pub next_line: u64,
    /// Attempts charged, this one included.
    pub charged: u32,
}
