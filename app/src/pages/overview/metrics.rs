//! Metrics of the last day.

use engine::store::HourBucket;
use leptos::prelude::*;
use model::{Counts, JobState, count};

use super::text;
use crate::{context::app, islands::JobCount};

/// Running, queued, finished in 24 hours, success rate.
#[component]
pub(super) fn Metrics(counts: Counts, day: Vec<HourBucket>) -> impl IntoView {
    let succeeded: u64 = day.iter().map(|hour| hour.succeeded).sum();
    let failed: u64 = day.iter().map(|hour| hour.failed).sum();
    let cancelled: u64 = day.iter().map(|hour| hour.cancelled).sum();
    view! {
        <dl class="card figures large">
            <div>
                <dt>{text::RUNNING}</dt>
                <dd>
                    <JobCount counts states=vec![JobState::Running] />
                    " "
                    <small>{text::of_slots(&app().engine.concurrency())}</small>
                </dd>
            </div>
            <div>
                <dt>{text::QUEUED}</dt>
                <dd>
                    <JobCount counts states=vec![JobState::Queued] />
                </dd>
                <dd>
                    <JobCount counts states=vec![JobState::Scheduled] />
                    {text::SCHEDULED}
                </dd>
            </div>
            <div>
                <dt>{text::FINISHED_LAST_24_HOURS}</dt>
                <dd>{count(succeeded + failed + cancelled)}</dd>
                <dd>{text::cancelled_count(&count(cancelled))}</dd>
            </div>
            <div>
                <dt>{text::SUCCEEDED}</dt>
                <dd>{success_rate(succeeded, failed)}</dd>
                <dd>{text::failed_count(&count(failed))}</dd>
            </div>
        </dl>
    }
}

/// The success rate among succeeded and failed jobs. Rounded down: 100 means all.
fn success_rate(succeeded: u64, failed: u64) -> AnyView {
    let all = succeeded + failed;
    if all == 0 {
        return view! { <small>{text::NO_FINISHED_JOBS}</small> }.into_any();
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
