//! Progress card of the job page.

use leptos::prelude::*;
use model::{JobView, Micros};

use super::text;
use crate::components::{JobText, JobTimestamp, Metrics, MileBar, MileBarSize, StageNames, job_json, outcome_time};

/// The large progress bar, its texts, and the metrics.
#[component]
pub(super) fn Progress(
    job: JobView,
    /// The names of its stages.
    stages: Vec<String>,
    now: Micros,
) -> impl IntoView {
    let json = job_json(&job);
    view! {
        <section class="card" aria-label=text::PROGRESS data-job=json>
            <div class="progress" data-state=job.shown().data_state() data-live="tinted">
                <Headline job=job.clone() now />
                <div class="road">
                    <MileBar job=job.clone() now size=MileBarSize::Hero />
                    <StageNames job=job.clone() names=stages />
                </div>
                <p
                    class="message"
                    data-tone=job.progress.tone.as_str()
                    data-live=JobText::Message.name()
                    hidden=job.progress.message.is_empty()
                >
                    {job.progress.message.clone()}
                </p>
            </div>
            <Metrics job now />
        </section>
    }
}

#[component]
fn Headline(job: JobView, now: Micros) -> impl IntoView {
    let (at, words) = (outcome_time(&job), |words: JobText| words.of(&job, now));
    view! {
        <div class="headline">
            <p class="percent" data-live="known" hidden=job.percent().is_none()>
                <span data-live=JobText::PercentNumber.name()>{words(JobText::PercentNumber)}</span>
                <small>"%"</small>
            </p>
            <p class="stage">
                <b data-live=JobText::Headline.name()>{words(JobText::Headline)}</b>
                <span data-live=JobText::StagePosition.name()>{words(JobText::StagePosition)}</span>
            </p>
            <p class="left">
                <b data-live=JobText::Outcome.name()>{words(JobText::Outcome)}</b>
                <span>
                    <span data-live=JobText::OutcomePrefix.name()>{words(JobText::OutcomePrefix)}</span>
                    <JobTimestamp at live="left-at" />
                    <span data-live=JobText::OutcomeSuffix.name()>{words(JobText::OutcomeSuffix)}</span>
                </span>
            </p>
        </div>
    }
}
