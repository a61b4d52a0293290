//! Actions and next run of a schedule, for the list and its own page.

use engine::store::{Pause, Schedule};
use leptos::prelude::*;

use super::descriptions::relative_time;
use crate::{
    base_path::url,
    components::{Icon, Timestamp},
    context::app,
};

/// When the next run is due, or why none is.
#[component]
pub(super) fn Next(schedule: Schedule) -> impl IntoView {
    let now = app().engine.now();
    if let Some(Pause { at, by, why }) = schedule.paused {
        let who = by.map_or_else(|| why.clone(), |by| format!("by {by}"));
        return view! {
            <span class="two">
                <span class="state" data-state="paused">
                    <Icon name="pause" />
                    <span>"Paused"</span>
                </span>
                <small title=who>{who.clone()} ", " <Timestamp at /></small>
            </span>
        }
        .into_any();
    }
    if let (Some(job), 1..) = (schedule.under_way, schedule.waiting) {
        let waits =
            if schedule.waiting == 1 { "One waits for ".to_owned() } else { format!("{} wait for ", schedule.waiting) };
        return view! {
            <span class="two">
                <span>{waits} <a href=url(&format!("/jobs/{job}"))>{format!("#{job}")}</a></span>
                {schedule.next_at.map(|at| view! { <small>"then " <Timestamp at /></small> })}
            </span>
        }
        .into_any();
    }
    match schedule.next_at {
        None => "Never".into_any(),
        Some(next) => view! {
            <span class="two">
                <span>
                    <Timestamp at=next />
                </span>
                <small>{relative_time(next, now)}</small>
            </span>
        }
        .into_any(),
    }
}

#[component]
pub(super) fn Turn(schedule: Schedule, #[prop(optional)] small: bool) -> impl IntoView {
    let (action, icon, word) = match schedule.paused {
        Some(_) => ("resume_schedule", "retry", "Resume"),
        None => ("pause_schedule", "pause", "Pause"),
    };
    view! { <Act schedule action icon word small /> }
}

#[component]
pub(super) fn RunNow(schedule: Schedule, #[prop(optional)] small: bool) -> impl IntoView {
    view! { <Act schedule action="run_schedule" icon="play" word="Run now" small /> }
}

/// One action: a form of its own, which works without script.
#[component]
fn Act(
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
