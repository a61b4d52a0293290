//! A message of a user, in a list and as a toast.

use leptos::prelude::*;
use model::{MessageEvent, MessageTo, Tone};

use super::{Icon, Timestamp, job_href};

pub const fn tone_icon(tone: Tone) -> &'static str {
    match tone {
        Tone::Info => "announce",
        Tone::Success => "succeeded",
        Tone::Warning => "warning",
        Tone::Danger => "failed",
    }
}

/// Describes the recipients of a message, after the sender's name. In the browser `reader` is empty: a message to one
/// user only reaches that user.
pub fn addressed_to(to: &MessageTo, reader: &str) -> String {
    match to {
        MessageTo::Everyone => "to everyone".to_owned(),
        MessageTo::User { user } if reader.is_empty() || user == reader => "to you".to_owned(),
        MessageTo::User { user } => format!("to {user}"),
        MessageTo::Job { job } => format!("to viewers of #{job}"),
        MessageTo::Note { job } => format!("noted on #{job}"),
    }
}

#[component]
pub fn MessageRow(
    message: MessageEvent,
    /// The user name of the reader.
    reader: String,
) -> impl IntoView {
    let to = match message.to {
        // Shown on the page of the job.
        MessageTo::Note { .. } => None,
        ref to => Some(addressed_to(to, &reader)),
    };
    let job = message.to.job().filter(|_| to.is_some());
    view! {
        <li class="message" data-tone=message.tone.as_str()>
            <Icon name=tone_icon(message.tone) />
            <p class="said">
                <b>{message.from}</b>
                " "
                {to}
                {tone_label(message.tone).map(|word| view! { <span class="visually-hidden">{format!(", {word}")}</span> })}
                " "
                {job.map(|job| view! { <a href=job_href(job)>"Open"</a> })}
                <small>
                    <Timestamp at=message.at />
                </small>
            </p>
            <p class="text">{message.text}</p>
        </li>
    }
}

/// What the icon means, for screen readers.
const fn tone_label(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Info => None,
        Tone::Success => Some("good news"),
        Tone::Warning => Some("a warning"),
        Tone::Danger => Some("something is wrong"),
    }
}
