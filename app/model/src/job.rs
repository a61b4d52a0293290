//! Job view: a job as lists, pages and the stream show it.

use serde::{Deserialize, Serialize};

use crate::{AnsiStyles, AttemptNo, JobId, JobState, Micros, Progress, percent};

/// Seconds without a report after which a running job is quiet, unless its kind has longer silences.
pub const QUIET_AFTER: f64 = 30.0;

/// State and progress of a job. Input, log and result are read separately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Id.
    pub job: JobId,
    /// The current attempt; the fields below describe it.
    pub attempt: AttemptNo,
    /// Current state.
    pub state: JobState,
    /// The task's kind, such as `checksum`.
    pub kind: String,
    /// Title, such as "Checksum /archive".
    pub title: String,
    /// The user who started it; `local` without accounts.
    pub created_by: String,
    /// When it was accepted.
    pub created_at: Micros,
    /// Earliest start: the requested time, or the next retry.
    pub run_at: Option<Micros>,
    /// When this attempt began to run.
    pub started_at: Option<Micros>,
    /// When this attempt ended.
    pub ended_at: Option<Micros>,
    /// Microseconds that the attempts before this one took.
    #[serde(default)]
    pub earlier_work: i64,
    /// When cancel was requested in this attempt.
    pub cancel_requested_at: Option<Micros>,
    /// Who requested it.
    pub cancel_requested_by: Option<String>,
    /// The display name of that user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_by_name: Option<String>,
    /// When pause was requested, while the job runs on to its next checkpoint.
    #[serde(default)]
    pub pause_requested_at: Option<Micros>,
    /// Whether the task has not returned within the grace period of a cancel.
    pub not_responding: bool,
    /// Position in the queue, 1 first; `None` if unknown or not queued.
    pub position: Option<u32>,
    /// The maximum number of attempts.
    pub max_attempts: u32,
    /// The job that this one reruns.
    pub rerun_of: Option<JobId>,
    /// Why the attempt failed; while the job waits for a retry, why the previous one failed.
    pub failure: Option<Failure>,
    /// The host whose program reports the job, empty if it has no name; `None` for a task of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_from: Option<String>,
    /// Since when its reporter has sent nothing, although it promised to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_contact_since: Option<Micros>,
    /// Progress; flattened in JSON.
    #[cfg_attr(not(target_family = "wasm"), serde(flatten))]
    #[cfg_attr(target_family = "wasm", serde(rename = ""))]
    pub progress: Progress,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code for programs: `panic`, `io`, `bad_input` …
    pub code: String,
    /// A sentence for users: what happened, to what, what to do.
    pub message: String,
}

/// The state as shown to users: refines [`JobState`] by requests, warnings and retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Waits for its start time.
    Scheduled,
    /// Waits for the next attempt.
    Retrying,
    /// Waits for a slot.
    Queued,
    /// A task is running.
    Running,
    /// Pause requested, not yet at a checkpoint.
    Pausing,
    /// Its reporter has sent nothing for too long.
    NoContact,
    /// Cancel requested, not stopped yet.
    Cancelling,
    /// Cancel requested; still running after the grace period.
    NotResponding,
    /// Keeps its checkpoint until it is resumed.
    Paused,
    /// Ended with a result.
    Succeeded,
    /// Ended with a result and warnings.
    Warnings,
    /// No attempt is left.
    Failed,
    /// Stopped on the request of a user.
    Cancelled,
    /// Its worker died.
    Interrupted,
}

impl JobView {
    /// Returns a newly accepted job: queued, first attempt, no progress.
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
            earlier_work: 0,
            cancel_requested_at: None,
            cancel_requested_by: None,
            cancel_requested_by_name: None,
            pause_requested_at: None,
            not_responding: false,
            position: None,
            max_attempts: 1,
            rerun_of: None,
            failure: None,
            reported_from: None,
            no_contact_since: None,
            progress: Progress::default(),
        }
    }

    /// Returns the state as shown to users.
    pub fn shown(&self) -> Shown {
        match self.state {
            JobState::Scheduled if self.failure.is_some() => Shown::Retrying,
            JobState::Scheduled => Shown::Scheduled,
            JobState::Queued => Shown::Queued,
            JobState::Running if self.no_contact_since.is_some() => Shown::NoContact,
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

    /// Returns when it ended; `None` if it has not.
    pub fn ended(&self) -> Option<Micros> {
        self.ended_at.filter(|_| self.state.is_terminal())
    }

    /// Seconds this attempt has run: until `now`, or until it ended. `None` before it started.
    pub fn ran_for(&self, now: Micros) -> Option<f64> {
        let started = self.started_at?;
        Some(self.ended_at.unwrap_or(now).seconds_since(started).max(0.0))
    }

    /// Work time: seconds that all attempts have run, until `now` or the end, without pauses and waits. `None` before the
    /// first one started.
    pub fn work_time(&self, now: Micros) -> Option<f64> {
        let earlier = Micros(self.earlier_work).seconds_since(Micros(0));
        let ran = self.ran_for(now);
        if self.earlier_work == 0 { ran } else { Some(earlier + ran.unwrap_or_default()) }
    }

    /// Percentage of the attempt, floored; 100 only after success. `None` while unknown.
    pub fn percent(&self) -> Option<u32> {
        let max = if self.state == JobState::Succeeded { 100 } else { 99 };
        self.progress.fraction.map(|fraction| percent(fraction).min(max))
    }

    /// Seconds since the last report of a running job, once they exceed the quiet threshold of its kind or
    /// [`QUIET_AFTER`].
    pub fn quiet_for(&self, now: Micros) -> Option<f64> {
        let last_report = self.progress.at.or(self.started_at).filter(|_| self.state == JobState::Running)?;
        let quiet_after = self.progress.quiet_after.unwrap_or(QUIET_AFTER);
        Some(now.seconds_since(last_report)).filter(|seconds| *seconds >= quiet_after)
    }

    /// Returns whether both jobs are of one kind and ended in the same state with the same error.
    pub fn failed_like(&self, other: &Self) -> bool {
        (&self.kind, self.state, &self.failure) == (&other.kind, other.state, &other.failure)
    }

    /// Applies a progress update unless it is of another attempt, older, or after the end. Returns whether it did.
    pub fn apply_progress(&mut self, attempt: AttemptNo, progress: Progress) -> bool {
        let is_newer = attempt == self.attempt && progress.rev > self.progress.rev && !self.state.is_terminal();
        if is_newer {
            self.progress = progress;
        }
        is_newer
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
            Self::Cancelling | Self::NotResponding | Self::NoContact => "cancelling",
            Self::Pausing | Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Warnings => "warnings",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The label on pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Retrying => "Retrying",
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::NoContact => "No contact",
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

/// Number of jobs in each state.
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

/// Severity of a log line, ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the usual four levels")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// From the least to the most severe.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns the level with this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// Its name in JSON and in `data-level`.
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
    /// When the task wrote it.
    pub at: Micros,
    /// Severity.
    pub level: Level,
    /// One line of text, without line breaks.
    pub text: String,
    /// Colours, if a program printed any.
    #[serde(default, rename = "paint", skip_serializing_if = "AnsiStyles::is_plain")]
    pub styles: AnsiStyles,
}

impl LogLine {
    /// Returns a line without colours.
    pub fn plain(at: Micros, level: Level, text: impl Into<String>) -> Self {
        Self { at, level, text: text.into(), styles: AnsiStyles::default() }
    }
}
