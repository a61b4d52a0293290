use leptos::prelude::*;
use model::{MessageEvent, MessageTo, Tone};

use super::{Icon, Timestamp, UserName, addressed_to, job_href, tone_icon};

/// A message of a user in a list.
#[component]
pub fn MessageRow(
    message: MessageEvent,
    /// The user name of the reader.
    reader: String,
) -> impl IntoView {
    let to = match message.to {
        // Shown on the page of the job.
        MessageTo::Note { .. } => None,
        // Sent by the reader.
        MessageTo::User { ref user } if *user != reader => {
            Some(view! { "to " <UserName name=user.as_str() /> }.into_any())
        }
        ref to => Some(addressed_to(to).into_any()),
    };
    let job = message.to.job().filter(|_| to.is_some());
    view! {
        <li class="message" data-tone=message.tone.as_str()>
            <Icon name=tone_icon(message.tone) />
            <p class="said">
                <b>
                    <UserName name=message.from />
                </b>
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
