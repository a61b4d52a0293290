//! How far the job is.

use leptos::prelude::*;
use model::{JobView, Micros};

use crate::ui::{Figures, MileBar, MileBarSize, Moment, StageNames, Words, job_json, left_at};

/// The large bar, what it says, and the figures.
#[component]
pub(super) fn Progress(
    job: JobView,
    /// The names of its stages.
    stages: Vec<String>,
    now: Micros,
) -> impl IntoView {
    let json = job_json(&job);
    view! {
        <section class="card" aria-label="Progress" data-job=json>
            <div class="progress" data-state=job.shown().data_state() data-live="tinted">
                <Headline job=job.clone() now />
                <div class="road">
                    <MileBar job=job.clone() now size=MileBarSize::Hero />
                    <StageNames job=job.clone() names=stages />
                </div>
                <p
                    class="message"
                    data-tone=job.progress.tone.as_str()
                    data-live=Words::Message.name()
                    hidden=job.progress.message.is_empty()
                >
                    {job.progress.message.clone()}
                </p>
            </div>
            <Figures job now />
        </section>
    }
}

#[component]
fn Headline(job: JobView, now: Micros) -> impl IntoView {
    let (at, words) = (left_at(&job), |words: Words| words.of(&job, now));
    view! {
        <div class="headline">
            <p class="percent" data-live="known" hidden=job.percent().is_none()>
                <span data-live=Words::Points.name()>{words(Words::Points)}</span>
                <small>"%"</small>
            </p>
            <p class="stage">
                <b data-live=Words::Headline.name()>{words(Words::Headline)}</b>
                <span data-live=Words::Place.name()>{words(Words::Place)}</span>
            </p>
            <p class="left">
                <b data-live=Words::Left.name()>{words(Words::Left)}</b>
                <span>
                    <span data-live=Words::LeftBefore.name()>{words(Words::LeftBefore)}</span>
                    <Moment at live="left-at" />
                    <span data-live=Words::LeftAfter.name()>{words(Words::LeftAfter)}</span>
                </span>
            </p>
        </div>
    }
}
