//! The jobs at work, with their bars.

use leptos::prelude::*;
use model::{Counts, JobState, JobView, Micros};

use super::ROWS;
use crate::ui::{CountOf, JobRow, blank};

/// The jobs at work. In the browser those that start take a row, and one that ends keeps its row until a newly
/// started one needs it.
#[component]
pub(super) fn RunningNow(jobs: Vec<JobView>, counts: Counts, now: Micros) -> impl IntoView {
    let none = jobs.is_empty();
    let rows: Vec<_> = jobs.into_iter().map(|job| view! { <JobRow job now /> }).collect();
    view! {
        <section class="card" aria-labelledby="running" data-places=ROWS.to_string()>
            <header>
                <h2 id="running">"Running now"</h2>
                <span class="count-badge">
                    <CountOf counts states=vec![JobState::Running] />
                </span>
                <a href="/jobs?state=running">"All running"</a>
            </header>
            <p class="body quiet-text" hidden=!none data-empty="">
                "Nothing is running."
            </p>
            <table class="table jobs" hidden=none data-filled="">
                <thead>
                    <tr>
                        <th class="what" scope="col">
                            "Job"
                        </th>
                        <th class="how" scope="col">
                            "Progress"
                        </th>
                        <th class="when" scope="col">
                            "Time"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <template>
                <JobRow job=blank() now />
            </template>
        </section>
    }
}
