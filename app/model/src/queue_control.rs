//! What jobs pass on their way from the line to a worker.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What a gate stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlTarget {
    /// All kinds of one queue.
    Queue,
    /// One kind.
    Kind,
}

impl ControlTarget {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Kind => "kind",
        }
    }

    /// What `word` names, if it names one.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Queue, Self::Kind].into_iter().find(|of| of.as_str() == word)
    }
}

/// What people have decided about a queue or a kind. What nobody has decided about is open, and without a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueControl {
    /// What it stands before.
    pub of: ControlTarget,
    /// The name of that.
    pub name: String,
    /// Since when no job passes; what has passed goes on.
    pub paused_at: Option<Micros>,
    /// By whom.
    pub paused_by: Option<String>,
    /// How many jobs of it may run at once, in all processes together, at least 1.
    pub at_once: Option<u32>,
}

impl QueueControl {
    /// As it is before anybody has decided anything.
    pub fn open(of: ControlTarget, name: &str) -> Self {
        Self { of, name: name.to_owned(), paused_at: None, paused_by: None, at_once: None }
    }
}
