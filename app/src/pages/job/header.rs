//! Header of the job page: breadcrumbs, title, state and actions.

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Shown, bytes};

use super::data::{Data, Permissions};
use super::text;
use crate::{
    base_path::url,
    components::{Icon, kind_icon, line_count},
    enhance::InPlaceForms,
    islands::JobPill,
};

#[component]
pub(super) fn Header(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    let id = format!("#{}", job.job);
    view! {
        <header class="page-head">
            <nav class="crumbs" aria-label=text::YOU_ARE_HERE>
                <ol>
                    <li>
                        <a href=url("/jobs")>{text::JOBS}</a>
                    </li>
                    <li>
                        <a href=url(&format!("/jobs?kind={}", job.kind))>{data.task.0.clone()}</a>
                    </li>
                    <li aria-current="page">{id}</li>
                </ol>
            </nav>
            <div class="title">
                <span class="kind large">
                    <Icon name=kind_icon(&job.kind) />
                </span>
                <h1>{job.title.clone()}</h1>
                <JobPill job=job.clone() now=data.now />
            </div>
            <div class="actions" data-forms="">
                <div class="part" data-part="actions">
                    <Pin job=job.job pinned=data.pinned />
                    <Actions job may=data.may pauses=data.pauses />
                    <ConfirmDelete data />
                </div>
            </div>
            <p class="notice bad refusal" role="alert" hidden=true></p>
            <InPlaceForms />
        </header>
    }
}

/// The actions that state and permissions allow.
#[component]
fn Actions(
    job: JobView,
    may: Permissions,
    /// A running job can be paused.
    pauses: bool,
) -> impl IntoView {
    let id = job.job;
    if !job.state.is_terminal() && !may.steer {
        return ().into_any();
    }
    match job.state {
        JobState::Scheduled => {
            let [now, never] = if job.shown() == Shown::Retrying {
                [text::RETRY_NOW, text::STOP_RETRYING]
            } else {
                [text::START_NOW, text::CANCEL]
            };
            view! {
                <Pause id />
                <ActionForm id action="start_now" icon="play" class="button primary" word=now />
                <Cancel id word=never />
            }
            .into_any()
        }
        JobState::Queued => view! { <Pause id /> <Cancel id word=text::CANCEL /> }.into_any(),
        JobState::Running if job.cancel_requested_at.is_some() => ().into_any(),
        JobState::Running => view! {
            {match job.pause_requested_at {
                Some(_) => view! { <Resume id word=text::CANCEL_PAUSE /> }.into_any(),
                None if pauses => view! { <Pause id /> }.into_any(),
                None => ().into_any(),
            }}
            <Cancel id word=text::CANCEL />
        }
        .into_any(),
        JobState::Paused => view! { <Resume id word=text::RESUME /> <Cancel id word=text::CANCEL /> }.into_any(),
        JobState::Succeeded => view! {
            {may.start.then(|| view! {
                <RunWithChanges job />
                <ActionForm id action="rerun_job" icon="retry" class="button primary" word=text::RUN_AGAIN />
            })}
            {may.delete.then(|| view! { <Delete id /> })}
        }
        .into_any(),
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => view! {
            {may.start.then(|| view! {
                <RunWithChanges job />
                <ActionForm id action="rerun_job" icon="plus" class="button" word=text::RUN_AGAIN />
            })}
            {may.steer.then(|| view! {
                <ActionForm id action="retry_job" icon="retry" class="button primary" word=text::RETRY />
            })}
            {may.delete.then(|| view! { <Delete id /> })}
        }
        .into_any(),
    }
}

/// One action: a form of its own, which works without script.
#[component]
fn ActionForm(
    id: JobId,
    /// The server function.
    action: &'static str,
    icon: &'static str,
    class: &'static str,
    word: &'static str,
) -> impl IntoView {
    view! {
        <form method="post" action=url(&format!("/api/{action}"))>
            <input type="hidden" name="id" value=id.0 />
            <button class=class type="submit">
                <Icon name=icon />
                {word}
            </button>
        </form>
    }
}

#[component]
fn Cancel(id: JobId, word: &'static str) -> impl IntoView {
    view! { <ActionForm id action="cancel_job" icon="stop" class="button danger" word /> }
}

#[component]
fn Pause(id: JobId) -> impl IntoView {
    view! { <ActionForm id action="pause_job" icon="pause" class="button" word=text::PAUSE /> }
}

#[component]
fn Resume(id: JobId, word: &'static str) -> impl IntoView {
    view! { <ActionForm id action="resume_job" icon="play" class="button primary" word /> }
}

/// Pins the job to the sidebar, or unpins it. Always reloads the page, because of the sidebar.
#[component]
fn Pin(job: JobId, pinned: bool) -> impl IntoView {
    let (action, word) = if pinned { ("/api/unpin_job", text::PINNED) } else { ("/api/pin_job", text::PIN) };
    view! {
        <form method="post" action=url(action) data-plain="">
            <input type="hidden" name="id" value=job.0 />
            <button class="button" type="submit" aria-pressed=pinned.to_string()>
                <Icon name="pin" />
                {word}
            </button>
        </form>
    }
}

#[component]
fn RunWithChanges(job: JobView) -> impl IntoView {
    view! {
        <a class="button" href=url(&format!("/new/{}?from={}", job.kind, job.job))>
            <Icon name="edit" />
            {text::EDIT_AND_RUN}
        </a>
    }
}

/// Opens the confirmation; without script, on a page of its own address.
#[component]
fn Delete(id: JobId) -> impl IntoView {
    let label = text::delete_job(&id);
    view! {
        <a
            class="button square danger"
            href=url(&format!("/jobs/{id}?confirm=delete"))
            data-opens="confirm-delete"
            aria-label=label.clone()
            title=label
        >
            <Icon name="trash" />
        </a>
    }
}

/// The confirmation before a job is deleted.
#[component]
fn ConfirmDelete(data: Data) -> impl IntoView {
    let detail = &data.detail;
    let id = detail.view.job;
    let asked = data.asked.confirm_delete;
    let loss = text::delete_consequences(&line_count(detail.log_lines), &bytes(detail.artifact_bytes));
    (detail.view.state.is_terminal() && data.may.delete).then(|| {
        view! {
            <dialog class="dialog" class:shown=asked open=asked id="confirm-delete" aria-labelledby="delete-question">
                <div>
                    <h2 id="delete-question">{text::confirm_delete(&id)}</h2>
                    <p>{loss}</p>
                </div>
                <footer>
                    <a class="button" href=url(&format!("/jobs/{id}")) data-closes="confirm-delete">
                        {text::CANCEL}
                    </a>
                    <ActionForm id action="delete_job" icon="trash" class="button danger primary" word=text::DELETE_JOB />
                </footer>
            </dialog>
        }
    })
}
