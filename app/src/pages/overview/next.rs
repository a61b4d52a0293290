//! What is due next by schedule.

use engine::store::Schedule;
use leptos::prelude::*;
use model::Micros;

use crate::{
    base,
    pages::schedules::in_time,
    ui::{Icon, When, kind_icon},
};

/// So many have a line.
const LINES: usize = 5;

/// The next runs of those in sight, the first first; nothing where none is planned.
#[component]
pub(super) fn NextOnSchedule(schedules: Vec<Schedule>, now: Micros) -> impl IntoView {
    let due = |schedule: Schedule| match schedule.paused {
        None => schedule.next_at.map(|at| (at, schedule)),
        Some(_) => None,
    };
    let mut next: Vec<_> = schedules.into_iter().filter_map(due).collect();
    next.sort_by_key(|(at, _)| *at);
    let line = |(at, schedule): (Micros, Schedule)| {
        view! {
            <li>
                <Icon name=kind_icon(&schedule.plan.kind) />
                <p>
                    <a href=base::at(&format!("/schedules/{}", schedule.id))>{schedule.plan.name}</a>
                </p>
                <small>
                    <When at />
                    ", "
                    {in_time(at, now)}
                </small>
            </li>
        }
    };
    let lines: Vec<_> = next.into_iter().take(LINES).map(line).collect();
    (!lines.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="next">
                <header>
                    <h2 id="next">"Next on schedule"</h2>
                    <a href=base::at("/schedules")>"All schedules"</a>
                </header>
                <ul class="attention">{lines}</ul>
            </section>
        }
    })
}
