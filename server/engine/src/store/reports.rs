//! Reported jobs in the store: runs by the names that their reporters gave them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use model::{JobId, JobView, Micros};

use super::{Attribution, Claimed, Fence, WorkerId};
use crate::Result;

/// The most kinds that there may be with those of reports.
pub const MAX_KINDS: u32 = 1_000;

/// A run: one execution of a reported kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunKey {
    /// The user whose token reports it.
    pub owner: Arc<str>,
    /// The kind.
    pub kind: String,
    /// Its name, unique among the runs of this owner and kind.
    pub run: String,
}

/// A report of a run that the server does not host.
#[derive(Clone, Debug)]
pub struct OpenRun {
    /// The run.
    pub key: RunKey,
    /// Whether the reporter named it.
    pub is_named: bool,
    /// Whose token reports.
    pub by: Attribution,
    /// The process that will host it.
    pub worker: WorkerId,
    /// The title of a new job.
    pub title: String,
    /// When the run began, if the report says so; never later than now.
    pub started_at: Option<Micros>,
    /// The host of a new job; may be empty.
    pub host: String,
    /// The start entry of a new job, JSON.
    pub start: String,
}

/// What became of a run that was to be opened.
#[derive(Clone, Debug)]
pub enum OpenedRun {
    /// It runs, and the given process hosts it.
    Running(Box<RunningRun>),
    /// It is over.
    Ended(Box<JobView>),
    /// Its job was deleted.
    Gone,
}

/// A run to be hosted.
#[derive(Clone, Debug)]
pub struct RunningRun {
    /// Its job and the right to write.
    pub claimed: Claimed,
    /// Its name.
    pub key: RunKey,
    /// Whether this report created it.
    pub is_new: bool,
    /// See [`wire::Batch::reporter`]; empty before the first batch.
    pub writer: String,
    /// Entries of batches whose log lines are durable.
    pub acked: u64,
    /// The newest part of the log that came by a numbered signal.
    pub part: u64,
    /// Seconds within which the reporter promised the next report.
    pub heartbeat: Option<u64>,
    /// The start entry, JSON.
    pub start: String,
}

/// Changes of what is known of a reporter.
#[derive(Clone, Debug, Default)]
pub struct ReporterChange {
    /// Its mark; see [`wire::Batch::reporter`].
    pub writer: Option<String>,
    /// Its promise; `Some(None)` withdraws it.
    pub heartbeat: Option<Option<u64>>,
    /// The part of the log that came by a numbered signal.
    pub part: Option<u64>,
}

/// What a chunk of log acknowledges to the reporter of its job.
#[derive(Clone, Debug)]
pub struct LogAck {
    /// The last entry whose lines are in it, or before it.
    pub acked: u64,
    /// Set if the chunk is refused: its job is hosted elsewhere or over, or there was no room for an earlier chunk.
    pub fenced: Arc<AtomicBool>,
}

impl LogAck {
    /// Refuses the chunk and all after it: its reporter sends everything after the stored number again.
    pub(crate) fn refuse(&self) {
        self.fenced.store(true, Ordering::Release);
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }
}

/// The end of a reported attempt.
#[derive(Clone, Copy, Debug)]
pub struct ReportedEnd {
    /// The last entry of its batches.
    pub acked: u64,
    /// When it ended, by the corrected clock of its reporter; never later than now.
    pub at: Micros,
}

/// Runs of reported jobs.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Opens a run for the process that will host it: creates its job, already running, if there is none; takes it over
    /// from another process; or continues it in a new attempt if the server had given it up.
    ///
    /// # Errors
    /// `Error::Refused` with `too_many_kinds`.
    async fn open_run(&self, open: OpenRun) -> Result<OpenedRun>;
    /// The job of a run; `None` if there is no such run, `Some(None)` if its job was deleted.
    async fn find_run(&self, key: &RunKey) -> Result<Option<Option<(JobView, u64)>>>;
    /// The newest run of a kind that a token reports without a name and that is running, or was given up.
    async fn unnamed_run(&self, owner: &str, token: &str, kind: &str) -> Result<Option<String>>;
    /// Takes over all runs for a process that starts to host them.
    async fn adopt_runs(&self, worker: &WorkerId) -> Result<Vec<RunningRun>>;
    /// Records what is known of a reporter.
    async fn change_reporter(&self, fence: Fence, change: ReporterChange) -> Result<()>;
    /// Records that contact with the reporter was lost at a time, or regained. An event.
    async fn set_contact(&self, fence: Fence, lost_at: Option<Micros>) -> Result<()>;
    /// The host of a job's reporter and its start entry, JSON.
    async fn reporter_of(&self, job: JobId) -> Result<Option<(RunKey, String)>>;
}
