//! Tasks: one row each with its last runs.

use engine::store::KindStats;
use leptos::prelude::*;
use model::{count, duration};

use super::text;
use crate::{components::TaskName, context::app, pages::shared::run_history};

/// All tasks that ever ran.
#[component]
pub(super) fn Tasks(kinds: Vec<KindStats>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="tasks">
            <header>
                <h2 id="tasks">{text::TASKS}</h2>
                <span class="hint">{text::WITHOUT_DELETED}</span>
            </header>
            <table class="table stacking">
                <thead>
                    <tr>
                        <th scope="col">{text::TASK}</th>
                        <th scope="col">{text::LAST_RUNS}</th>
                        <th class="number" scope="col">
                            {text::SUCCEEDED}
                        </th>
                        <th class="number" scope="col">
                            {text::TYPICAL_DURATION}
                        </th>
                        <th class="number" scope="col">
                            {text::PERCENTILE_90}
                        </th>
                    </tr>
                </thead>
                <tbody>{kinds.into_iter().map(row).collect::<Vec<_>>()}</tbody>
            </table>
        </section>
    }
}

fn row(stats: KindStats) -> impl IntoView {
    let name = app().engine.task(&stats.kind).map_or_else(|| stats.kind.clone(), |task| task.name.to_owned());
    let mut runs = if stats.total == 1 { text::ONE_RUN.to_owned() } else { text::runs(&count(stats.total)) };
    if stats.running > 0 {
        runs = text::runs_and_running(&runs, &count(stats.running));
    }
    view! {
        <tr>
            <th scope="row">
                <TaskName kind=stats.kind name>
                    {runs}
                </TaskName>
            </th>
            <td data-label=text::LAST_RUNS>{run_history(&stats.last)}</td>
            <td class="number" data-label=text::SUCCEEDED>
                {stats.success_rate.map(share)}
            </td>
            <td class="number" data-label=text::TYPICAL_DURATION>
                {stats.usual_seconds.map(duration)}
            </td>
            <td class="number muted" data-label=text::PERCENTILE_90>
                {stats.slow_seconds.map(duration)}
            </td>
        </tr>
    }
}

/// `98.9 %`, rounded down: 100 means all.
fn share(rate: f64) -> String {
    let permille = (rate * 1000.0).floor() as u32;
    match (permille / 10, permille % 10) {
        (whole, 0) => format!("{whole}\u{a0}%"),
        (whole, tenth) => format!("{whole}.{tenth}\u{a0}%"),
    }
}
