//! What is due next by schedule.

use engine::store::Schedule;
use leptos::prelude::*;
use model::Micros;

use crate::{
    base,
    pages::schedules::in_time,
    ui::{Icon, When, kind_icon},
};

/// Schedules that have a line.
pub(super) const NEXT_RUNS: u32 = 5;

/// The next runs, the first first; nothing where none is planned.
#[component]
pub(super) fn NextOnSchedule(schedules: Vec<Schedule>, now: Micros) -> impl IntoView {
    let due = |schedule: Schedule| schedule.next_at.map(|at| (at, schedule));
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
    let lines: Vec<_> = schedules.into_iter().filter_map(due).map(line).collect();
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
