//! Notices above the progress: failures, interruptions and reasons to wait.

use engine::Hold;
use leptos::prelude::*;
use model::{ControlTarget, Failure, JobView, Shown, count, duration};

use super::data::Data;
use crate::{
    base_path::url,
    components::{Icon, Timestamp},
};

#[component]
pub(super) fn Notices(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    match job.shown() {
        Shown::Failed => view! { <Failed job /> }.into_any(),
        Shown::Retrying => view! { <Retrying job /> }.into_any(),
        Shown::Cancelled if job.failure.is_some() => view! { <Failed job /> }.into_any(),
        Shown::Interrupted => view! {
            <Notice class="bad" icon="interrupted" head="The worker died".to_owned()>
                <p>
                    "Log and progress are kept. Retry runs the next attempt of this job."
                </p>
            </Notice>
        }
        .into_any(),
        Shown::NotResponding => view! {
            <Notice
                class="warn"
                icon="warning"
                head=format!("Not responding to cancel for more than {}", duration(data.grace))
            >
                <p>
                    "It keeps its slot until it stops. "
                    "Restart the worker to force it."
                </p>
            </Notice>
        }
        .into_any(),
        Shown::Warnings => view! {
            <Notice
                class="warn"
                icon="warnings"
                head=match job.progress.warnings {
                    1 => "Succeeded with 1 warning".to_owned(),
                    many => format!("Succeeded with {} warnings", count(many)),
                }
            >
                <p>
                    <a href=url(&format!("/jobs/{}?level=warn#log", job.job))>"Show warnings"</a>
                </p>
            </Notice>
        }
        .into_any(),
        Shown::Queued => data.hold.map(|hold| view! { <Held hold kind=job.kind /> }).into_any(),
        Shown::Scheduled
        | Shown::Running
        | Shown::Pausing
        | Shown::Cancelling
        | Shown::Paused
        | Shown::Succeeded
        | Shown::Cancelled => ().into_any(),
    }
}

/// Why a queued job does not start.
#[component]
fn Held(hold: Hold, kind: String) -> impl IntoView {
    let (class, head, why) = match hold {
        Hold::Paused(control) => (
            "warn",
            match control.of {
                ControlTarget::Queue => format!("Queue “{}” is paused", control.name),
                ControlTarget::Kind => "The task is paused".to_owned(),
            },
            view! {
                {control.paused_by}
                " has paused it, "
                {control.paused_at.map(|at| view! { <Timestamp at /> })}
                ". This job keeps its place and starts when it is resumed. "
            }
            .into_any(),
        ),
        Hold::Full(control) => (
            "",
            match control.of {
                ControlTarget::Queue => format!("Queue “{}” is full", control.name),
                ControlTarget::Kind => "The task is at its limit".to_owned(),
            },
            match control.at_once {
                Some(1) => "1 of 1 slots in use. ".to_owned(),
                limit => format!("{0} of {0} slots in use. ", limit.unwrap_or_default()),
            }
            .into_any(),
        ),
        Hold::NoWorkers => (
            "warn",
            "No worker is running".to_owned(),
            "This server runs no jobs itself. Start a worker: milepost worker. ".into_any(),
        ),
        Hold::NotOffered => (
            "warn",
            "No process that runs now has this task".to_owned(),
            view! {
                "This job keeps its place and starts when a server or a worker with the task "
                <code>{kind}</code>
                " is running. "
            }
            .into_any(),
        ),
    };
    view! {
        <Notice class icon="pause" head>
            <p>
                {why} <a href=url("/queues")>"View queues"</a>
            </p>
        </Notice>
    }
}

/// The reason of a failure; its trace is shown with the attempt.
#[component]
fn Failed(job: JobView) -> impl IntoView {
    let head = match (&job.progress.stage, job.shown()) {
        (_, Shown::Cancelled) if job.started_at.is_none() => "Retry cancelled; the last attempt failed".to_owned(),
        (_, Shown::Cancelled) => "Failed while being cancelled".to_owned(),
        (Some(stage), _) => format!("Failed in {}", stage.name),
        (None, _) => "Failed".to_owned(),
    };
    view! {
        <Notice class="bad" icon="failed" head>
            {job.failure.map(|failure| view! { <Why failure /> })}
        </Notice>
    }
}

/// The reason of the last attempt's failure; the next attempt starts automatically.
#[component]
fn Retrying(job: JobView) -> impl IntoView {
    let head = format!("Attempt {} failed. Retrying automatically.", job.attempt.saturating_sub(1));
    view! {
        <Notice class="warn" icon="retrying" head>
            {job.failure.map(|failure| view! { <Why failure /> })}
        </Notice>
    }
}

#[component]
fn Why(failure: Failure) -> impl IntoView {
    view! {
        <pre>{failure.message}</pre>
        <p>
            "Error code " <code>{failure.code}</code>
        </p>
    }
}

#[component]
fn Notice(class: &'static str, icon: &'static str, head: String, children: Children) -> impl IntoView {
    view! {
        <section class=format!("notice {class}") aria-labelledby="notice">
            <Icon name=icon />
            <div class="stack-tight">
                <h2 id="notice">{head}</h2>
                {children()}
            </div>
        </section>
    }
}
