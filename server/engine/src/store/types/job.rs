//! Jobs: accepting one, its details, and the results of requests to stop it.

use std::collections::BTreeMap;

use model::{AttemptNo, Failure, JobId, JobState, JobView, Micros, Priority, Progress};
use serde_json::Value;

use crate::store::{Attribution, RunOf};
use crate::types::ids::WorkerId;

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

/// A job with the details of its own page.
#[derive(Clone, Debug)]
pub struct JobDetail {
    /// Its view, as lists show it.
    pub view: JobView,
    /// Its input.
    pub input: Value,
    /// Its result.
    pub output: Option<Value>,
    /// Seconds spent in each stage by all attempts. Of a running job those of the current attempt, if they are known.
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
    /// Whether its next attempt continues from a checkpoint.
    pub has_checkpoint: bool,
    /// The names of uploaded files of its input, by their ids.
    pub uploads: BTreeMap<String, String>,
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
