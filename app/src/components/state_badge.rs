use leptos::prelude::*;
use model::Shown;

use super::{Icon, JobText, LiveIcon, LiveJob};

/// State badge: icon and word of a state.
#[component]
pub fn StateBadge(
    shown: Shown,
    /// Replaces the word of the state.
    #[prop(optional)]
    word: Option<&'static str>,
    /// A smaller second text. Empty for none.
    #[prop(optional)]
    detail: String,
) -> impl IntoView {
    view! {
        <span class="state" data-state=shown.data_state()>
            <Icon name=state_icon(shown, false) />
            <span>{word.unwrap_or_else(|| shown.label())}</span>
            " "
            <small hidden=detail.is_empty()>{detail.clone()}</small>
        </span>
    }
}

/// State badge of a job: icon, word and colour of its state, with a detail.
#[component]
pub fn JobBadge(
    job: LiveJob,
    /// A smaller second text: `3rd in queue`, `4 s`.
    detail: JobText,
    /// With a background, as in page headers.
    #[prop(optional)]
    pill: bool,
) -> impl IntoView {
    let class = move |stalled: bool| match (pill, stalled) {
        (false, false) => "state",
        (false, true) => "state stalled",
        (true, false) => "state pill",
        (true, true) => "state pill stalled",
    };
    view! {
        <span
            class=job.map(move |job, now| class(job.quiet_for(now).is_some()).to_owned())
            data-state=job.data_state()
        >
            <LiveIcon name=job.map(|job, now| state_icon(job.shown(), job.quiet_for(now).is_some()).to_owned()) />
            <span>{job.map(|job, _| job.shown().label().to_owned())}</span>
            " "
            <small hidden=job.lacks(detail)>{job.text(detail)}</small>
        </span>
    }
}

pub const fn state_icon(shown: Shown, stalled: bool) -> &'static str {
    match shown {
        _ if stalled => "slow",
        Shown::NotResponding | Shown::NoContact => "slow",
        Shown::Pausing | Shown::Paused => "pause",
        Shown::Scheduled
        | Shown::Retrying
        | Shown::Queued
        | Shown::Running
        | Shown::Cancelling
        | Shown::Succeeded
        | Shown::Warnings
        | Shown::Failed
        | Shown::Cancelled
        | Shown::Interrupted => shown.data_state(),
    }
}
