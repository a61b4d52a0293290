//! What people tell each other, as it goes into the store and comes out of it.

use model::{MessageEvent, MessageTo, Tone};

use super::By;

/// Messages that are kept at most; the oldest go.
pub const MESSAGES_KEPT: i64 = 10_000;
/// Notes that a job takes at most.
pub const NOTES_PER_JOB: i64 = 1_000;

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Who tells it; it is theirs by the name.
    pub by: By,
    /// Whom.
    pub to: MessageTo,
    /// What, as [`crate::message::cleaned`] leaves it.
    pub text: String,
    /// How it is meant. A note is plain, whatever stands here.
    pub tone: Tone,
    /// What its sender calls it: asked again under the same key, it is the same message.
    pub key: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// As it was told.
    pub message: MessageEvent,
    /// Whether it had been told before, under the same key, and so nobody was told now.
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
