//! A job as lists, pages and the stream show it.

use serde::{Deserialize, Serialize};

use crate::{AttemptNo, JobId, JobState, Micros, Paint, Progress, percent};

/// Seconds without a word after which a running job is called quiet, unless its kind is known to be silent for longer.
pub const QUIET_AFTER: f64 = 30.0;

/// One job: where it stands and how far it is. Its input, log and result are read apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Its number.
    pub job: JobId,
    /// The attempt that everything below speaks of.
    pub attempt: AttemptNo,
    /// Where it stands.
    pub state: JobState,
    /// The task's kind, such as `checksum`.
    pub kind: String,
    /// What a person calls it: "Checksum /archive".
    pub title: String,
    /// Who started it: a user's name, or `local` while there are no accounts.
    pub created_by: String,
    /// When it was accepted.
    pub created_at: Micros,
    /// Not before this: the start time asked for, or the next retry.
    pub run_at: Option<Micros>,
    /// When this attempt began to run.
    pub started_at: Option<Micros>,
    /// When this attempt ended.
    pub ended_at: Option<Micros>,
    /// When cancel was asked for, in this attempt.
    pub cancel_requested_at: Option<Micros>,
    /// Who asked.
    pub cancel_requested_by: Option<String>,
    /// When a person asked to set it aside, while it still runs towards its next checkpoint.
    #[serde(default)]
    pub pause_requested_at: Option<Micros>,
    /// The grace after a cancel request is over and the task has not returned.
    pub not_responding: bool,
    /// Place in line of a queued job, 1 first; `None` where it is not known or does not apply.
    pub position: Option<u32>,
    /// How many attempts its kind grants in all.
    pub max_attempts: u32,
    /// The job this one repeats.
    pub rerun_of: Option<JobId>,
    /// Why the attempt failed; while the job waits to be tried again, why the one before did.
    pub failure: Option<Failure>,
    /// How far it is. On the wire its fields stand beside the others.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word for programs: `panic`, `io`, `bad_input` …
    pub code: String,
    /// A sentence for people: what happened, to what, what to do.
    pub message: String,
}

/// What people are shown: the state, refined by what else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Scheduled.
    Scheduled,
    /// Waits for the next attempt.
    Retrying,
    /// Waits for a slot.
    Queued,
    /// At work.
    Running,
    /// Asked to be set aside, on its way to a checkpoint.
    Pausing,
    /// Asked to stop, not stopped yet.
    Cancelling,
    /// Asked to stop; the grace is over and it still runs.
    NotResponding,
    /// Set aside.
    Paused,
    /// Done.
    Succeeded,
    /// Done, with warnings.
    Warnings,
    /// Failed.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// Its server died.
    Interrupted,
}

impl JobView {
    /// A job as it is accepted: queued, in its only attempt, with nothing to tell yet.
    pub fn new(
        job: JobId,
        kind: impl Into<String>,
        title: impl Into<String>,
        created_by: impl Into<String>,
        created_at: Micros,
    ) -> Self {
        Self {
            job,
            attempt: 1,
            state: JobState::Queued,
            kind: kind.into(),
            title: title.into(),
            created_by: created_by.into(),
            created_at,
            run_at: None,
            started_at: None,
            ended_at: None,
            cancel_requested_at: None,
            cancel_requested_by: None,
            pause_requested_at: None,
            not_responding: false,
            position: None,
            max_attempts: 1,
            rerun_of: None,
            failure: None,
            progress: Progress::default(),
        }
    }

    /// What people are shown of it.
    pub fn shown(&self) -> Shown {
        match self.state {
            JobState::Scheduled if self.failure.is_some() => Shown::Retrying,
            JobState::Scheduled => Shown::Scheduled,
            JobState::Queued => Shown::Queued,
            JobState::Running if self.not_responding => Shown::NotResponding,
            JobState::Running if self.cancel_requested_at.is_some() => Shown::Cancelling,
            JobState::Running if self.pause_requested_at.is_some() => Shown::Pausing,
            JobState::Running => Shown::Running,
            JobState::Paused => Shown::Paused,
            JobState::Succeeded if self.progress.warnings > 0 => Shown::Warnings,
            JobState::Succeeded => Shown::Succeeded,
            JobState::Failed => Shown::Failed,
            JobState::Cancelled => Shown::Cancelled,
            JobState::Interrupted => Shown::Interrupted,
        }
    }

    /// When it ended, if it is over.
    pub fn ended(&self) -> Option<Micros> {
        self.ended_at.filter(|_| self.state.is_terminal())
    }

    /// Seconds this attempt has run: until `now`, or until it ended. `None` before it started.
    pub fn ran_for(&self, now: Micros) -> Option<f64> {
        let started = self.started_at?;
        Some(self.ended_at.unwrap_or(now).seconds_since(started).max(0.0))
    }

    /// Whole per cent of the attempt, floored; 100 only for what has succeeded. `None` while unknown.
    pub fn percent(&self) -> Option<u32> {
        let most = if self.state == JobState::Succeeded { 100 } else { 99 };
        self.progress.fraction.map(|fraction| percent(fraction).min(most))
    }

    /// Seconds since a running job was last heard from, once they are more than is usual in its kind, and than
    /// [`QUIET_AFTER`].
    pub fn quiet_for(&self, now: Micros) -> Option<f64> {
        let heard = self.progress.at.or(self.started_at).filter(|_| self.state == JobState::Running)?;
        let quiet_after = self.progress.quiet_after.unwrap_or(QUIET_AFTER);
        Some(now.seconds_since(heard)).filter(|seconds| *seconds >= quiet_after)
    }

    /// Takes over a progress frame unless it is of another attempt, older, or too late. Returns whether it did.
    pub fn apply_progress(&mut self, attempt: AttemptNo, progress: Progress) -> bool {
        let news = attempt == self.attempt && progress.rev > self.progress.rev && !self.state.is_terminal();
        if news {
            self.progress = progress;
        }
        news
    }
}

impl Shown {
    /// The value of `data-state`, which the style sheet maps to colours.
    pub const fn data_state(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Retrying => "retrying",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling | Self::NotResponding => "cancelling",
            Self::Pausing | Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Warnings => "warnings",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The word people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Retrying => "Retrying",
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::NotResponding => "Not responding",
            Self::Pausing => "Pausing",
            Self::Paused => "Paused",
            Self::Succeeded => "Succeeded",
            Self::Warnings => "Succeeded with warnings",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Interrupted => "Interrupted",
        }
    }
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the state of its name")]
pub struct Counts {
    pub scheduled: u64,
    pub queued: u64,
    pub running: u64,
    pub paused: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub interrupted: u64,
}

impl Counts {
    /// The number of jobs in `state`.
    pub const fn of(&self, state: JobState) -> u64 {
        match state {
            JobState::Scheduled => self.scheduled,
            JobState::Queued => self.queued,
            JobState::Running => self.running,
            JobState::Paused => self.paused,
            JobState::Succeeded => self.succeeded,
            JobState::Failed => self.failed,
            JobState::Cancelled => self.cancelled,
            JobState::Interrupted => self.interrupted,
        }
    }

    /// All jobs.
    pub fn total(&self) -> u64 {
        JobState::ALL.into_iter().map(|state| self.of(state)).sum()
    }
}

/// How grave a log line is. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the customary four")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// From the least grave to the gravest.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The level named by `word`, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// The word on the wire and in `data-level`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the task said it.
    pub at: Micros,
    /// How grave it is.
    pub level: Level,
    /// One line of text, without line breaks.
    pub text: String,
    /// Its colours, where a program printed some.
    #[serde(default, skip_serializing_if = "Paint::is_plain")]
    pub paint: Paint,
}

impl LogLine {
    /// One without colours.
    pub fn plain(at: Micros, level: Level, text: impl Into<String>) -> Self {
        Self { at, level, text: text.into(), paint: Paint::default() }
    }
}
