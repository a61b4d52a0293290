use leptos::prelude::*;
use model::Shown;

use super::Icon;

/// A job's state: icon, word, colour, and a smaller second word where there is more to say.
#[component]
pub fn StatePill(
    /// What to show.
    #[prop(into)]
    shown: Signal<Shown>,
    /// With a background, as in page heads.
    #[prop(optional)]
    pill: bool,
    /// It runs, and has not been heard from for longer than it should.
    #[prop(optional, into)]
    stalled: Signal<bool>,
    /// Another word than the state's own.
    #[prop(optional)]
    word: Option<&'static str>,
    /// The smaller second word: `3rd in line`, `4 s`. Empty for none.
    #[prop(optional, into)]
    detail: Option<Signal<String>>,
) -> impl IntoView {
    let icon = Signal::derive(move || if stalled.get() { "slow" } else { icon_of(shown.get()) });
    view! {
        <span class="state" class:pill=pill class:stalled=stalled data-state=move || shown.get().data_state()>
            <Icon name=icon />
            <span>{move || word.unwrap_or_else(|| shown.get().label())}</span>
            {detail.map(|detail| view! { " " <small>{move || detail.get()}</small> })}
        </span>
    }
}

const fn icon_of(shown: Shown) -> &'static str {
    match shown {
        Shown::NotResponding => "slow",
        Shown::Paused => "pause",
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
