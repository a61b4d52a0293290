//! What people tell each other, and note on jobs.

use serde::{Deserialize, Serialize};

use crate::{JobId, Micros, Seq, Tone};

/// A text for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageEvent {
    /// Names it: the sequence number of its event.
    pub number: Seq,
    /// Whom it is for.
    #[serde(flatten)]
    pub to: MessageTo,
    /// What to show; lines are kept apart by `\n`.
    pub text: String,
    /// Who wrote it, by name.
    pub from: String,
    /// How it is meant.
    pub tone: Tone,
    /// When.
    pub at: Micros,
}

/// Whom a text is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "lowercase")]
pub enum MessageTo {
    /// Everybody.
    Everyone,
    /// One person.
    User {
        /// The name.
        user: String,
    },
    /// Whoever watches a job now.
    Job {
        /// Which.
        job: JobId,
    },
    /// Whoever reads the page of a job, from now on: a note.
    Note {
        /// On which.
        job: JobId,
    },
}

impl MessageTo {
    /// The job it is about.
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Job { job } | Self::Note { job } => Some(*job),
            Self::Everyone | Self::User { .. } => None,
        }
    }

    /// Whether it is for whoever is called `name`, where it is for one person at all.
    pub fn reaches(&self, name: &str) -> bool {
        match self {
            Self::User { user } => user == name,
            Self::Everyone | Self::Job { .. } | Self::Note { .. } => true,
        }
    }
}
