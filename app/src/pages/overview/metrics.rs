//! Metrics of the last day.

use engine::store::HourBucket;
use leptos::prelude::*;
use model::{Counts, JobState, count};

use crate::{components::JobCount, context::app};

/// Running, queued, finished in 24 hours, success rate.
#[component]
pub(super) fn Metrics(counts: Counts, day: Vec<HourBucket>) -> impl IntoView {
    let succeeded: u64 = day.iter().map(|hour| hour.succeeded).sum();
    let failed: u64 = day.iter().map(|hour| hour.failed).sum();
    let cancelled: u64 = day.iter().map(|hour| hour.cancelled).sum();
    view! {
        <dl class="card figures large">
            <div>
                <dt>"Running"</dt>
                <dd>
                    <JobCount counts states=vec![JobState::Running] />
                    " "
                    <small>{format!("of {} slots", app().engine.concurrency())}</small>
                </dd>
            </div>
            <div>
                <dt>"Queued"</dt>
                <dd>
                    <JobCount counts states=vec![JobState::Queued] />
                </dd>
                <dd>
                    <JobCount counts states=vec![JobState::Scheduled] />
                    " scheduled"
                </dd>
            </div>
            <div>
                <dt>"Finished, last 24 hours"</dt>
                <dd>{count(succeeded + failed + cancelled)}</dd>
                <dd>{format!("{} cancelled", count(cancelled))}</dd>
            </div>
            <div>
                <dt>"Succeeded"</dt>
                <dd>{share(succeeded, failed)}</dd>
                <dd>{format!("{} failed or interrupted", count(failed))}</dd>
            </div>
        </dl>
    }
}

/// The success rate among succeeded and failed jobs. Rounded down: 100 means all.
fn share(succeeded: u64, failed: u64) -> AnyView {
    let all = succeeded + failed;
    if all == 0 {
        return view! { <small>"No finished jobs"</small> }.into_any();
    }
    let permille = succeeded * 1000 / all;
    let digits = if permille.is_multiple_of(10) {
        format!("{}", permille / 10)
    } else {
        format!("{}.{}", permille / 10, permille % 10)
    };
    view! {
        {digits}
        " "
        <small>"%"</small>
    }
    .into_any()
}
