//! What goes into the store's verbs and comes out of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    AttemptNo, Failure, JobId, JobState, JobView, Level, LogLine, Micros, Priority, Progress, Seq, StreamEvent,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{By, RunOf};
use crate::{Curve, Queue, access::Sight};

/// A process that runs jobs, since its start. 32 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootId(pub String);

/// A process that works on the store, as it has registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The process.
    pub boot: BootId,
    /// The kernel it runs on, by its boot id; empty where it does not say.
    pub kernel: String,
    /// Its number there.
    pub pid: u32,
    /// What it is for.
    pub role: Role,
    /// Jobs it runs at once.
    pub concurrency: u32,
    /// How long it may go without a heartbeat before it counts as dead.
    pub lease: Duration,
    /// How often its heart has beaten.
    pub heartbeat: u64,
}

impl Node {
    /// A worker for one job at once, on a kernel that does not say which it is, with a lease of 30 s.
    pub fn worker(boot: BootId) -> Self {
        Self {
            boot,
            kernel: String::new(),
            pid: std::process::id(),
            role: Role::Worker,
            concurrency: 1,
            lease: Duration::from_secs(30),
            heartbeat: 0,
        }
    }
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It owns the data directory: migrates, cleans up, and runs jobs unless told otherwise.
    Server,
    /// It runs jobs.
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

    /// The role named by `word`, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Server, Self::Worker].into_iter().find(|role| role.as_str() == word)
    }
}

/// What a worker must still hold for its write to count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The job.
    pub job: JobId,
    /// The attempt it claimed.
    pub attempt: AttemptNo,
    /// The process that claimed it.
    pub boot: BootId,
}

/// A job to accept.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its kind.
    pub kind: String,
    /// What people call it.
    pub title: String,
    /// Its input, a JSON object, as text.
    pub input: String,
    /// Who starts it; it is theirs by the name.
    pub by: By,
    /// Attempts granted.
    pub max_attempts: u32,
    /// Not before this.
    pub run_at: Option<Micros>,
    /// The job it repeats.
    pub rerun_of: Option<JobId>,
    /// Uploads its input refers to.
    pub uploads: Vec<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// What must not be under way twice within the kind.
    pub unique_key: Option<String>,
    /// The caller's name for this start.
    pub idempotency_key: Option<String>,
    /// The schedule that it is a run of.
    pub run_of: Option<RunOf>,
    /// Bytes that who starts it may have sent, this input included; `None` for any amount.
    pub quota: Option<u64>,
}

impl NewJob {
    /// One of this kind that is called like it, on an empty input: granted one attempt, to start at once.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            title: kind.to_owned(),
            input: "{}".to_owned(),
            by: By::default(),
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

/// How much one user may have sent that is still kept.
#[derive(Clone, Copy, Debug)]
pub struct UploadQuota {
    /// Bytes of uploads and large inputs; `None` for any amount.
    pub bytes: Option<u64>,
    /// Uploads, whatever their sizes.
    pub files: u64,
}

impl Default for UploadQuota {
    fn default() -> Self {
        Self { bytes: None, files: 10_000 }
    }
}

/// A wish for work.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who claims.
    pub boot: BootId,
    /// How many jobs at most.
    pub slots: u32,
    /// Only these kinds; those this process can run.
    pub kinds: Arc<[Claimable]>,
    /// Where nothing is there to take: waits for it until this is cancelled. The transaction that queues a job then
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
    /// How many of it may run at once, in all processes together; `None` where only the slots, and people, limit it.
    pub limit: Option<u32>,
}

impl Claimable {
    /// One of the default queue, without a limit of its own.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), queue: Queue::DEFAULT.to_string(), limit: None }
    }
}

/// What a person decides about a queue or a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateChange {
    /// No job passes any more.
    Pause,
    /// Jobs pass again.
    Resume,
    /// So many jobs may run at once, at least 1; any number with `None`. What runs already goes on.
    Limit(Option<u32>),
}

/// A job that has been claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to write for it.
    pub fence: Fence,
    /// Its view, `running`.
    pub view: JobView,
    /// Its input, JSON text.
    pub input: String,
    /// Warnings, log lines and so on go on counting from here.
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

/// A wish to keep where a job can go on from.
#[derive(Clone, Debug)]
pub struct SaveCheckpoint {
    /// The right to write.
    pub fence: Fence,
    /// The task's own state, JSON text.
    pub data: String,
    /// Warnings counted so far.
    pub warnings: u64,
}

/// What is to follow a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointAnswer {
    /// More work.
    GoOn,
    /// The end of the attempt, as [`Outcome::Paused`]: a person wants the job set aside.
    Pause,
}

/// Where a job can go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The attempt that made it.
    pub attempt: AttemptNo,
    /// When.
    pub at: Micros,
    /// Warnings counted until then.
    pub warnings: u64,
    /// The task's own state, JSON text.
    pub data: String,
}

/// How an attempt ended.
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
    /// Failed, and to be tried again. Its kind must grant another attempt.
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
        /// When it wants to be called again.
        until: Micros,
    },
    /// The cancel took effect.
    Cancelled {
        /// The error it ended with, where it was another than "cancelled".
        failure: Option<Failure>,
        /// Its trace.
        trace: String,
    },
    /// Set aside at a checkpoint, as a person had asked; the attempt is not charged. Where the wish was taken back
    /// meanwhile, it is handed back.
    Paused,
    /// Back to the queue, uncharged.
    HandedBack,
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
    /// How it went; `None` where it was over in a moment.
    pub curve: Option<Curve>,
    /// Log lines not appended yet.
    pub log: Option<LogAppend>,
    /// What becomes visible with it. Kept unless it is `Snoozed`, `Paused` or `HandedBack`.
    pub artifacts: Vec<Artifact>,
    /// Whether there may be a checkpoint, of this attempt or an earlier one. It goes if the attempt has succeeded.
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

/// A text of a job that may be large, JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobText {
    /// What it was started with.
    Input,
    /// What its latest attempt returned.
    Result,
}

/// What a cancel request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It waited and is now cancelled.
    Cancelled,
    /// It runs in this attempt and has been asked to stop.
    Requested(AttemptNo),
    /// It had been asked before; nothing changed.
    AlreadyRequested(AttemptNo),
    /// It was over; nothing changed.
    AlreadyEnded(JobState),
}

/// What a wish to pause met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseAnswer {
    /// It waited and is now set aside.
    Paused,
    /// It runs, and will be at the next checkpoint.
    Requested,
}

/// A durable event with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct DurableEvent {
    /// Its place.
    pub seq: Seq,
    /// The job it is about; `None` for a message to everyone.
    pub job: Option<JobId>,
    /// What happened: `State`, `Log` or `Message`.
    pub event: StreamEvent,
}

/// What a stream or a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topics {
    /// State changes of all jobs, and counts.
    pub jobs: bool,
    /// What the overview shows.
    pub overview: bool,
    /// Messages to people.
    pub messages: bool,
    /// Everything about these jobs, logs included.
    pub job: BTreeSet<JobId>,
    /// State and progress of these jobs, as a row of a list shows them: no logs.
    pub row: BTreeSet<JobId>,
}

/// A job with what only its own page shows.
#[derive(Clone, Debug)]
pub struct JobDetail {
    /// Where it stands.
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
    /// The job that repeats this one most recently.
    pub repeated_by: Option<JobId>,
    /// Trace of the failure; may be empty.
    pub trace: String,
    /// How urgent it is.
    pub priority: Priority,
}

/// The most different words that a list is searched for; further ones are left out.
pub const SEARCH_WORDS: usize = 8;

/// Which jobs a list shows.
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
    /// Words that id, kind or title contain; each must occur. Letter case does not matter. At most [`SEARCH_WORDS`] that
    /// differ, and a search takes 2 s at most: else it is refused with the code `search_too_long` or `searches_busy`.
    pub text: Option<String>,
    /// Jobs before (older than) or after (newer than) this one.
    pub at: Option<PageAt>,
    /// Only what is in sight; everything by default.
    pub sight: Sight,
    /// How many; 1 to 200.
    pub limit: u32,
}

/// Where a page begins.
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
    /// How it stands or ended.
    pub state: JobState,
    /// When it started.
    pub started_at: Micros,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// The process that ran it.
    pub boot: BootId,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Backtrace or chain of causes.
    pub trace: String,
    /// Its last progress.
    pub progress: Progress,
}

/// A run that succeeded, for those after it to learn from.
#[derive(Clone, Debug, Default)]
pub struct PastRun {
    /// How long it took.
    pub seconds: f64,
    /// Seconds spent in each stage, where there are stages.
    pub stage_seconds: Vec<f64>,
    /// How it went; empty where it was over in a moment.
    pub curve: Curve,
}

/// Something that happened to a job.
#[derive(Clone, Debug)]
pub struct Activity {
    /// When.
    pub at: Micros,
    /// What: `created started cancel_requested not_responding succeeded failed cancelled interrupted snoozed handed_back
    /// pause_requested paused set_aside resumed retried started_now repeated`
    pub what: String,
    /// In which attempt.
    pub attempt: AttemptNo,
    /// Who, where a person did it.
    pub by: Option<String>,
    /// More, for people; may be empty.
    pub detail: String,
}

/// Which part of a log.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Lines before this number; the newest ones first considered, but answered in rising order.
    pub before: Option<u64>,
    /// Lines from this number on. Not together with `before`. Neither: the end of the log.
    pub from: Option<u64>,
    /// Only this grave or graver.
    pub level: Option<Level>,
    /// Only lines that contain this, whatever the letter case.
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

/// One hour of endings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourBucket {
    /// Start of the hour, UTC.
    pub hour: Micros,
    /// Ended well.
    pub succeeded: u64,
    /// Failed or interrupted.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// One kind's record.
#[derive(Clone, Debug)]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// All jobs of it.
    pub total: u64,
    /// Running now.
    pub running: u64,
    /// Up to 20 last ended runs, oldest first: job, how it ended, seconds.
    pub last: Vec<(JobId, JobState, f64)>,
    /// Median seconds of recent successful runs.
    pub usual_seconds: Option<f64>,
    /// Ninth decile of the same.
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

/// What can be removed of a job that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// All of it.
    Job,
    /// The lines of its log.
    Log,
    /// Its artifacts, and the checkpoint with its files: the next attempt begins anew.
    Artifacts,
}

/// What was removed.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Of which jobs, up to which attempt. Their files are the caller's.
    pub jobs: Vec<(JobId, AttemptNo)>,
    /// The last of those asked for that has been looked at; what comes behind it is untouched.
    pub last: Option<JobId>,
    /// Bytes of the artifacts among it.
    pub bytes: u64,
}

/// Uploads that were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrunedUploads {
    /// Their ids.
    pub uploads: Vec<String>,
    /// The last that was looked at.
    pub last: Option<String>,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: String,
    /// The name it came with, cleaned of paths and control characters.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When it was complete.
    pub at: Micros,
    /// Who sent it, by name; `None` for those of builds before there were accounts.
    pub by: Option<String>,
}
