//! Queue controls: pause and concurrency limit of a queue or kind.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What a control applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlTarget {
    /// All kinds of one queue.
    Queue,
    /// One kind.
    Kind,
}

impl ControlTarget {
    /// Its name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Kind => "kind",
        }
    }

    /// Returns the target with this name.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Queue, Self::Kind].into_iter().find(|of| of.as_str() == word)
    }
}

/// Pause and limit of a queue or kind, set by an administrator. The default is open, without a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueControl {
    /// Queue or kind.
    pub of: ControlTarget,
    /// Its name.
    pub name: String,
    /// Since when it starts no job; running jobs continue.
    pub paused_at: Option<Micros>,
    /// The user who paused it.
    pub paused_by: Option<String>,
    /// Limit of concurrent jobs in all processes together, at least 1.
    pub at_once: Option<u32>,
}

impl QueueControl {
    /// Returns the default: open and unlimited.
    pub fn open(of: ControlTarget, name: &str) -> Self {
        Self { of, name: name.to_owned(), paused_at: None, paused_by: None, at_once: None }
    }
}
