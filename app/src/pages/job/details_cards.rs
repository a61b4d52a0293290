//! Cards beside the progress: details, input, earlier runs, activity.

use engine::store::{Activity, RunOf};
use leptos::prelude::*;
use model::{JobId, bytes, duration, fixed};

use super::{data::Data, earlier_runs::EarlierRuns, input::InputCard, text};
use crate::{
    base_path::url,
    components::{Icon, Timestamp, UserName},
    pages::shared::Detail,
};

#[component]
pub(super) fn DetailsCards(data: Data) -> impl IntoView {
    view! {
        <div class="part" data-part="details">
            <section class="card" aria-labelledby="facts">
                <header>
                    <h2 id="facts">{text::DETAILS}</h2>
                </header>
                <div class="body">
                    <Details data=data.clone() />
                </div>
            </section>
        </div>
        // A reported job has no input here.
        {data.detail.view.reported_from.is_none().then(|| view! { <InputCard data=data.clone() /> })}
        <div class="part" data-part="history">
            <EarlierRuns job=data.detail.view.clone() runs=data.earlier />
            <Timeline activity=data.activity />
        </div>
    }
}

#[component]
fn Details(data: Data) -> impl IntoView {
    let priority = data.detail.priority.level();
    let job = data.detail.view;
    // A reported job never waits: it runs elsewhere already.
    let waits = job.attempt == 1 && job.reported_from.is_none();
    let is_reported = job.reported_from.is_some();
    let host = job.reported_from.map(|host| if host.is_empty() { text::ELSEWHERE.to_owned() } else { host });
    let waited = waits.then(|| job.started_at.map(|at| duration(at.seconds_since(job.created_at))));
    view! {
        <dl class="details">
            <Detail term=text::JOB>
                <code>{format!("#{}", job.job)}</code>
            </Detail>
            <Detail term=text::TASK>{data.task.0}</Detail>
            <Detail term=text::ATTEMPT>{format!("{} of {}", job.attempt, job.max_attempts.max(job.attempt))}</Detail>
            {(priority != 0).then(|| view! { <Detail term=text::PRIORITY>{priority}</Detail> })}
            <Detail term=text::STARTED_BY>
                <UserName name=job.created_by />
            </Detail>
            {host.map(|host| view! { <Detail term=text::REPORTED_FROM>{host}</Detail> })}
            {data.run_of.map(|run| view! { <Detail term=text::SCHEDULE><Schedule run /></Detail> })}
            <Detail term=if is_reported { text::FIRST_REPORT } else { text::QUEUED }>
                <Timestamp at=job.created_at />
            </Detail>
            {data.starts_in.map(|seconds| view! { <Detail term=text::STARTS>{approximate(seconds)}</Detail> })}
            {job.started_at.map(|at| view! { <Detail term=text::STARTED><Timestamp at /></Detail> })}
            {job.ended_at.map(|at| view! { <Detail term=text::ENDED><Timestamp at /></Detail> })}
            {waited.flatten().map(|waited| view! { <Detail term=text::WAITED>{waited}</Detail> })}
            {job.rerun_of.map(|of| view! { <Detail term=text::RERUN_OF><Link to=of /></Detail> })}
            {data.detail.repeated_by.map(|by| view! { <Detail term=text::RERUN_AS><Link to=by /></Detail> })}
            <Detail term=text::FILES>{files(data.detail.artifact_bytes)}</Detail>
        </dl>
    }
}

fn files(artifact_bytes: u64) -> String {
    if artifact_bytes == 0 { "none".to_owned() } else { bytes(artifact_bytes) }
}

/// `in about 4 min`: as coarse as the estimate.
fn approximate(seconds: f64) -> String {
    match seconds {
        ..60.0 => text::WITHIN_A_MINUTE.to_owned(),
        ..5_400.0 => text::in_about_minutes(&fixed(seconds / 60.0, 0)),
        _ => text::in_about_hours(&fixed(seconds / 3_600.0, 0)),
    }
}

#[component]
pub(super) fn Link(to: JobId) -> impl IntoView {
    view! { <a href=url(&format!("/jobs/{to}"))>{format!("#{to}")}</a> }
}

/// The schedule of the run, and when it was due.
#[component]
fn Schedule(run: RunOf) -> impl IntoView {
    view! {
        <a href=url(&format!("/schedules/{}", run.schedule))>{run.name}</a>
        {run.due.map_or_else(|| text::RUN_MANUALLY.into_any(), |at| view! { {text::DUE} <Timestamp at /> }.into_any())}
    }
}

/// The events of the job, newest first.
#[component]
fn Timeline(activity: Vec<Activity>) -> impl IntoView {
    let rows: Vec<_> = activity
        .into_iter()
        .map(|entry| {
            let (icon, state, words) = describe_event(&entry.what);
            let separator = if entry.detail.starts_with("with ") { " " } else { ": " };
            view! {
                <li data-state=state>
                    <Icon name=icon />
                    <p>
                        {entry.by.map(|name| view! { <b><UserName name /></b> " " })} {words}
                        {(entry.attempt > 1).then(|| text::of_attempt(&entry.attempt))}
                        {(!entry.detail.is_empty()).then(|| format!("{separator}{}", entry.detail))}
                    </p>
                    <small>
                        <Timestamp at=entry.at />
                    </small>
                </li>
            }
        })
        .collect();
    view! {
        <section class="card" aria-labelledby="activity">
            <header>
                <h2 id="activity">{text::ACTIVITY}</h2>
            </header>
            <div class="body">
                <ol class="timeline">{rows}</ol>
            </div>
        </section>
    }
}

/// Returns icon, state and text of an event.
fn describe_event(what: &str) -> (&'static str, Option<&'static str>, String) {
    let (icon, state, words) = match what {
        "created" => ("user", None, text::STARTED_THIS_JOB),
        "started" => ("running", Some("running"), text::STARTED),
        "cancel_requested" => ("stop", Some("cancelling"), text::REQUESTED_CANCEL),
        "not_responding" => ("slow", Some("warnings"), text::NOT_RESPONDING_TO_CANCEL),
        "succeeded" => ("succeeded", Some("succeeded"), text::SUCCEEDED),
        "failed" => ("failed", Some("failed"), text::FAILED),
        "cancelled" => ("cancelled", Some("cancelled"), text::CANCELLED),
        "interrupted" => ("interrupted", Some("interrupted"), text::INTERRUPTED_WORKER_DIED),
        "retried" => ("retry", None, "retried"),
        "started_now" => ("play", None, text::STARTED_IT_NOW),
        "pause_requested" => ("pause", Some("paused"), text::REQUESTED_PAUSE),
        "paused" => ("pause", Some("paused"), text::PAUSED_AT_A_CHECKPOINT),
        "set_aside" => ("pause", Some("paused"), "paused"),
        "resumed" => ("play", None, "resumed"),
        "snoozed" => ("scheduled", Some("scheduled"), text::SNOOZED_UNTIL_LATER),
        "handed_back" => ("queued", Some("queued"), text::RETURNED_TO_THE_QUEUE),
        "dismissed" => ("check", None, "dismissed"),
        "repeated" => ("retry", None, "reran"),
        other => return ("info", None, other.replace('_', " ")),
    };
    (icon, state, words.to_owned())
}
