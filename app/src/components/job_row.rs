//! A job as a row of a table: what it is, how it goes, when.

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros};

use super::{Icon, JobText, JobTimestamp, MileBar, StateBadge, kind_icon};
use crate::base_path::url;

/// The job: the icon of its kind, its title, its number.
#[component]
pub fn JobName(
    /// The job.
    job: JobView,
) -> impl IntoView {
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

/// How the job goes: its bar until it ends, then its outcome. Always as high as two lines and a bar at most.
#[component]
pub fn ProgressCell(
    /// The job.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let (percent, line) = (JobText::Percent.of(&job, now), JobText::Line.of(&job, now));
    view! {
        <div class="going">
            <div class="top">
                <StateBadge
                    shown=job.shown()
                    stalled=job.quiet_for(now).is_some()
                    detail=JobText::Detail.of(&job, now)
                    live=JobText::Detail
                />
                <span class="percent" data-live=JobText::Percent.name() hidden=percent.is_empty()>
                    {percent.clone()}
                </span>
            </div>
            <MileBar job now />
            <small data-live=JobText::Line.name() hidden=line.is_empty()>
                {line.clone()}
            </small>
        </div>
    }
}

/// The job's time: how long it has been at it, or when it ended and how long it took.
#[component]
pub fn TimeCell(
    /// The job.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let (so_far, span) = (JobText::SoFar.of(&job, now), JobText::Span.of(&job, now));
    view! {
        <span class="two">
            <span data-live=JobText::SoFar.name() hidden=so_far.is_empty()>
                {so_far.clone()}
            </span>
            <JobTimestamp at=job.ended() live="ended" />
            <small data-live=JobText::Span.name() hidden=span.is_empty()>
                {span.clone()}
            </small>
        </span>
    }
}

/// A job's row. It moves until the job ends; in a `<template>` it is the row of jobs to come.
#[component]
pub fn JobRow(
    /// The job.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
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

/// The job as the browser reads it, in the `data-job` of the element that shows it.
pub(crate) fn job_json(job: &JobView) -> String {
    serde_json::to_string(job).expect("a job is made of texts and numbers")
}

/// A job of no number, for the markup in a `<template>`.
pub fn blank_job() -> JobView {
    JobView { state: JobState::Running, ..JobView::new(JobId(0), "", "", "", Micros(0)) }
}

/// The page of a job.
pub fn job_href(job: JobId) -> String {
    url(&format!("/jobs/{job}"))
}
