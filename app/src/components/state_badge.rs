use leptos::prelude::*;
use model::Shown;

use super::Icon;

/// State badge: icon, word and colour of a job's state, with an optional detail.
#[component]
pub fn StateBadge(
    shown: Shown,
    /// With a background, as in page headers.
    #[prop(optional)]
    pill: bool,
    /// The job runs, and has not reported for longer than expected.
    #[prop(optional)]
    stalled: bool,
    /// Replaces the word of the state.
    #[prop(optional)]
    word: Option<&'static str>,
    /// A smaller second text: `3rd in queue`, `4 s`. Empty for none.
    #[prop(optional)]
    detail: String,
    /// The text that keeps the detail current; see [`super::JobText`].
    #[prop(optional)]
    live: Option<super::JobText>,
) -> impl IntoView {
    view! {
        <span
            class="state"
            class:pill=pill
            class:stalled=stalled
            data-state=shown.data_state()
            data-live=live.map(|_| "state")
        >
            <Icon name=state_icon(shown, stalled) />
            <span>{word.unwrap_or_else(|| shown.label())}</span>
            " "
            <small data-live=live.map(super::JobText::name) hidden=detail.is_empty()>
                {detail.clone()}
            </small>
        </span>
    }
}

pub const fn state_icon(shown: Shown, stalled: bool) -> &'static str {
    match shown {
        _ if stalled => "slow",
        Shown::NotResponding => "slow",
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
