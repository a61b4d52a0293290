//! Cards beside the progress: details, input, earlier runs, activity.

use engine::store::{Activity, RunOf};
use leptos::prelude::*;
use model::{JobId, JobView, Shown, bytes, duration, fixed};

use super::data::Data;
use crate::{
    base_path::url,
    components::{Icon, StateBadge, Timestamp},
    islands::CopyButtons,
    pages::shared::Json,
};

#[component]
pub(super) fn DetailsCards(data: Data) -> impl IntoView {
    let input = data.input.clone();
    let whole = url(&format!("/jobs/{}/input", data.detail.view.job));
    let copy = (!input.is_cut()).then(copy_input);
    let job = data.detail.view.clone();
    view! {
        <div class="part" data-part="details">
            <section class="card" aria-labelledby="facts">
                <header>
                    <h2 id="facts">"Details"</h2>
                </header>
                <div class="body">
                    <Details data=data.clone() />
                </div>
            </section>
        </div>
        <section class="card" aria-labelledby="input">
            <header>
                <h2 id="input">"Input"</h2>
                <div class="actions">
                    {copy}
                    {data.may.start.then(|| view! { <RunWithChanges job /> })}
                </div>
            </header>
            <div class="body">
                <Json text=input label="Input as JSON" id="input-json" whole=Some(whole) />
            </div>
        </section>
        <div class="part" data-part="history">
            <Earlier runs=data.earlier />
            <Timeline activity=data.activity />
        </div>
    }
}

/// Shown if the whole input is on the page.
fn copy_input() -> impl IntoView {
    view! {
        <button
            class="button square quiet small"
            type="button"
            aria-label="Copy input as JSON"
            title="Copy input as JSON"
            data-copies="input-json"
            hidden=true
        >
            <Icon name="copy" />
        </button>
        <span class="visually-hidden" role="status"></span>
        <CopyButtons />
    }
}

#[component]
fn RunWithChanges(job: JobView) -> impl IntoView {
    view! {
        <a class="button quiet small" href=url(&format!("/new/{}?from={}", job.kind, job.job))>
            <Icon name="edit" />
            "Edit and run"
        </a>
    }
}

#[component]
fn Details(data: Data) -> impl IntoView {
    let priority = data.detail.priority.level();
    let job = data.detail.view;
    let waited = (job.attempt == 1).then(|| job.started_at.map(|at| duration(at.seconds_since(job.created_at))));
    view! {
        <dl class="details">
            <Fact term="Job">
                <code>{format!("#{}", job.job)}</code>
            </Fact>
            <Fact term="Task">{data.task.0}</Fact>
            <Fact term="Attempt">{format!("{} of {}", job.attempt, job.max_attempts.max(job.attempt))}</Fact>
            {(priority != 0).then(|| view! { <Fact term="Priority">{priority}</Fact> })}
            <Fact term="Started by">{job.created_by}</Fact>
            {data.run_of.map(|run| view! { <Fact term="Schedule"><Schedule run /></Fact> })}
            <Fact term="Queued">
                <Timestamp at=job.created_at />
            </Fact>
            {data.starts_in.map(|seconds| view! { <Fact term="Starts">{soon(seconds)}</Fact> })}
            {job.started_at.map(|at| view! { <Fact term="Started"><Timestamp at /></Fact> })}
            {job.ended_at.map(|at| view! { <Fact term="Ended"><Timestamp at /></Fact> })}
            {waited.flatten().map(|waited| view! { <Fact term="Waited">{waited}</Fact> })}
            {job.rerun_of.map(|of| view! { <Fact term="Rerun of"><Link to=of /></Fact> })}
            {data.detail.repeated_by.map(|by| view! { <Fact term="Rerun as"><Link to=by /></Fact> })}
            <Fact term="Files">{files(data.detail.artifact_bytes)}</Fact>
        </dl>
    }
}

fn files(artifact_bytes: u64) -> String {
    if artifact_bytes == 0 { "none".to_owned() } else { bytes(artifact_bytes) }
}

/// `in about 4 min`: as coarse as the estimate.
fn soon(seconds: f64) -> String {
    match seconds {
        ..60.0 => "within a minute".to_owned(),
        ..5_400.0 => format!("in about {} min", fixed(seconds / 60.0, 0)),
        _ => format!("in about {} h", fixed(seconds / 3_600.0, 0)),
    }
}

#[component]
fn Fact(term: &'static str, children: Children) -> impl IntoView {
    view! {
        <div>
            <dt>{term}</dt>
            <dd>{children()}</dd>
        </div>
    }
}

#[component]
fn Link(to: JobId) -> impl IntoView {
    view! { <a href=url(&format!("/jobs/{to}"))>{format!("#{to}")}</a> }
}

/// The schedule of the run, and when it was due.
#[component]
fn Schedule(run: RunOf) -> impl IntoView {
    view! {
        <a href=url(&format!("/schedules/{}", run.schedule))>{run.name}</a>
        {run.due.map_or_else(|| ", run manually".into_any(), |at| view! { ", due " <Timestamp at /> }.into_any())}
    }
}

/// Earlier runs of the same task.
#[component]
fn Earlier(runs: Vec<JobView>) -> impl IntoView {
    (!runs.is_empty()).then(|| {
        let rows: Vec<_> = runs
            .into_iter()
            .map(|run| {
                let word = (run.shown() == Shown::Warnings).then_some("Warnings");
                let took = run.ended_at.and_then(|at| run.ran_for(at)).map(duration);
                view! {
                    <tr>
                        <th scope="row">
                            <Link to=run.job />
                        </th>
                        <td>
                            <StateBadge shown=run.shown() word=word.unwrap_or_else(|| run.shown().label()) />
                        </td>
                        <td class="number">{took}</td>
                    </tr>
                }
            })
            .collect();
        view! {
            <section class="card" aria-labelledby="runs">
                <header>
                    <h2 id="runs">"Earlier runs"</h2>
                    <span class="hint">"of this task"</span>
                </header>
                <table class="table">
                    <thead class="visually-hidden">
                        <tr>
                            <th scope="col">"Job"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Took"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
    })
}

/// The events of the job, newest first.
#[component]
fn Timeline(activity: Vec<Activity>) -> impl IntoView {
    let rows: Vec<_> = activity
        .into_iter()
        .map(|entry| {
            let (icon, state, words) = told(&entry.what);
            view! {
                <li data-state=state>
                    <Icon name=icon />
                    <p>
                        {entry.by.map(|by| view! { <b>{by}</b> " " })} {words}
                        {(entry.attempt > 1).then(|| format!(", attempt {}", entry.attempt))}
                        {(!entry.detail.is_empty()).then(|| format!(": {}", entry.detail))}
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
                <h2 id="activity">"Activity"</h2>
            </header>
            <div class="body">
                <ol class="timeline">{rows}</ol>
            </div>
        </section>
    }
}

/// Returns icon, state and text of an event.
fn told(what: &str) -> (&'static str, Option<&'static str>, String) {
    let (icon, state, words) = match what {
        "created" => ("user", None, "started this job"),
        "started" => ("running", Some("running"), "Started"),
        "cancel_requested" => ("stop", Some("cancelling"), "requested cancel"),
        "not_responding" => ("slow", Some("warnings"), "Not responding to cancel"),
        "succeeded" => ("succeeded", Some("succeeded"), "Succeeded"),
        "failed" => ("failed", Some("failed"), "Failed"),
        "cancelled" => ("cancelled", Some("cancelled"), "Cancelled"),
        "interrupted" => ("interrupted", Some("interrupted"), "Interrupted: worker died"),
        "retried" => ("retry", None, "retried"),
        "started_now" => ("play", None, "started it now"),
        "pause_requested" => ("pause", Some("paused"), "requested pause"),
        "paused" => ("pause", Some("paused"), "Paused at a checkpoint"),
        "set_aside" => ("pause", Some("paused"), "paused"),
        "resumed" => ("play", None, "resumed"),
        "snoozed" => ("scheduled", Some("scheduled"), "Snoozed until later"),
        "handed_back" => ("queued", Some("queued"), "Returned to the queue"),
        "repeated" => ("retry", None, "reran"),
        other => return ("info", None, other.replace('_', " ")),
    };
    (icon, state, words.to_owned())
}
