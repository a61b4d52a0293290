//! Schedule form: `/schedules/new` and `/schedules/{id}/edit`.

use engine::{
    Cron, Error, TaskInfo,
    access::Action,
    schedules::field,
    store::{Schedule, ScheduleId},
};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::FieldKind;

use super::{descriptions::in_zone, plan_fields, text};
use crate::{
    base_path::url,
    components::{Countdown, Icon, UserName},
    context::app,
    enhance::{PathPickers, UploadFields},
    forms::{Draft, schedule_plan},
    layout::deferred,
    pages::{
        forbidden::NotAllowed,
        not_found::NotFound,
        shared::{ErrorSummary, TaskCard, task_field},
    },
    server_fns::ApiError,
};

/// Runs in the preview.
pub(super) const PREVIEW_RUNS: usize = 10;

/// `/schedules/new`: choose a task; with `?kind=`, its form.
#[component]
pub fn NewSchedule() -> impl IntoView {
    let Some(kind) = use_query_map().read_untracked().get("kind") else {
        return view! { <TaskCatalogue /> }.into_any();
    };
    let engine = app().engine;
    let Some(task) = engine.task(&kind).cloned() else { return view! { <NotFound /> }.into_any() };
    if let Err(denied) = engine.authorise_start(&kind) {
        return view! { <NotAllowedHere reason=ApiError::from(denied).message /> }.into_any();
    }
    let mut draft = use_context::<Draft>().unwrap_or_else(|| Draft::with_defaults(&task.form));
    // A draft without a plan is new, or comes from the form of a job.
    if !draft.entries.contains_key(field::NAME) {
        plan_fields::begin(&mut draft, task.name);
    }
    let action = url(&format!("/schedules/new?kind={kind}"));
    view! {
        <Title text=text::NEW_SCHEDULE />
        <header class="page-head">
            <h1>{text::NEW_SCHEDULE}</h1>
            <p class="lead">{text::FORM_LEAD}</p>
        </header>
        <ScheduleForm task draft action back=url("/schedules") />
    }
    .into_any()
}

/// `/schedules/{id}/edit`.
#[component]
pub fn EditSchedule() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").and_then(|id| id.parse().ok()).map(ScheduleId);
    deferred(async move {
        let Some(id) = id else { return view! { <NotFound /> }.into_any() };
        let engine = app().engine;
        match engine.schedule(id, Action::Schedule).await {
            Ok(schedule) => match engine.task(&schedule.plan.kind).cloned() {
                Some(task) => edit(schedule, task).await.into_any(),
                None => view! { <NotFound /> }.into_any(),
            },
            Err(Error::Denied(denied)) => {
                view! { <NotAllowedHere reason=ApiError::from(Error::from(denied)).message /> }.into_any()
            }
            Err(_) => view! { <NotFound /> }.into_any(),
        }
    })
}

async fn edit(schedule: Schedule, task: TaskInfo) -> impl IntoView {
    let draft = if let Some(sent_before) = use_context::<Draft>() {
        sent_before
    } else {
        let mut draft = Draft::from_input(&app().engine, &task, &schedule.input().unwrap_or_default()).await;
        schedule_plan::fill_from(&mut draft, &schedule);
        draft
    };
    let page = url(&format!("/schedules/{}", schedule.id));
    view! {
        <Title text=text::edit(&schedule.plan.name) />
        <header class="page-head">
            <nav class="crumbs" aria-label=text::YOU_ARE_HERE>
                <ol>
                    <li>
                        <a href=url("/schedules")>{text::SCHEDULES}</a>
                    </li>
                    <li>
                        <a href=page.clone()>{schedule.plan.name.clone()}</a>
                    </li>
                    <li aria-current="page">{text::EDIT}</li>
                </ol>
            </nav>
            <h1>{text::edit(&schedule.plan.name)}</h1>
            <p class="lead">{text::JOBS_RUN_AS} <UserName name=schedule.owner.clone() /> "."</p>
        </header>
        <ScheduleForm task draft action=format!("{page}/edit") back=page />
    }
}

/// The catalogue of tasks to schedule.
#[component]
fn TaskCatalogue() -> impl IntoView {
    let card = |task: &TaskInfo| {
        let href = url(&format!("/schedules/new?kind={}", task.kind));
        view! { <TaskCard task=task.clone() href /> }
    };
    view! {
        <Title text=text::NEW_SCHEDULE />
        <header class="page-head">
            <h1>{text::NEW_SCHEDULE}</h1>
            <p class="lead">{text::CHOOSE_A_TASK_TO_SCHEDULE}</p>
        </header>
        <ul class="task-cards">{app().engine.startable().map(card).collect::<Vec<_>>()}</ul>
    }
}

/// Submitted without script: the response is the form again if a field is invalid, or a preview was requested.
#[component]
fn ScheduleForm(
    task: TaskInfo,
    draft: Draft,
    action: String,
    /// Where "Cancel" leads.
    back: String,
) -> impl IntoView {
    let files = task.form.fields.iter().any(|field| matches!(field.kind, FieldKind::Upload));
    let [when, how] = plan_fields::fields(draft.entry(field::ZONE));
    let known: Vec<_> = when.iter().chain(&task.form.fields).chain(&how).cloned().collect();
    let drawn = |fields: &[model::Field]| fields.iter().map(|field| task_field(field, &draft)).collect::<Vec<_>>();
    view! {
        <form
            class="card plan"
            method="post"
            action=action
            enctype=if files { "multipart/form-data" } else { "application/x-www-form-urlencoded" }
            novalidate=true
            aria-labelledby="task"
        >
            {schedule_plan::revision(&draft)
                .map(|revision| view! { <input type="hidden" name=schedule_plan::REVISION value=revision /> })}
            // Enter in a field presses the first button, which must not be "Browse…".
            <button hidden=true tabindex="-1" aria-hidden="true"></button>
            <header>
                <h2 id="task">{task.name}</h2>
                <span class="hint">{task.about}</span>
            </header>
            <div class="body form">
                <ErrorSummary known draft=draft.clone() not=text::NOT_SAVED />
                <fieldset>
                    <legend>{text::WHEN}</legend>
                    <div class="fields">{drawn(&when)}</div>
                    <Preview draft=draft.clone() />
                </fieldset>
                <fieldset>
                    <legend>{text::WHAT}</legend>
                    <div class="fields">{drawn(&task.form.fields)}</div>
                </fieldset>
                <fieldset>
                    <legend>{text::HOW}</legend>
                    <div class="fields">{drawn(&how)}</div>
                </fieldset>
            </div>
            <footer>
                <div class="actions">
                    <a class="button" href=back>
                        {text::CANCEL}
                    </a>
                    <button class="button primary" type="submit" data-waits=text::SAVES_AFTER_UPLOAD>
                        <Icon name="check" />
                        <span>{text::SAVE_SCHEDULE}</span>
                    </button>
                </div>
            </footer>
            <UploadFields />
            <PathPickers />
        </form>
    }
}

/// The expression in words and its next runs, with a button to update them.
#[component]
fn Preview(draft: Draft) -> impl IntoView {
    let said = match schedule_plan::preview(&draft) {
        Some(Ok(cron)) => Some(view! {
            <p>
                <b>{cron.in_words()}</b>
            </p>
            <NextRunTimes cron />
        }),
        Some(Err(_)) | None => None,
    };
    view! {
        <div class="ahead" id="ahead">
            {said}
            <button class="button small" type="submit" name=schedule_plan::PREVIEW value="1">
                {text::PREVIEW}
            </button>
        </div>
    }
}

/// The next runs in the schedule's zone.
#[component]
pub(super) fn NextRunTimes(cron: Cron) -> impl IntoView {
    let now = app().engine.now();
    let run = |at| {
        view! {
            <li>
                <span>{in_zone(at, cron.zone())}</span>
                <small>
                    <Countdown at now />
                </small>
            </li>
        }
    };
    let ahead: Vec<_> = cron.upcoming(now, PREVIEW_RUNS).into_iter().map(run).collect();
    view! { <ol class="runs-ahead">{ahead}</ol> }
}

#[component]
fn NotAllowedHere(reason: String) -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::FORBIDDEN);
    view! { <NotAllowed reason /> }
}
