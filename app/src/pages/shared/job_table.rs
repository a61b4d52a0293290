use leptos::prelude::*;
use model::{JobView, Micros};

use crate::components::JobRow;

/// Jobs, one below the other.
#[component]
pub(in crate::pages) fn JobTable(
    /// In this order.
    jobs: Vec<JobView>,
    /// The head above how they go.
    how: &'static str,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let none = jobs.is_empty();
    let rows: Vec<_> = jobs.into_iter().map(|job| view! { <JobRow job now /> }).collect();
    view! {
        <table class="table jobs" hidden=none data-filled="">
            <thead>
                <tr>
                    <th class="what" scope="col">
                        "Job"
                    </th>
                    <th class="how" scope="col">
                        {how}
                    </th>
                    <th class="when" scope="col">
                        "Time"
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}
