//! Jobs of the sidebar.

use leptos::prelude::*;
use model::{JobView, Micros};

use super::{
    running_jobs::{key, slots_of},
    text,
};
use crate::{
    components::{Icon, JobText, MileBar, MileBarSize, job_href, reactive},
    enhance, live,
};

/// Pinned jobs, then running jobs.
#[island]
pub fn SidebarJobs(
    jobs: Vec<JobView>,
    /// How many of `jobs` are pinned.
    pinned: usize,
    /// At most this many jobs.
    slots: usize,
    /// The page is that of a job, and updates its title itself.
    titled: bool,
    now: Micros,
) -> impl IntoView {
    let followed: Vec<_> = jobs.iter().take(pinned).cloned().collect();
    if !followed.is_empty() {
        enhance::follow_pinned(followed, titled);
    }
    let rows = slots_of(jobs, pinned, slots);
    view! {
        <section class="watching" aria-labelledby="watching" hidden=reactive(move || rows.read().is_empty())>
            <div class="head">
                <h2 id="watching">{text::RUNNING_AND_PINNED}</h2>
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
            <For each=move || rows.get() key=key let:job>
                <SidebarJob job now />
            </For>
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
