//! Notices above the progress: failures, interruptions and reasons to wait.

use engine::Hold;
use leptos::prelude::*;
use model::{ControlTarget, Failure, JobView, Shown, count, duration};

use super::{data::Data, text};
use crate::{
    base_path::url,
    components::{Icon, Timestamp, UserName},
};

#[component]
pub(super) fn Notices(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    match job.shown() {
        Shown::Failed => view! { <Failed job /> }.into_any(),
        Shown::Retrying => view! { <Retrying job /> }.into_any(),
        Shown::Cancelled if job.failure.is_some() => view! { <Failed job /> }.into_any(),
        Shown::Interrupted if job.failure.is_some() => view! { <Failed job /> }.into_any(),
        Shown::NoContact => view! {
            <Notice class="warn" icon="warning" head=text::NO_CONTACT.to_owned()>
                <p>{text::no_contact(&job.reported_from.unwrap_or_default())}</p>
            </Notice>
        }
        .into_any(),
        Shown::NotResponding if job.reported_from.is_some() => view! {
            <Notice class="warn" icon="warning" head=text::not_responding_for(&duration(data.grace))>
                <p>{text::STOPS_ELSEWHERE}</p>
            </Notice>
        }
        .into_any(),
        Shown::Interrupted => view! {
            <Notice class="bad" icon="interrupted" head=text::THE_WORKER_DIED.to_owned()>
                <p>{text::worker_died(data.detail.has_checkpoint, job.percent())}</p>
            </Notice>
        }
        .into_any(),
        Shown::NotResponding => view! {
            <Notice
                class="warn"
                icon="warning"
                head=text::not_responding_for(&duration(data.grace))
            >
                <p>
                    {text::KEEPS_ITS_SLOT}
                    {text::RESTART_THE_WORKER}
                </p>
            </Notice>
        }
        .into_any(),
        Shown::Warnings => view! {
            <Notice
                class="warn"
                icon="warnings"
                head=match job.progress.warnings {
                    1 => text::SUCCEEDED_WITH_ONE_WARNING.to_owned(),
                    many => text::succeeded_with_warnings(&count(many)),
                }
            >
                <p>
                    <a href=url(&format!("/jobs/{}?level=warn#log", job.job))>{text::SHOW_WARNINGS}</a>
                </p>
            </Notice>
        }
        .into_any(),
        Shown::Queued => data.hold.map(|hold| view! { <WaitReason hold kind=job.kind /> }).into_any(),
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
fn WaitReason(hold: Hold, kind: String) -> impl IntoView {
    let (class, head, why) = match hold {
        Hold::Paused(control) => (
            "warn",
            match control.of {
                ControlTarget::Queue => text::queue_is_paused(&control.name),
                ControlTarget::Kind => text::THE_TASK_IS_PAUSED.to_owned(),
            },
            view! {
                {control.paused_by.map(|name| view! { <UserName name /> })}
                {text::HAS_PAUSED_IT}
                {control.paused_at.map(|at| view! { <Timestamp at /> })}
                {text::KEEPS_ITS_PLACE}
            }
            .into_any(),
        ),
        Hold::Full(control) => (
            "",
            match control.of {
                ControlTarget::Queue => text::queue_is_full(&control.name),
                ControlTarget::Kind => text::TASK_AT_LIMIT.to_owned(),
            },
            match control.at_once {
                Some(1) => text::ONE_OF_ONE_SLOTS.to_owned(),
                limit => format!("{0} of {0} slots in use. ", limit.unwrap_or_default()),
            }
            .into_any(),
        ),
        Hold::NoWorkers => ("warn", text::NO_WORKER_IS_RUNNING.to_owned(), text::START_A_WORKER.into_any()),
        Hold::NotOffered => (
            "warn",
            text::TASK_NOT_OFFERED.to_owned(),
            view! {
                {text::WAITS_FOR_TASK}
                <code>{kind}</code>
                {text::IS_RUNNING}
            }
            .into_any(),
        ),
    };
    view! {
        <Notice class icon="pause" head>
            <p>
                {why} <a href=url("/queues")>{text::VIEW_QUEUES}</a>
            </p>
        </Notice>
    }
}

/// The reason of a failure; its trace is shown with the attempt.
#[component]
fn Failed(job: JobView) -> impl IntoView {
    let head = match (&job.progress.stage, job.shown()) {
        (_, Shown::Cancelled) if job.started_at.is_none() => text::RETRY_CANCELLED.to_owned(),
        (_, Shown::Cancelled) => text::FAILED_WHILE_BEING_CANCELLED.to_owned(),
        (_, Shown::Interrupted) => text::GIVEN_UP.to_owned(),
        (Some(stage), _) => text::failed_in(&stage.name),
        (None, _) => text::FAILED.to_owned(),
    };
    view! {
        <Notice class="bad" icon="failed" head>
            {job.failure.map(|failure| view! { <FailureReason failure /> })}
        </Notice>
    }
}

/// The reason of the last attempt's failure; the next attempt starts automatically.
#[component]
fn Retrying(job: JobView) -> impl IntoView {
    let head = text::attempt_failed(&job.attempt.saturating_sub(1));
    view! {
        <Notice class="warn" icon="retrying" head>
            {job.failure.map(|failure| view! { <FailureReason failure /> })}
        </Notice>
    }
}

#[component]
fn FailureReason(failure: Failure) -> impl IntoView {
    view! {
        <pre>{failure.message}</pre>
        <p>
            {text::ERROR_CODE} <code>{failure.code}</code>
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
