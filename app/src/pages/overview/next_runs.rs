//! Next scheduled runs.

use engine::store::Schedule;
use leptos::prelude::*;
use model::Micros;

use super::text;
use crate::{
    base_path::url,
    components::{Countdown, Icon, Timestamp, kind_icon},
};

/// Schedules shown.
pub(super) const NEXT_RUNS: u32 = 5;

#[component]
pub(super) fn NextRuns(schedules: Vec<Schedule>, now: Micros) -> impl IntoView {
    let due = |schedule: Schedule| schedule.next_at.map(|at| (at, schedule));
    let line = |(at, schedule): (Micros, Schedule)| {
        view! {
            <li data-key=schedule.id.to_string()>
                <Icon name=kind_icon(&schedule.plan.kind) />
                <p>
                    <a href=url(&format!("/schedules/{}", schedule.id))>{schedule.plan.name}</a>
                </p>
                <small>
                    <Timestamp at />
                    ", "
                    <Countdown at now />
                </small>
            </li>
        }
    };
    let lines: Vec<_> = schedules.into_iter().filter_map(due).map(line).collect();
    (!lines.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="next">
                <header>
                    <h2 id="next">{text::NEXT_ON_SCHEDULE}</h2>
                    <a href=url("/schedules")>{text::ALL_SCHEDULES}</a>
                </header>
                <ul class="attention">{lines}</ul>
            </section>
        }
    })
}
