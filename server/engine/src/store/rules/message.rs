//! Messages and notes: how one is composed, what the audit log records of it, and repeated sends under one key.

use model::{MessageEvent, MessageTo, Micros, Seq, Tone};

use crate::{Error, Result, store::NewMessage};

/// The message that is sent now, as event `number`, by a user with this display name. A note is always plain.
pub(in crate::store) fn compose(
    new: &NewMessage,
    display_name: Option<String>,
    number: Seq,
    now: Micros,
) -> MessageEvent {
    MessageEvent {
        number,
        to: new.to.clone(),
        text: new.text.clone(),
        from: new.by.name.to_string(),
        display_name,
        tone: if matches!(new.to, MessageTo::Note { .. }) { Tone::Info } else { new.tone },
        at: now,
    }
}

/// The action and its detail in the audit log, without the text, which stays between sender and recipient.
pub(in crate::store) fn message_audit(to: &MessageTo) -> (&'static str, &str) {
    match to {
        MessageTo::Note { .. } => ("note_added", ""),
        MessageTo::User { user } => ("message_sent", user),
        MessageTo::Job { .. } | MessageTo::Everyone => ("message_sent", ""),
    }
}

/// Refuses a message under a key with which the same user has sent something else.
pub(in crate::store) fn check_same_message(found: &MessageEvent, new: &NewMessage) -> Result<()> {
    if found.to == new.to && found.text == new.text {
        return Ok(());
    }
    Err(Error::Refused {
        code: "key_reused",
        message: "something else was sent under the same key; use a new one".to_owned(),
    })
}
