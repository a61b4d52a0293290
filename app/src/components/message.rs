//! Texts and icon of a message of a user, in a list and as a toast.

use model::{MessageTo, Tone};

pub const fn tone_icon(tone: Tone) -> &'static str {
    match tone {
        Tone::Info => "announce",
        Tone::Success => "succeeded",
        Tone::Warning => "warning",
        Tone::Danger => "failed",
    }
}

/// Describes the recipients of a message to the reader, after the sender's name.
pub fn addressed_to(to: &MessageTo) -> String {
    match to {
        MessageTo::Everyone => "to everyone".to_owned(),
        MessageTo::User { .. } => "to you".to_owned(),
        MessageTo::Job { job } => format!("to viewers of #{job}"),
        MessageTo::Note { job } => format!("noted on #{job}"),
    }
}
