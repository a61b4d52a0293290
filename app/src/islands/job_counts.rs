//! Job counts: the number of jobs in each state, wherever a page shows it.

use leptos::prelude::*;
use model::{Counts, JobId, JobState, count};

use super::text;
use crate::{components::reactive, live};

/// The number of jobs in some states.
#[island]
pub fn JobCount(
    counts: Counts,
    /// The states to count; all if empty.
    states: Vec<JobState>,
) -> impl IntoView {
    let counts = live::counts(counts);
    let number = move || {
        let counts = counts.read();
        count(if states.is_empty() { counts.total() } else { states.iter().map(|state| counts.of(*state)).sum() })
    };
    view! { <span>{reactive(number)}</span> }
}

/// The badge beside "Jobs": jobs that need attention, otherwise running jobs.
#[island]
pub fn JobsBadge(
    counts: Counts,
    /// Failed and interrupted jobs that were not retried or dismissed.
    attention: Vec<JobId>,
) -> impl IntoView {
    let counts = live::counts(counts);
    let attention = RwSignal::new(attention);
    live::on_state(move |event| {
        let (job, repeats) = (event.view.job, event.view.rerun_of);
        let wrong = matches!(event.state(), JobState::Failed | JobState::Interrupted);
        attention.update(|attention| {
            attention.retain(|other| *other != job && Some(*other) != repeats);
            if wrong && !matches!(event.code.as_deref(), Some("deleted" | "dismissed")) {
                attention.push(job);
            }
        });
    });
    let wrong = move || attention.read().len();
    let alarm = move || if wrong() < 10 { wrong().to_string() } else { "9+".to_owned() };
    view! {
        <span class="count" hidden=reactive(move || wrong() > 0 || counts.read().running == 0)>
            <span>{reactive(move || count(counts.read().running))}</span>
            <span class="visually-hidden">{text::RUNNING}</span>
        </span>
        <span class="alarm" hidden=reactive(move || wrong() == 0)>
            <span>{reactive(alarm)}</span>
            <span class="visually-hidden">{text::NEED_ATTENTION}</span>
        </span>
    }
}
