//! Messages between users and notes on jobs: arguments and results of the store's methods.

use model::{MessageEvent, MessageTo, Tone};

use super::Attribution;

/// The most messages that are kept; the oldest are deleted.
pub const MAX_MESSAGES_KEPT: i64 = 10_000;
/// The most notes on a job.
pub const MAX_NOTES_PER_JOB: i64 = 1_000;

/// A message or note to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its author.
    pub by: Attribution,
    /// Its recipient.
    pub to: MessageTo,
    /// Its text, as [`crate::messages::cleaned`] leaves it.
    pub text: String,
    /// Ignored for a note, which is always plain.
    pub tone: Tone,
    /// Idempotency key of its sender.
    pub key: Option<String>,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SentMessage {
    /// As it was recorded.
    pub message: MessageEvent,
    /// Whether it had been sent before, under the same key, and was not sent again.
    pub again: bool,
}

/// A page of messages, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<MessageEvent>,
    /// Whether there are older ones.
    pub older: bool,
}
