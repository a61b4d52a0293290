//! `POST /schedules/new` and `POST /schedules/{id}/edit`: planning from a browser, with or without script.
//!
//! The form is that of a new job, with when and how beside it. What is refused comes back as the page, and so do the next
//! runs where only they were asked for.

use app::forms::{
    Draft,
    schedule_plan::{previewed, revision, wish},
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
    handlers::new_job::{Purpose, answer, page},
    middleware::auth::Visit,
};

/// What the address of a new schedule says.
#[derive(Deserialize)]
pub(crate) struct Of {
    /// The task.
    kind: Option<String>,
}

/// Plans, or shows the form again.
pub(crate) async fn add(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Query(of): Query<Of>,
    request: Request,
) -> Response {
    // Before its files are taken in.
    let task = of.kind.and_then(|kind| visit.engine.startable().find(|task| task.kind.as_str() == kind).cloned());
    match task {
        Some(task) => answer(state, visit, request, task, Purpose::Plan).await,
        None => page(state, request).await,
    }
}

/// Changes a plan, or shows the form again.
pub(crate) async fn change(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    match changeable(&visit.engine, &id).await {
        Some((schedule, task)) => answer(state, visit, request, task, Purpose::Change(schedule)).await,
        None => page(state, request).await,
    }
}

/// The schedule of that number, where it may be changed, and its task.
async fn changeable(engine: &AuthorizedEngine, id: &str) -> Option<(ScheduleId, TaskInfo)> {
    let schedule = engine.schedule(ScheduleId(id.parse().ok()?), Action::Schedule).await.ok()?;
    Some((schedule.id, engine.task(&schedule.plan.kind)?.clone()))
}

/// Keeps a plan, in the place of `old` where there is one; answers its page, or nothing where only its next runs were
/// asked for.
pub(crate) async fn plan(
    engine: &AuthorizedEngine,
    draft: &mut Draft,
    task: &TaskInfo,
    old: Option<ScheduleId>,
) -> Result<Option<String>, Error> {
    if let Some(looked_at) = previewed(draft) {
        return looked_at.map(|()| None);
    }
    let wish = wish(draft, task.kind.as_str(), &task.form)?;
    let id = match old {
        None => engine.add_schedule(wish).await?,
        Some(id) => engine.change_schedule(id, revision(draft), wish).await.map(|()| id)?,
    };
    Ok(Some(format!("/schedules/{id}")))
}
