//! Attempts: checkpoints, log lines and the end.

use model::{AttemptNo, Failure, LogLine, Micros, Progress};

use crate::{
    Curve,
    store::{LogAck, ReportedEnd},
    types::ids::Fence,
};

/// More lines for one log.
#[derive(Clone, Debug)]
pub struct LogAppend {
    /// The right to write.
    pub fence: Fence,
    /// Number of the first line.
    pub first_line: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// What it acknowledges to a reporter.
    pub ack: Option<LogAck>,
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
    /// The server gives a reported attempt up.
    Lost {
        /// Why.
        failure: Failure,
    },
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
    /// The end as its reporter gave it, if one did.
    pub reported: Option<ReportedEnd>,
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
