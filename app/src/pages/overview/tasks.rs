//! One row per task: how its last runs went.

use engine::store::KindStats;
use leptos::prelude::*;
use model::{JobId, JobState, count, duration};

use crate::{context::app, ui::KindName};

/// Every kind that ever ran.
#[component]
pub(super) fn Tasks(kinds: Vec<KindStats>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="tasks">
            <header>
                <h2 id="tasks">"Tasks"</h2>
            </header>
            <table class="table stacking">
                <thead>
                    <tr>
                        <th scope="col">"Task"</th>
                        <th scope="col">"Last runs"</th>
                        <th class="number" scope="col">
                            "Succeeded"
                        </th>
                        <th class="number" scope="col">
                            "Usually takes"
                        </th>
                        <th class="number" scope="col">
                            "Slowest tenth"
                        </th>
                    </tr>
                </thead>
                <tbody>{kinds.into_iter().map(row).collect::<Vec<_>>()}</tbody>
            </table>
        </section>
    }
}

fn row(stats: KindStats) -> impl IntoView {
    let name = app().desk.task(&stats.kind).map_or_else(|| stats.kind.clone(), |task| task.name.to_owned());
    let mut runs = if stats.total == 1 { "1 run".to_owned() } else { format!("{} runs", count(stats.total)) };
    if stats.running > 0 {
        runs = format!("{runs}, {} running", count(stats.running));
    }
    view! {
        <tr>
            <th scope="row">
                <KindName kind=stats.kind name>
                    {runs}
                </KindName>
            </th>
            <td data-label="Last runs">{strip(&stats.last)}</td>
            <td class="number" data-label="Succeeded">
                {stats.success_rate.map(share)}
            </td>
            <td class="number" data-label="Usually takes">
                {stats.usual_seconds.map(duration)}
            </td>
            <td class="number muted" data-label="Slowest tenth">
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

/// Bars for the last runs, newest at the right: height is duration, hollow is failed, grey is cancelled.
fn strip(last: &[(JobId, JobState, f64)]) -> impl IntoView + use<> {
    const SLOTS: usize = 20;
    let longest = last.iter().map(|(_, _, seconds)| *seconds).fold(0.0, f64::max);
    let failed = last.iter().filter(|(_, state, _)| is_bad(*state)).count();
    let label = match (last.len(), failed) {
        (0, _) => "No run has ended".to_owned(),
        (runs, 0) => format!("Last runs: {runs}, none failed"),
        (runs, failed) => format!("Last runs: {runs}, {failed} failed"),
    };
    let free = SLOTS.saturating_sub(last.len());
    let bars: Vec<_> = last
        .iter()
        .enumerate()
        .map(|(i, (_, state, seconds))| {
            let height = if longest > 0.0 { (seconds / longest * 20.0).max(3.0) } else { 3.0 };
            let class = match state {
                JobState::Failed | JobState::Interrupted => Some("bad"),
                JobState::Cancelled => Some("off"),
                JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused | JobState::Succeeded => {
                    None
                }
            };
            let (x, y) = ((free + i) * 7, format!("{:.1}", 21.0 - height));
            view! { <rect class=class x=x y=y width="5" height=format!("{height:.1}") rx="1"></rect> }
        })
        .collect();
    view! {
        <svg class="run-strip" viewBox="0 0 140 22" role="img" aria-label=label>
            {bars}
        </svg>
    }
}

const fn is_bad(state: JobState) -> bool {
    matches!(state, JobState::Failed | JobState::Interrupted)
}
