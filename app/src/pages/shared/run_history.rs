//! Run history: the last runs as bars.

use super::text;
use leptos::prelude::*;
use model::{JobId, JobState};

/// Newest at the right: height is duration, hollow is failed, grey is cancelled.
pub(in crate::pages) fn run_history(last: &[(JobId, JobState, f64)]) -> impl IntoView + use<> {
    const SLOTS: usize = 20;
    let longest = last.iter().map(|(_, _, seconds)| *seconds).fold(0.0, f64::max);
    let failed = last.iter().filter(|(_, state, _)| bar_class(*state) == Some("bad")).count();
    let label = match (last.len(), failed) {
        (0, _) => text::NO_RUN_HAS_ENDED.to_owned(),
        (runs, 0) => text::last_runs_none_failed(&runs),
        (runs, failed) => text::last_runs(&runs, &failed),
    };
    let free = SLOTS.saturating_sub(last.len());
    let bars: Vec<_> = last
        .iter()
        .enumerate()
        .map(|(i, (_, state, seconds))| {
            let height = if longest > 0.0 { (seconds / longest * 20.0).max(3.0) } else { 3.0 };
            let class = bar_class(*state);
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

/// The class of a run's bar; `None` for a succeeded one.
pub(in crate::pages) const fn bar_class(state: JobState) -> Option<&'static str> {
    match state {
        JobState::Failed | JobState::Interrupted => Some("bad"),
        JobState::Cancelled => Some("off"),
        JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused | JobState::Succeeded => None,
    }
}
