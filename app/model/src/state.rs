//! Job state machine: states, events, and the only transition function.
//!
//! `docs/states.md` documents the same table; the property test checks that both agree.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a start time, or for the backoff before a retry.
    Scheduled,
    /// Waiting for a free slot.
    Queued,
    /// Held by a worker.
    Running,
    /// Paused by a user; keeps its checkpoint.
    Paused,
    /// The task returned its output.
    Succeeded,
    /// The task returned an error or panicked, and no attempt is left.
    Failed,
    /// Cancelled by a user.
    Cancelled,
    /// Its worker died and the kind does not retry by itself.
    Interrupted,
}

/// An event in the life of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The scheduled time has come, or a user starts the job now.
    Due,
    /// A worker takes the job. Charges an attempt.
    Claim,
    /// The task returned its output.
    Succeed,
    /// The task failed and no attempt is left.
    Fail,
    /// The task failed, or its worker died, and another attempt is left.
    RetryLater,
    /// The task asked to run again later. Refunds the attempt.
    Snooze,
    /// A cancel request took effect.
    Cancel,
    /// The worker died, and the kind does not retry.
    WorkerLost,
    /// The server shuts down and releases the unfinished job. Refunds the attempt.
    Release,
    /// A user pauses the job. Refunds the attempt if it was running.
    Pause,
    /// A user resumes the job.
    Resume,
    /// A user resumes the job before its scheduled time.
    ResumeLater,
    /// A user retries an ended job.
    Retry,
    /// The reporter of a job that was given up reports again.
    Return,
}

/// An event that is not allowed in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The state of the job.
    pub from: JobState,
    /// The rejected event.
    pub event: Event,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a job that is {} cannot {:?}", self.from, self.event)
    }
}

impl std::error::Error for IllegalTransition {}

impl JobState {
    /// Every state, in the order in which lists show them.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// Returns the state after `event`. This is the only place that decides transitions.
    ///
    /// # Errors
    /// The event is not allowed in this state.
    pub fn apply(self, event: Event) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Scheduled, Event::Due)
            | (Self::Running, Event::Release)
            | (Self::Paused, Event::Resume)
            | (Self::Failed | Self::Cancelled | Self::Interrupted, Event::Retry) => Ok(Self::Queued),
            (Self::Queued, Event::Claim) | (Self::Interrupted, Event::Return) => Ok(Self::Running),
            (Self::Running, Event::Succeed) => Ok(Self::Succeeded),
            (Self::Running, Event::Fail) => Ok(Self::Failed),
            (Self::Running, Event::RetryLater | Event::Snooze) | (Self::Paused, Event::ResumeLater) => {
                Ok(Self::Scheduled)
            }
            (Self::Running, Event::WorkerLost) => Ok(Self::Interrupted),
            (Self::Scheduled | Self::Queued | Self::Running, Event::Pause) => Ok(Self::Paused),
            (Self::Scheduled | Self::Queued | Self::Running | Self::Paused, Event::Cancel) => Ok(Self::Cancelled),
            (from, event) => Err(IllegalTransition { from, event }),
        }
    }

    /// Whether the attempt is over. An ended job may still be retried, as a new attempt.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Interrupted => true,
            Self::Scheduled | Self::Queued | Self::Running | Self::Paused => false,
        }
    }

    /// Its name in JSON, in the store and in `data-state`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns the state with this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 14] = [
        Self::Due,
        Self::Claim,
        Self::Succeed,
        Self::Fail,
        Self::RetryLater,
        Self::Snooze,
        Self::Cancel,
        Self::WorkerLost,
        Self::Release,
        Self::Pause,
        Self::Resume,
        Self::ResumeLater,
        Self::Retry,
        Self::Return,
    ];

    /// Whether the attempt number rises, so that a later claim is never mistaken for an earlier one.
    pub const fn starts_new_attempt(self, from: JobState) -> bool {
        match self {
            Self::RetryLater | Self::Snooze | Self::Release | Self::Retry | Self::Return => true,
            Self::Pause => matches!(from, JobState::Running),
            Self::Due
            | Self::Claim
            | Self::Succeed
            | Self::Fail
            | Self::Cancel
            | Self::WorkerLost
            | Self::Resume
            | Self::ResumeLater => false,
        }
    }

    /// The attempts that the event charges against the kind's `max_attempts`: 1, 0, or -1 for a refund.
    pub const fn charge(self, from: JobState) -> i8 {
        match self {
            Self::Claim => 1,
            Self::Snooze | Self::Release => -1,
            Self::Pause if matches!(from, JobState::Running) => -1,
            Self::Pause
            | Self::Due
            | Self::Succeed
            | Self::Fail
            | Self::RetryLater
            | Self::Cancel
            | Self::WorkerLost
            | Self::Resume
            | Self::ResumeLater
            | Self::Retry
            | Self::Return => 0,
        }
    }
}
