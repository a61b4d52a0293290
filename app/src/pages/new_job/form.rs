//! Form of one task.

use engine::TaskInfo;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::{FieldKind, JobId};

use super::{
    catalogue::{TaskList, TypicalDurations, rounded_duration, typical_durations},
    scheduling_options::{self, SchedulingOptions},
    text,
};
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    enhance::{PathPickers, StartForm, UploadFields},
    forms::{Draft, schedule_plan},
    layout::deferred,
    pages::{
        forbidden::NotAllowed,
        shared::{ErrorSummary, task_field},
    },
    server_fns::ApiError,
};

/// `/new/{kind}`; `?from=JOB` fills it with the input of that job.
#[component]
pub fn NewJob() -> impl IntoView {
    let kind = use_params_map().read_untracked().get("kind").unwrap_or_default();
    let from = use_query_map().read_untracked().get("from");
    let engine = app().engine;
    match engine.task(&kind).cloned() {
        Some(task) => match engine.authorise_start(&kind) {
            Ok(()) => deferred(page(task, from)).into_any(),
            Err(denied) => view! { <MayNotStart reason=ApiError::from(denied).message /> }.into_any(),
        },
        None => view! { <UnknownKind kind /> }.into_any(),
    }
}

async fn page(task: TaskInfo, from: Option<String>) -> impl IntoView {
    let usual = typical_durations().await;
    let draft = match (use_context::<Draft>(), from.map(|job| job.parse::<JobId>())) {
        (Some(sent_before), _) => sent_before,
        (None, Some(Ok(job))) => Draft::from_job(&app().engine, &task, job).await,
        (None, _) => Draft::with_defaults(&task.form),
    };
    view! {
        <Title text=task.name />
        <header class="page-head">
            <h1>{text::NEW_JOB}</h1>
            <Lead rerun_of=draft.rerun_of />
        </header>
        <div class="split lead-aside catalogue-split">
            <TaskList current=task.kind.as_str() usual=usual.clone() />
            <TaskForm task draft usual />
        </div>
    }
}

#[component]
fn Lead(rerun_of: Option<JobId>) -> impl IntoView {
    match rerun_of {
        None => view! { <p class="lead">{text::FORM_LEAD}</p> }.into_any(),
        Some(job) => view! {
            <p class="lead">
                {text::COPIED_FROM} <a href=url(&format!("/jobs/{job}"))>{format!("#{job}")}</a>
                {text::CHANGE_WHAT_SHOULD_DIFFER}
            </p>
        }
        .into_any(),
    }
}

/// Submitted as it is without script; [`StartForm`] takes over otherwise.
#[component]
fn TaskForm(task: TaskInfo, draft: Draft, usual: TypicalDurations) -> impl IntoView {
    let kind = task.kind.as_str();
    let files = task.form.fields.iter().any(|field| matches!(field.kind, FieldKind::Upload));
    let known = task.form.fields.iter().cloned().chain(scheduling_options::fields()).collect();
    let plan = format!("/schedules/new?kind={kind}");
    view! {
        <form
            class="card"
            method="post"
            action=url(&format!("/new/{kind}"))
            enctype=if files { "multipart/form-data" } else { "application/x-www-form-urlencoded" }
            novalidate=true
            aria-labelledby="task"
            data-starts=kind
        >
            // Enter in a field presses the first button, which must not be "Browse…".
            <button hidden=true tabindex="-1" aria-hidden="true"></button>
            {draft.rerun_of.map(|job| view! { <input type="hidden" name="$rerun_of" value=job.to_string() /> })}
            <header>
                <h2 id="task">{task.name}</h2>
                <span class="hint">{task.about}</span>
            </header>
            <div class="body form">
                <ErrorSummary known draft=draft.clone() />
                <div class="fields">
                    {task.form.fields.iter().map(|field| task_field(field, &draft)).collect::<Vec<_>>()}
                </div>
                <SchedulingOptions draft=draft.clone() />
            </div>
            <footer>
                <span data-part="usually">{usual.get(kind).map(|&(half, most)| usually(half, most))}</span>
                <div class="actions">
                    <button
                        class="button quiet"
                        type="submit"
                        name=schedule_plan::BEGIN
                        value="1"
                        formaction=url(&plan)
                        data-waits=text::CONTINUES_AFTER_UPLOAD
                    >
                        <span>{text::CREATE_SCHEDULE}</span>
                    </button>
                    <button class="button primary" type="submit" data-waits=text::STARTS_AFTER_UPLOAD>
                        <Icon name="play" />
                        <span>{text::START_JOB}</span>
                    </button>
                </div>
            </footer>
            <StartForm />
            <UploadFields />
            <PathPickers />
        </form>
    }
}

fn usually(half: f64, most: f64) -> String {
    let (half, most) = (rounded_duration(half), rounded_duration(most));
    if half == most { text::usually_takes(&half) } else { text::usually_takes_rarely_over(&half, &most) }
}

#[component]
fn MayNotStart(reason: String) -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::FORBIDDEN);
    view! { <NotAllowed reason /> }
}

/// Lists the tasks that exist.
#[component]
fn UnknownKind(kind: String) -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::NOT_FOUND);
    view! {
        <Title text=text::TASK_NOT_FOUND />
        <header class="page-head">
            <h1>{text::TASK_NOT_FOUND}</h1>
            <p class="lead">{text::no_such_task(&kind)}</p>
        </header>
        <div class="unknown-kind">
            <TaskList current="" usual=TypicalDurations::new() />
        </div>
    }
}
