//! Job row: title, progress and time of a job in a table.

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros};

use super::{Icon, JobText, JobTimestamp, MileBar, StateBadge, kind_icon};
use crate::base_path::url;

/// Icon of the task, title and number.
#[component]
pub fn JobName(job: JobView) -> impl IntoView {
    view! {
        <div class="job">
            <span class="kind" data-live="kind">
                <Icon name=kind_icon(&job.kind) />
            </span>
            <a href=job_href(job.job) data-live=JobText::Title.name()>
                {job.title.clone()}
            </a>
            <small data-live=JobText::Number.name()>{JobText::Number.of(&job, Micros::default())}</small>
        </div>
    }
}

/// Progress bar until the job ends, then the outcome. At most two lines and a bar high, so that rows keep their height.
#[component]
pub fn ProgressCell(job: JobView, now: Micros) -> impl IntoView {
    let (percent, line) = (JobText::Percent.of(&job, now), JobText::Summary.of(&job, now));
    view! {
        <div class="going">
            <div class="top">
                <StateBadge
                    shown=job.shown()
                    stalled=job.quiet_for(now).is_some()
                    detail=JobText::StageOrDetail.of(&job, now)
                    live=JobText::StageOrDetail
                />
                <span class="percent" data-live=JobText::Percent.name() hidden=percent.is_empty()>
                    {percent.clone()}
                </span>
            </div>
            <MileBar job now />
            <small data-live=JobText::Summary.name() hidden=line.is_empty()>
                {line.clone()}
            </small>
        </div>
    }
}

/// How long the job has been running, or when it ended and how long it took.
#[component]
pub fn TimeCell(job: JobView, now: Micros) -> impl IntoView {
    let (so_far, span) = (JobText::Remaining.of(&job, now), JobText::Activity.of(&job, now));
    view! {
        <span class="two">
            <span data-live=JobText::Remaining.name() hidden=so_far.is_empty()>
                {so_far.clone()}
            </span>
            <JobTimestamp at=job.ended() live="ended" />
            <small data-live=JobText::Activity.name() hidden=span.is_empty()>
                {span.clone()}
            </small>
        </span>
    }
}

/// A job's row. It updates until the job ends; in a `<template>` it is the row of jobs to come.
#[component]
pub fn JobRow(job: JobView, now: Micros) -> impl IntoView {
    let json = (!job.state.is_terminal()).then(|| job_json(&job));
    view! {
        <tr data-job=json>
            <th class="what" scope="row">
                <JobName job=job.clone() />
            </th>
            <td class="how">
                <ProgressCell job=job.clone() now />
            </td>
            <td class="when">
                <TimeCell job now />
            </td>
        </tr>
    }
}

/// The job as JSON for the attribute `data-job`, which islands read.
pub(crate) fn job_json(job: &JobView) -> String {
    serde_json::to_string(job).expect("a job is made of texts and numbers")
}

/// A job without a number, for the markup in a `<template>`.
pub fn blank_job() -> JobView {
    JobView { state: JobState::Running, ..JobView::new(JobId(0), "", "", "", Micros(0)) }
}

/// Returns the address of a job's page.
pub fn job_href(job: JobId) -> String {
    url(&format!("/jobs/{job}"))
}
