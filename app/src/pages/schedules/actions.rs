//! Actions and next run of a schedule, for the list and its own page.

use engine::store::{Pause, Schedule};
use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    components::{Countdown, Icon, Timestamp, shown_name},
    context::app,
};

/// When the next run is due, or why none is.
#[component]
pub(super) fn Next(schedule: Schedule) -> impl IntoView {
    let now = app().engine.now();
    if let Some(Pause { at, by, why }) = schedule.paused {
        let who = by.map_or_else(|| why.clone(), |by| format!("{}{}", text::BY, shown_name(&by)));
        return view! {
            <span class="two">
                <span class="state" data-state="paused">
                    <Icon name="pause" />
                    <span>{text::PAUSED}</span>
                </span>
                <small title=who>{who.clone()} ", " <Timestamp at /></small>
            </span>
        }
        .into_any();
    }
    if let (Some(job), 1..) = (schedule.under_way, schedule.waiting) {
        let waits = if schedule.waiting == 1 {
            text::ONE_WAITS_FOR.to_owned()
        } else {
            text::several_wait_for(&schedule.waiting)
        };
        return view! {
            <span class="two">
                <span>{waits} <a href=url(&format!("/jobs/{job}"))>{format!("#{job}")}</a></span>
                {schedule.next_at.map(|at| view! { <small>{text::THEN} <Timestamp at /></small> })}
            </span>
        }
        .into_any();
    }
    match schedule.next_at {
        None => text::NEVER.into_any(),
        Some(next) => view! {
            <span class="two">
                <span>
                    <Timestamp at=next />
                </span>
                <small>
                    <Countdown at=next now />
                </small>
            </span>
        }
        .into_any(),
    }
}

#[component]
pub(super) fn PauseButton(schedule: Schedule, #[prop(optional)] small: bool) -> impl IntoView {
    let (action, icon, word) = match schedule.paused {
        Some(_) => ("resume_schedule", "retry", text::RESUME),
        None => ("pause_schedule", "pause", text::PAUSE),
    };
    view! { <ActionForm schedule action icon word small /> }
}

#[component]
pub(super) fn RunNow(schedule: Schedule, #[prop(optional)] small: bool) -> impl IntoView {
    view! { <ActionForm schedule action="run_schedule" icon="play" word=text::RUN_NOW small /> }
}

/// One action: a form of its own, which works without script.
#[component]
fn ActionForm(
    schedule: Schedule,
    /// The server function.
    action: &'static str,
    icon: &'static str,
    word: &'static str,
    /// Only the icon, as in a row.
    small: bool,
) -> impl IntoView {
    let class = if small { "button square quiet small" } else { "button" };
    let label = small.then(|| format!("{word}: {}", schedule.plan.name));
    view! {
        <form method="post" action=url(&format!("/api/{action}"))>
            <input type="hidden" name="id" value=schedule.id.0 />
            <button class=class type="submit" aria-label=label.clone() title=label>
                <Icon name=icon />
                {(!small).then_some(word)}
            </button>
        </form>
    }
}
