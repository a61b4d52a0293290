use leptos::prelude::*;
use model::{JobView, Micros};

use super::text;
use crate::components::JobRow;

/// Table of jobs.
#[component]
pub(in crate::pages) fn JobTable(
    jobs: Vec<JobView>,
    /// Heading of the progress column.
    how: &'static str,
    now: Micros,
) -> impl IntoView {
    let none = jobs.is_empty();
    let rows: Vec<_> = jobs.into_iter().map(|job| view! { <JobRow job now /> }).collect();
    view! {
        <table class="table jobs" hidden=none data-filled="">
            <thead>
                <tr>
                    <th class="what" scope="col">
                        {text::JOB}
                    </th>
                    <th class="how" scope="col">
                        {how}
                    </th>
                    <th class="when" scope="col">
                        {text::TIME}
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}
