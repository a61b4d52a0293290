//! The page of a job: its state and its progress card.

use std::cell::Cell;

use leptos::prelude::*;
use model::{JobView, Micros};

use super::text;
use crate::{
    components::{
        JobBadge, JobText, JobTimestamp, LiveJob, Metrics, MileBar, MileBarSize, StageNames, document_title,
        outcome_time,
    },
    enhance::fragments,
    live,
};

/// The state of the job of a page. Updates the title of the page, and refreshes the fragments: at once when state, attempt
/// or stage change, later for mere progress.
#[island]
pub fn JobPill(job: JobView, now: Micros) -> impl IntoView {
    let job = live::job(job, now);
    super::on_hydrate(move || follow(job));
    view! { <JobBadge job detail=JobText::StateDetail pill=true /> }
}

fn follow(job: LiveJob) {
    let step_of = |job: &JobView| (job.attempt, job.shown(), job.progress.stage.as_ref().map(|stage| stage.index));
    let shown = Cell::new(step_of(&job.view.read_untracked()));
    live::effect(move || {
        let job = job.view.read();
        let title = format!("{} · Milepost", document_title(&job));
        if document().title() != title {
            document().set_title(&title);
        }
        let step = step_of(&job);
        if shown.replace(step) == step {
            fragments::refresh_at(fragments::LATER);
        } else {
            fragments::refresh();
        }
    });
}

/// The progress card: percentage, stage, time left, the large progress bar, and the metrics.
#[island(lazy)]
pub fn JobProgress(
    job: JobView,
    /// The names of its stages.
    stages: Vec<String>,
    now: Micros,
) -> impl IntoView {
    let job = live::job(job, now);
    view! {
        <section class="card" aria-label=text::PROGRESS>
            <div class="progress" data-state=job.data_state()>
                <div class="headline">
                    <p class="percent" hidden=job.lacks(JobText::PercentNumber)>
                        <span>{job.text(JobText::PercentNumber)}</span>
                        <small>"%"</small>
                    </p>
                    <p class="stage">
                        <b>{job.text(JobText::Headline)}</b>
                        <span hidden=job.lacks(JobText::StagePosition)>{job.text(JobText::StagePosition)}</span>
                    </p>
                    <p class="left">
                        <b hidden=job.lacks(JobText::Outcome)>{job.text(JobText::Outcome)}</b>
                        <span>
                            <span hidden=job.lacks(JobText::OutcomePrefix)>{job.text(JobText::OutcomePrefix)}</span>
                            <JobTimestamp job at=outcome_time />
                            <span hidden=job.lacks(JobText::OutcomeSuffix)>{job.text(JobText::OutcomeSuffix)}</span>
                        </span>
                    </p>
                </div>
                <div class="road">
                    <MileBar job size=MileBarSize::Hero />
                    <StageNames job names=stages />
                </div>
                <p
                    class="message"
                    data-tone=job.map(|job, _| Some(job.progress.tone.as_str().to_owned()))
                    hidden=job.lacks(JobText::Message)
                >
                    {job.text(JobText::Message)}
                </p>
            </div>
            <Metrics job />
        </section>
    }
}
