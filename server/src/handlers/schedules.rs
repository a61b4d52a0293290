//! `POST /schedules/new` and `POST /schedules/{id}/edit`: saves a schedule from a form, with or without script.
//!
//! The form is that of a new job with the fields of a schedule. After an error the page is shown again, and also for a
//! preview of the next runs.

use app::forms::{
    Draft,
    schedule_plan::{revision, take_begin_request, take_preview_request},
};
use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    response::Response,
};
use engine::{AuthorizedEngine, Error, TaskInfo, access::Action, store::ScheduleId};
use serde::Deserialize;

use crate::{
    AppState,
    handlers::new_job::{Purpose, handle_form, show_form},
    identity::RequestIdentity,
};

/// The query of the page of a new schedule.
#[derive(Deserialize)]
pub(crate) struct NewScheduleQuery {
    kind: Option<String>,
}

/// Adds a schedule or shows the form again.
pub(crate) async fn add(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Query(query): Query<NewScheduleQuery>,
    request: Request,
) -> Response {
    // Checked before its files are stored.
    let task = query.kind.and_then(|kind| identity.engine.startable().find(|task| task.kind.as_str() == kind).cloned());
    match task {
        Some(task) => handle_form(state, identity, request, task, Purpose::AddSchedule).await,
        None => show_form(state, request).await,
    }
}

/// Changes a schedule or shows the form again.
pub(crate) async fn change(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    match find_changeable(&identity.engine, &id).await {
        Some((schedule, task)) => handle_form(state, identity, request, task, Purpose::ChangeSchedule(schedule)).await,
        None => show_form(state, request).await,
    }
}

/// The schedule and its task, if the user may change it.
async fn find_changeable(engine: &AuthorizedEngine, id: &str) -> Option<(ScheduleId, TaskInfo)> {
    let schedule = engine.schedule(ScheduleId(id.parse().ok()?), Action::Schedule).await.ok()?;
    Some((schedule.id, engine.task(&schedule.plan.kind)?.clone()))
}

/// Adds a schedule, or changes `old`. Returns the path of its page, or `None` to show the form again without errors.
pub(crate) async fn save_schedule(
    engine: &AuthorizedEngine,
    draft: &mut Draft,
    task: &TaskInfo,
    old: Option<ScheduleId>,
) -> Result<Option<String>, Error> {
    if take_begin_request(draft) {
        return Ok(None);
    }
    if let Some(preview) = take_preview_request(draft) {
        return preview.map(|()| None);
    }
    let schedule = draft.schedule(engine, task.kind.as_str(), &task.form).await?;
    let id = match old {
        None => engine.add_schedule(schedule).await?,
        Some(id) => engine.change_schedule(id, revision(draft), schedule).await.map(|()| id)?,
    };
    Ok(Some(format!("/schedules/{id}")))
}
