use leptos::prelude::*;
use model::Shown;

use super::Icon;

/// A job's state: icon, word, colour, and a smaller second word where there is more to say.
#[component]
pub fn StateBadge(
    /// What to show.
    shown: Shown,
    /// With a background, as in page heads.
    #[prop(optional)]
    pill: bool,
    /// It runs, and has not been heard from for longer than it should.
    #[prop(optional)]
    stalled: bool,
    /// Another word than the state's own.
    #[prop(optional)]
    word: Option<&'static str>,
    /// The smaller second word: `3rd in line`, `4 s`. Empty for none.
    #[prop(optional)]
    detail: String,
    /// What the second word says of a job that moves; see [`super::JobText`].
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

/// The icon of a state.
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
