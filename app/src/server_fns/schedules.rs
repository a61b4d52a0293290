//! Schedule actions: pause, resume, run, delete. Each is also a form of the schedule page.

use engine::store::ScheduleId;
use leptos::prelude::*;
use model::JobId;

use super::ApiResult;
use crate::base_path::url;

/// Pauses a schedule; its running jobs continue. No change if it is paused.
#[server(endpoint = "pause_schedule")]
pub async fn pause_schedule(id: i64) -> ApiResult<()> {
    Ok(crate::context::app().engine.pause_schedule(ScheduleId(id)).await?)
}

/// Resumes a schedule, from its next run on.
#[server(endpoint = "resume_schedule")]
pub async fn resume_schedule(id: i64) -> ApiResult<()> {
    Ok(crate::context::app().engine.resume_schedule(ScheduleId(id)).await?)
}

/// Starts a run now, even of a paused schedule; returns the number of its job and redirects to its page. The next run
/// is not changed.
#[server(endpoint = "run_schedule")]
pub async fn run_schedule(id: i64) -> ApiResult<JobId> {
    let job = crate::context::app().engine.run_schedule(ScheduleId(id)).await?;
    leptos_axum::redirect(&url(&format!("/jobs/{job}")));
    Ok(job)
}

/// Deletes a schedule with its run history; its jobs stay. Redirects to the list. With a `revision`, 409 if the
/// schedule was changed since.
#[server(endpoint = "delete_schedule")]
pub async fn delete_schedule(id: i64, revision: Option<i64>) -> ApiResult<()> {
    crate::context::app().engine.delete_schedule(ScheduleId(id), revision).await?;
    leptos_axum::redirect(&url("/schedules"));
    Ok(())
}
