//! Running jobs, with progress bars.

use leptos::prelude::*;
use model::{Counts, JobState, JobView, Micros};

use super::{ROWS, text};
use crate::{
    base_path::url,
    islands::{self, JobCount},
    pages::shared::row_rights,
};

#[component]
pub(super) fn RunningJobs(jobs: Vec<JobView>, counts: Counts, now: Micros) -> impl IntoView {
    let rights = row_rights(&jobs);
    view! {
        <section class="card" aria-labelledby="running">
            <header>
                <h2 id="running">{text::RUNNING_NOW}</h2>
                <span class="count-badge">
                    <JobCount counts states=vec![JobState::Running] />
                </span>
                <a href=url("/jobs?state=running")>{text::ALL_RUNNING}</a>
            </header>
            <islands::RunningJobs jobs slots=ROWS rights now />
        </section>
    }
}
