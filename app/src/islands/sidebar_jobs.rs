//! Pinned jobs of the sidebar.

use leptos::prelude::*;
use model::{JobView, Micros};

use super::text;
use crate::{
    components::{Icon, JobText, MileBar, MileBarSize, job_href},
    enhance, live,
};

/// The jobs that the user pinned. Hidden without any.
#[island]
pub fn SidebarJobs(
    jobs: Vec<JobView>,
    /// The page is that of a job, and updates its title itself.
    titled: bool,
    now: Micros,
) -> impl IntoView {
    if !jobs.is_empty() {
        enhance::follow_pinned(jobs.clone(), titled);
    }
    let hidden = jobs.is_empty();
    let rows: Vec<_> = jobs.into_iter().map(|job| view! { <SidebarJob job now /> }).collect();
    view! {
        <section class="watching" aria-labelledby="watching" hidden=hidden>
            <div class="head">
                <h2 id="watching">{text::PINNED}</h2>
                // Shown by script if the browser supports it.
                <button
                    class="button square quiet small"
                    type="button"
                    data-notify=""
                    aria-pressed="false"
                    aria-label=text::NOTIFY_WHEN_PINNED_JOB_FINISHES
                    title=text::NOTIFY_WHEN_PINNED_JOB_FINISHES
                    hidden=true
                >
                    <Icon name="bell" />
                </button>
            </div>
            {rows}
        </section>
    }
}

#[component]
fn SidebarJob(job: JobView, now: Micros) -> impl IntoView {
    let href = job_href(job.job);
    let title = job.title.clone();
    let job = live::job(job, now);
    view! {
        <a href=href>
            <span class="name">{title}</span>
            <span>{job.text(JobText::ProgressOrState)}</span>
            <MileBar job size=MileBarSize::Slim />
        </a>
    }
}
