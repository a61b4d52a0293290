//! The life of a job: its states, what can happen, and the one function that knows what follows.
//!
//! `docs/states.md` is the same table for people, and the oracle of the property test.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Scheduled: a start in the future, or the pause before a retry.
    Scheduled,
    /// Waiting for a free slot.
    Queued,
    /// Held by a worker.
    Running,
    /// Set aside by a person; keeps its checkpoint.
    Paused,
    /// The task returned its output.
    Succeeded,
    /// The task returned an error or panicked, and no attempt is left.
    Failed,
    /// Ended because a person asked.
    Cancelled,
    /// Its worker died and the kind does not retry by itself.
    Interrupted,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The scheduled time has come, or a person said "now".
    Due,
    /// A worker takes the job. Charges an attempt.
    Claim,
    /// The task returned its output.
    Succeed,
    /// The task failed for good.
    Fail,
    /// The task failed, or its worker died, and the kind grants another attempt later.
    RetryLater,
    /// The task asked to be called again later. Gives the charge back.
    Snooze,
    /// A person's wish to cancel took effect.
    Cancel,
    /// The worker is dead, and the kind does not retry.
    WorkerLost,
    /// The server shuts down and returns the job unfinished. Gives the charge back.
    Release,
    /// A person sets the job aside. Gives the charge back if it was running.
    Pause,
    /// A person lets it go on.
    Resume,
    /// The same, and the time that it waited for has not come.
    ResumeLater,
    /// A person wants an ended job tried again.
    Retry,
}

/// `event` cannot happen to a job that is `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The state the job was in.
    pub from: JobState,
    /// What was asked of it.
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

    /// The state after `event`, or why it cannot happen. Nothing else in the project decides this.
    pub fn apply(self, event: Event) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Scheduled, Event::Due)
            | (Self::Running, Event::Release)
            | (Self::Paused, Event::Resume)
            | (Self::Failed | Self::Cancelled | Self::Interrupted, Event::Retry) => Ok(Self::Queued),
            (Self::Queued, Event::Claim) => Ok(Self::Running),
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

    /// The word on the wire, in the store and in `data-state`.
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

    /// The state named by `word`, if it is one.
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
    pub const ALL: [Self; 13] = [
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
    ];

    /// Whether the job's attempt number rises: whenever a later claim must not be mistaken for an earlier one.
    pub const fn starts_new_attempt(self, from: JobState) -> bool {
        match self {
            Self::RetryLater | Self::Snooze | Self::Release | Self::Retry => true,
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

    /// How many attempts the event charges against the kind's `max_attempts`: 1, 0, or -1 where it is given back.
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
            | Self::Retry => 0,
        }
    }
}
