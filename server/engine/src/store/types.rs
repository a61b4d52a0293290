//! Arguments and results of the store's methods.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    AttemptNo, Failure, JobId, JobState, JobView, Level, LogLine, Micros, Priority, Progress, Seq, StreamEvent,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Attribution, RunOf};
pub use crate::types::ids::{Fence, WorkerId};
use crate::{Curve, Queue, types::visibility::Visibility};

/// A process that works on the store, as it has registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The process.
    pub worker: WorkerId,
    /// The kernel it runs on, by its boot id; empty where it does not say.
    pub kernel: String,
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
            kernel: String::new(),
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

/// A job to accept.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its kind.
    pub kind: String,
    /// Its title on pages.
    pub title: String,
    /// Its input, a JSON object, as text.
    pub input: String,
    /// The user who starts it and owns it.
    pub by: Attribution,
    /// Attempts granted.
    pub max_attempts: u32,
    /// Earliest start.
    pub run_at: Option<Micros>,
    /// The job it repeats.
    pub rerun_of: Option<JobId>,
    /// Uploads its input refers to.
    pub uploads: Vec<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// At most one active job of the kind may have it.
    pub unique_key: Option<String>,
    /// The caller's idempotency key for this start.
    pub idempotency_key: Option<String>,
    /// The schedule that it is a run of.
    pub run_of: Option<RunOf>,
    /// Bytes that its owner may have sent, this input included; `None` without a limit.
    pub quota: Option<u64>,
}

impl NewJob {
    /// A job of this kind with the kind as its title and an empty input: one attempt, to start at once.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            title: kind.to_owned(),
            input: "{}".to_owned(),
            by: Attribution::default(),
            max_attempts: 1,
            run_at: None,
            rerun_of: None,
            uploads: Vec::new(),
            priority: Priority::default(),
            unique_key: None,
            idempotency_key: None,
            run_of: None,
            quota: None,
        }
    }
}

/// How much a user may have sent that is still kept.
#[derive(Clone, Copy, Debug)]
pub struct UploadQuota {
    /// Bytes of uploads and large inputs; `None` without a limit.
    pub bytes: Option<u64>,
    /// Uploads, whatever their sizes.
    pub files: u64,
}

impl Default for UploadQuota {
    fn default() -> Self {
        Self { bytes: None, files: 10_000 }
    }
}

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

/// More lines for one log.
#[derive(Clone, Debug)]
pub struct LogAppend {
    /// The right to write.
    pub fence: Fence,
    /// Number of the first line.
    pub first_line: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// A checkpoint to be saved.
#[derive(Clone, Debug)]
pub struct SaveCheckpoint {
    /// The right to write.
    pub fence: Fence,
    /// The task's own state, JSON text.
    pub data: String,
    /// Warnings counted so far.
    pub warnings: u64,
}

/// What the task does after a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointOutcome {
    /// It goes on.
    Continue,
    /// It ends the attempt with [`Outcome::Paused`]: a user has asked to pause the job.
    Pause,
}

/// A checkpoint: where the next attempt resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The attempt that made it.
    pub attempt: AttemptNo,
    /// When.
    pub at: Micros,
    /// Warnings counted before it.
    pub warnings: u64,
    /// The task's own state, JSON text.
    pub data: String,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Output as JSON text.
    Succeeded {
        /// The output.
        output: String,
    },
    /// Failed for good.
    Failed {
        /// Why.
        failure: Failure,
        /// Backtrace or chain of causes; may be empty.
        trace: String,
    },
    /// Failed, and to be retried. Its kind must grant another attempt.
    RetryLater {
        /// Why.
        failure: Failure,
        /// Backtrace or chain of causes; may be empty.
        trace: String,
        /// When the next attempt is due.
        at: Micros,
    },
    /// Cannot be done yet; the attempt is not charged.
    Snoozed {
        /// When the task is to be called again.
        until: Micros,
    },
    /// The cancel took effect.
    Cancelled {
        /// The error with which it ended, if it was another than "cancelled".
        failure: Option<Failure>,
        /// Its trace.
        trace: String,
    },
    /// Paused at a checkpoint, as a user had asked; the attempt is not charged. If the request was withdrawn
    /// meanwhile, the job is released.
    Paused,
    /// Returned to the queue because the worker shuts down; the attempt is not charged.
    Released,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The right to write.
    pub fence: Fence,
    /// How it ended.
    pub outcome: Outcome,
    /// Its last progress.
    pub progress: Progress,
    /// Seconds spent in each stage, where there are stages.
    pub stage_seconds: Vec<f64>,
    /// Progress over time; `None` if it was too short for one.
    pub curve: Option<Curve>,
    /// Log lines not appended yet.
    pub log: Option<LogAppend>,
    /// Its artifacts, which become visible with it; dropped if it is `Snoozed`, `Paused` or `Released`.
    pub artifacts: Vec<Artifact>,
    /// Whether there may be a checkpoint, of this attempt or an earlier one. Success removes it.
    pub checkpointed: bool,
}

/// A file that a job made, in the attempt's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// File name; unique within the attempt, no path separators.
    pub name: String,
    /// Which attempt made it.
    pub attempt: AttemptNo,
    /// Its size in bytes.
    pub size: u64,
    /// When it was finished.
    pub at: Micros,
}

/// A JSON text of a job, which may be large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobText {
    /// Its input.
    Input,
    /// The output of its latest attempt.
    Result,
}

/// The result of a cancel request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It was waiting and is now cancelled.
    Cancelled,
    /// It runs in this attempt and has been asked to stop.
    Requested(AttemptNo),
    /// It had been asked before; nothing changed.
    AlreadyRequested(AttemptNo),
    /// It was over; nothing changed.
    AlreadyEnded(JobState),
}

/// The result of a pause request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseOutcome {
    /// It was waiting and is now paused.
    Paused,
    /// It runs, and pauses at its next checkpoint.
    Requested,
}

/// A durable event with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct DurableEvent {
    /// Its number; the order of commits.
    pub seq: Seq,
    /// The job it is about; `None` for a message to everyone.
    pub job: Option<JobId>,
    /// A `State`, `Log`, `Message` or `QueueControl` event.
    pub event: StreamEvent,
}

/// What a stream or a page subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topics {
    /// State changes of all jobs, and counts.
    pub jobs: bool,
    /// The overview page.
    pub overview: bool,
    /// Messages to users.
    pub messages: bool,
    /// Everything about these jobs, logs included.
    pub job: BTreeSet<JobId>,
    /// State and progress of these jobs, as a list shows them, without logs.
    pub row: BTreeSet<JobId>,
}

/// A job with the details of its own page.
#[derive(Clone, Debug)]
pub struct JobDetail {
    /// Its view, as lists show it.
    pub view: JobView,
    /// Its input.
    pub input: Value,
    /// Its result.
    pub output: Option<Value>,
    /// Stages of the kind when it was last claimed, with the seconds spent in each, where known.
    pub stage_seconds: Vec<f64>,
    /// Lines in its log.
    pub log_lines: u64,
    /// Bytes of its artifacts, all attempts.
    pub artifact_bytes: u64,
    /// The latest job that repeats this one.
    pub repeated_by: Option<JobId>,
    /// Trace of the failure; may be empty.
    pub trace: String,
    /// How urgent it is.
    pub priority: Priority,
}

/// The most distinct words of a search; further ones are ignored.
pub const SEARCH_WORDS: usize = 8;

/// A query for a list of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these states; empty for all.
    pub states: Vec<JobState>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Created at or after.
    pub from: Option<Micros>,
    /// Created before.
    pub until: Option<Micros>,
    /// Words that must all occur in id, kind or title, ignoring case. At most [`SEARCH_WORDS`] distinct words
    /// count, and a search takes 2 s at most; else it is refused with the code `search_too_long` or `searches_busy`.
    pub text: Option<String>,
    /// Jobs before (older than) or after (newer than) this one.
    pub at: Option<PageAt>,
    /// Only what the user can see; everything by default.
    pub visibility: Visibility,
    /// How many; 1 to 200.
    pub limit: u32,
}

/// Where a page begins: the key of keyset pagination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAt {
    /// The newest that are older than this job.
    OlderThan(JobId),
    /// The oldest that are newer than this job; still shown newest first.
    NewerThan(JobId),
    /// The last page: the oldest of all.
    Oldest,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Whether there are older ones.
    pub older: bool,
    /// Whether there are newer ones.
    pub newer: bool,
}

/// One attempt of a job.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// Which.
    pub attempt: AttemptNo,
    /// Its state, or how it ended.
    pub state: JobState,
    /// When it started.
    pub started_at: Micros,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// The worker that ran it.
    pub worker: WorkerId,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Backtrace or chain of causes.
    pub trace: String,
    /// Its last progress.
    pub progress: Progress,
}

/// A successful run, for estimates of later ones.
#[derive(Clone, Debug, Default)]
pub struct PastRun {
    /// How long it took.
    pub seconds: f64,
    /// Seconds spent in each stage, where there are stages.
    pub stage_seconds: Vec<f64>,
    /// Progress over time; empty if it was too short for one.
    pub curve: Curve,
}

/// Something that happened to a job.
#[derive(Clone, Debug)]
pub struct Activity {
    /// When.
    pub at: Micros,
    /// One of `created started cancel_requested not_responding succeeded failed cancelled interrupted snoozed
    /// handed_back pause_requested paused set_aside resumed retried started_now repeated`
    pub what: String,
    /// In which attempt.
    pub attempt: AttemptNo,
    /// The user who did it, if one did.
    pub by: Option<String>,
    /// Details for people; may be empty.
    pub detail: String,
}

/// A query for part of a log.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// The last lines before this number, in rising order.
    pub before: Option<u64>,
    /// Lines from this number on. Not together with `before`. Without both: the end of the log.
    pub from: Option<u64>,
    /// Only this level or a more severe one.
    pub level: Option<Level>,
    /// Only lines that contain this, ignoring case.
    pub text: Option<String>,
    /// How many lines; 1 to 10,000.
    pub limit: u32,
}

/// Part of a log, in rising order.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// Number and line.
    pub lines: Vec<(u64, LogLine)>,
    /// Whether matching lines exist before the first.
    pub more_before: bool,
    /// Whether matching lines exist after the last.
    pub more_after: bool,
    /// Lines in the whole log.
    pub total: u64,
}

/// The jobs that ended in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourBucket {
    /// Start of the hour, UTC.
    pub hour: Micros,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed or interrupted.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// Statistics of a kind.
#[derive(Clone, Debug)]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// All jobs of it.
    pub total: u64,
    /// Running now.
    pub running: u64,
    /// Up to 20 last ended runs, oldest first: job, final state, seconds.
    pub last: Vec<(JobId, JobState, f64)>,
    /// Median seconds of recent successful runs.
    pub usual_seconds: Option<f64>,
    /// Ninth decile of the seconds of recent successful runs.
    pub slow_seconds: Option<f64>,
    /// Succeeded among succeeded + failed + interrupted, 0 to 1, of recent runs.
    pub success_rate: Option<f64>,
}

/// Bytes used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The database with its write-ahead log.
    pub database: u64,
    /// Job files.
    pub artifacts: u64,
    /// Uploaded files.
    pub uploads: u64,
    /// The database of imported tables.
    pub imports: u64,
}

/// What retention can remove of an ended job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// The whole job.
    Job,
    /// The lines of its log.
    Log,
    /// Its artifacts, and its checkpoint with its files: a retry starts from the beginning.
    Artifacts,
}

/// What retention has removed.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// The jobs, each with its last attempt. The caller deletes their files.
    pub jobs: Vec<(JobId, AttemptNo)>,
    /// The last of the requested jobs that was handled; those after it are untouched.
    pub last: Option<JobId>,
    /// Bytes of the artifacts.
    pub bytes: u64,
}

/// Uploads that were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrunedUploads {
    /// Their ids.
    pub uploads: Vec<String>,
    /// The last of the requested uploads that was handled.
    pub last: Option<String>,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: String,
    /// Its name, without paths and control characters.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When it was completed.
    pub at: Micros,
    /// The name of its sender; `None` for uploads of builds without accounts.
    pub by: Option<String>,
}
