use leptos::prelude::*;
use model::{Counts, JobId, JobState};

use crate::live;

/// What stands beside "Jobs" in the navigation: how many went wrong and wait for a person, else how many run.
#[island]
pub fn JobsBadge(
    /// How many jobs are in each state.
    counts: Counts,
    /// Jobs that went wrong and nobody has tried again, at most ten.
    troubles: Vec<JobId>,
) -> impl IntoView {
    let counts = live::counts(counts);
    let troubles = RwSignal::new(troubles);
    live::on_state(move |event| {
        let (job, repeats) = (event.view.job, event.view.rerun_of);
        let wrong = matches!(event.state(), JobState::Failed | JobState::Interrupted);
        troubles.update(|troubles| {
            troubles.retain(|trouble| *trouble != job && Some(*trouble) != repeats);
            if wrong && event.code.as_deref() != Some("deleted") {
                troubles.push(job);
            }
        });
    });
    move || match (troubles.read().len(), counts.read().running) {
        (0, 0) => ().into_any(),
        (0, running) => view! {
            <span class="count">
                {running} <span class="visually-hidden">" running"</span>
            </span>
        }
        .into_any(),
        (wrong, _) => view! {
            <span class="alarm">
                {if wrong < 10 { wrong.to_string() } else { "9+".to_owned() }}
                <span class="visually-hidden">" need attention"</span>
            </span>
        }
        .into_any(),
    }
}
