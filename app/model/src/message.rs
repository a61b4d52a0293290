//! Messages between users, and notes on jobs.

use serde::{Deserialize, Serialize};

use crate::{JobId, Micros, Seq, Tone};

/// A message or note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "MessageRecord")]
pub struct MessageEvent {
    /// Its id: the sequence number of its event.
    pub number: Seq,
    /// The audience.
    #[serde(flatten)]
    pub to: MessageTo,
    /// The text; lines end with `\n`.
    pub text: String,
    /// The author's name.
    pub from: String,
    /// The author's display name when it was sent. Only in events: lists look it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its tone, which sets the colour.
    pub tone: Tone,
    /// When it was sent.
    pub at: Micros,
}

/// The audience of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "to", rename_all = "lowercase")]
pub enum MessageTo {
    /// All users.
    Everyone,
    /// One user.
    User {
        /// The user's name.
        user: String,
    },
    /// Users who are watching a job now.
    Job {
        /// The job.
        job: JobId,
    },
    /// A note: all users who open the page of a job, now or later.
    Note {
        /// The job.
        job: JobId,
    },
}

/// The members of a message in JSON, flat.
#[derive(Deserialize)]
struct MessageRecord {
    number: Seq,
    to: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    job: Option<JobId>,
    text: String,
    from: String,
    #[serde(default)]
    display_name: Option<String>,
    tone: Tone,
    at: Micros,
}

impl From<MessageRecord> for MessageEvent {
    fn from(record: MessageRecord) -> Self {
        let MessageRecord { number, to, user, job, text, from, display_name, tone, at } = record;
        let to = match (to.as_str(), job) {
            ("job", Some(job)) => MessageTo::Job { job },
            ("note", Some(job)) => MessageTo::Note { job },
            ("everyone", _) => MessageTo::Everyone,
            _ => MessageTo::User { user },
        };
        Self { number, to, text, from, display_name, tone, at }
    }
}

impl MessageEvent {
    /// The author's name as pages show it.
    pub fn author(&self) -> &str {
        self.display_name.as_ref().unwrap_or(&self.from)
    }
}

impl MessageTo {
    /// Returns the job of the message, if any.
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Job { job } | Self::Note { job } => Some(*job),
            Self::Everyone | Self::User { .. } => None,
        }
    }

    /// Whether the user `name` is in the audience. Visibility of the job is checked elsewhere.
    pub fn reaches(&self, name: &str) -> bool {
        match self {
            Self::User { user } => user == name,
            Self::Everyone | Self::Job { .. } | Self::Note { .. } => true,
        }
    }
}
