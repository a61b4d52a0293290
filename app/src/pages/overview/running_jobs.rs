//! Running jobs, with progress bars.

use leptos::prelude::*;
use model::{Counts, JobState, JobView, Micros};

use super::{ROWS, text};
use crate::{
    base_path::url,
    components::{JobCount, JobRow, blank_job},
    pages::shared::JobTable,
};

/// In the browser a new job takes a row, and one that ends keeps its row until a new job needs it.
#[component]
pub(super) fn RunningJobs(jobs: Vec<JobView>, counts: Counts, now: Micros) -> impl IntoView {
    let none = jobs.is_empty();
    view! {
        <section class="card" aria-labelledby="running" data-places=ROWS.to_string()>
            <header>
                <h2 id="running">{text::RUNNING_NOW}</h2>
                <span class="count-badge">
                    <JobCount counts states=vec![JobState::Running] />
                </span>
                <a href=url("/jobs?state=running")>{text::ALL_RUNNING}</a>
            </header>
            <p class="body quiet-text" hidden=!none data-empty="">
                {text::NOTHING_IS_RUNNING}
            </p>
            <JobTable jobs how=text::PROGRESS now />
            <template>
                <JobRow job=blank_job() now />
            </template>
        </section>
    }
}
