//! Job table: its columns, and title, progress and time of a job in a table.

use leptos::prelude::*;
use model::{JobId, JobView, Micros};

use super::{Icon, JobBadge, JobText, JobTimestamp, LiveJob, MileBar, kind_icon};
use crate::base_path::url;

/// The columns of a table of job rows.
#[component]
pub fn JobTableHead(
    /// The name of the column with the [`ProgressCell`].
    progress: &'static str,
) -> impl IntoView {
    view! {
        <thead>
            <tr>
                <th class="what" scope="col">
                    "Job"
                </th>
                <th class="how" scope="col">
                    {progress}
                </th>
                <th class="when" scope="col">
                    "Time"
                </th>
                <th class="do" scope="col">
                    <span class="visually-hidden">"Actions"</span>
                </th>
            </tr>
        </thead>
    }
}

/// Icon of the task, title and number.
#[component]
pub fn JobName(job: JobView) -> impl IntoView {
    view! {
        <div class="job">
            <span class="kind">
                <Icon name=kind_icon(&job.kind) />
            </span>
            <a href=job_href(job.job)>{job.title.clone()}</a>
            <small>{JobText::Number.of(&job, Micros::default())}</small>
        </div>
    }
}

/// Progress bar until the job ends, then the outcome. At most two lines and a bar high, so that rows keep their height.
#[component]
pub fn ProgressCell(job: LiveJob) -> impl IntoView {
    view! {
        <div class="going">
            <div class="top">
                <JobBadge job detail=JobText::StageOrDetail />
                <span class="percent" hidden=job.lacks(JobText::Percent)>
                    {job.text(JobText::Percent)}
                </span>
            </div>
            <MileBar job />
            <small hidden=job.lacks(JobText::Summary)>{job.text(JobText::Summary)}</small>
        </div>
    }
}

/// How long the job has been running, or when it ended and how long it took.
#[component]
pub fn TimeCell(job: LiveJob) -> impl IntoView {
    view! {
        <span class="two">
            <span hidden=job.lacks(JobText::Remaining)>{job.text(JobText::Remaining)}</span>
            <JobTimestamp job at=JobView::ended />
            <small hidden=job.lacks(JobText::Activity)>{job.text(JobText::Activity)}</small>
        </span>
    }
}

/// Returns the address of a job's page.
pub fn job_href(job: JobId) -> String {
    url(&format!("/jobs/{job}"))
}
