//! Header of the job page: breadcrumbs, title, state and actions.

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Shown, bytes};

use super::data::{Data, Permissions};
use super::text;
use crate::{
    base_path::{list_address, url},
    components::{Icon, kind_icon, line_count},
    enhance::InPlaceForms,
    islands::JobPill,
    pages::shared::{Ask, Question, QuestionDialog, Refusal, text as shared},
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
                <div class="part job-actions" data-part="actions">
                    <Actions data />
                </div>
            </div>
            <Refusal />
            <InPlaceForms />
        </header>
    }
}

/// The actions that state and permissions allow. Cancel and Delete have a slot of their own at the end, which stays while
/// it is empty, and Retry is the farthest from it: a second click at the place of Cancel must not start the job again.
#[component]
fn Actions(data: Data) -> impl IntoView {
    let (job, may) = (data.detail.view.clone(), data.may);
    let (link, dialog) = last_action(&data).unzip();
    let slot = (may.steer || may.delete).then(|| view! { <div class="last-action">{link}</div> });
    view! {
        <div class="actions">
            <Pin job=job.job pinned=data.pinned /> {other_actions(job, may, data.pauses)}
        </div>
        {slot}
        {dialog}
    }
}

/// Cancel until the job ends, then Delete; and the dialog of its question.
fn last_action(data: &Data) -> Option<(AnyView, Option<AnyView>)> {
    let (job, may) = (&data.detail.view, data.may);
    if job.state.is_terminal() {
        return may.delete.then(|| delete(data));
    }
    let is_cancelling = job.state == JobState::Running && job.cancel_requested_at.is_some();
    let word = if job.shown() == Shown::Retrying { text::STOP_RETRYING } else { text::CANCEL };
    // A job that waits loses nothing.
    let loses_work = job.state == JobState::Running && !data.pauses;
    (may.steer && !is_cancelling).then(|| if loses_work { ask_to_cancel(job, word) } else { cancel(job.job, word) })
}

fn cancel(id: JobId, word: &'static str) -> (AnyView, Option<AnyView>) {
    let class = "button danger";
    (view! { <ActionForm id action="cancel_job" icon="stop" class word /> }.into_any(), None)
}

/// Without checkpoints all work is lost.
fn ask_to_cancel(job: &JobView, word: &'static str) -> (AnyView, Option<AnyView>) {
    let id = job.job;
    let question = question(id, "cancel");
    let link = view! {
        <Ask question=question.clone() class="button danger">
            <Icon name="stop" />
            {word}
        </Ask>
    };
    let title = text::confirm_cancel(&id);
    let consequences = match &job.reported_from {
        Some(_) => text::CANCEL_ELSEWHERE.to_owned(),
        None => shared::CANCEL_CONSEQUENCES.to_owned(),
    };
    let (class, word) = ("button danger primary", shared::CANCEL_JOB);
    let dialog = view! {
        <QuestionDialog question title consequences keep=shared::KEEP_JOB>
            <ActionForm id action="cancel_job" icon="stop" class word />
        </QuestionDialog>
    };
    (link.into_any(), Some(dialog.into_any()))
}

/// A question on the page of a job. Without an action it leads back to the list from which the user came.
fn question(id: JobId, what: &'static str) -> Question {
    Question::new(url(&format!("/jobs/{id}")), &what).or_back_to(referring_list())
}

fn other_actions(job: JobView, may: Permissions, pauses: bool) -> Option<AnyView> {
    let id = job.job;
    // A job that is reported from elsewhere is paused and started there.
    if job.reported_from.is_some() || !job.state.is_terminal() && !may.steer {
        return None;
    }
    let actions = match job.state {
        JobState::Scheduled => {
            let word = if job.shown() == Shown::Retrying { text::RETRY_NOW } else { text::START_NOW };
            view! {
                <ActionForm id action="start_now" icon="play" class="button primary" word />
                <Pause id />
            }
            .into_any()
        }
        JobState::Queued => view! { <Pause id /> }.into_any(),
        JobState::Running if job.cancel_requested_at.is_some() => return None,
        JobState::Running if job.pause_requested_at.is_some() => {
            view! { <Resume id word=text::CANCEL_PAUSE /> }.into_any()
        }
        JobState::Running if pauses => view! { <Pause id /> }.into_any(),
        JobState::Running => return None,
        JobState::Paused => view! { <Resume id word=text::RESUME /> }.into_any(),
        JobState::Succeeded => may
            .start
            .then(|| view! { <RunAgain id icon="retry" class="button primary" /> <RunWithChanges job /> })
            .into_any(),
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => view! {
            {may.steer.then(|| view! {
                <ActionForm id action="retry_job" icon="retry" class="button primary" word=text::RETRY />
            })}
            {may.start.then(|| view! { <RunAgain id icon="plus" class="button" /> <RunWithChanges job /> })}
        }
        .into_any(),
    };
    Some(actions)
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
fn RunAgain(id: JobId, icon: &'static str, class: &'static str) -> impl IntoView {
    view! { <ActionForm id action="rerun_job" icon class word=text::RUN_AGAIN /> }
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

fn delete(data: &Data) -> (AnyView, Option<AnyView>) {
    let detail = &data.detail;
    let id = detail.view.job;
    let question = question(id, "delete");
    let label = text::delete_job(&id);
    let link = view! {
        <Ask question=question.clone() class="button square danger" label=label>
            <Icon name="trash" />
        </Ask>
    };
    let title = text::confirm_delete(&id);
    let consequences = text::delete_consequences(&line_count(detail.log_lines), &bytes(detail.artifact_bytes));
    let back = referring_list().map(|back| view! { <input type="hidden" name="back" value=back /> });
    let dialog = view! {
        <QuestionDialog question title consequences>
            <form method="post" action=url("/api/delete_job")>
                <input type="hidden" name="id" value=id.0 />
                {back}
                <button class="button danger primary" type="submit">
                    <Icon name="trash" />
                    {text::DELETE_JOB}
                </button>
            </form>
        </QuestionDialog>
    };
    (link.into_any(), Some(dialog.into_any()))
}

/// The list of jobs with the link to this page.
fn referring_list() -> Option<String> {
    let request = use_context::<http::request::Parts>()?;
    let referrer: http::Uri = request.headers.get(http::header::REFERER)?.to_str().ok()?.parse().ok()?;
    list_address(referrer.path_and_query()?.as_str())
}
