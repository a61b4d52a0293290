//! What a person can do with a schedule that exists. Each is also a plain form of its page.

use engine::store::ScheduleId;
use leptos::prelude::*;
use model::JobId;

use super::ApiResult;
use crate::base_path::url;

/// Lets a schedule start nothing until it is resumed; what it has started goes on. One that is paused stays as it is.
#[server(endpoint = "pause_schedule")]
pub async fn pause_schedule(id: i64) -> ApiResult<()> {
    Ok(crate::context::app().desk.pause_schedule(ScheduleId(id)).await?)
}

/// Lets a schedule start its runs again, from the next one on.
#[server(endpoint = "resume_schedule")]
pub async fn resume_schedule(id: i64) -> ApiResult<()> {
    Ok(crate::context::app().desk.resume_schedule(ScheduleId(id)).await?)
}

/// Starts a run at once, paused or not; answers the number of its job, and where its page is. When the next run is due
/// stays as it was.
#[server(endpoint = "run_schedule")]
pub async fn run_schedule(id: i64) -> ApiResult<JobId> {
    let job = crate::context::app().desk.run_schedule(ScheduleId(id)).await?;
    leptos_axum::redirect(&url(&format!("/jobs/{job}")));
    Ok(job)
}

/// Removes a schedule with its history, for good; its jobs stay. Answers where to go from its page. With a `revision`, only
/// where nobody has changed it since it had that one; else 409.
#[server(endpoint = "delete_schedule")]
pub async fn delete_schedule(id: i64, revision: Option<i64>) -> ApiResult<()> {
    crate::context::app().desk.delete_schedule(ScheduleId(id), revision).await?;
    leptos_axum::redirect(&url("/schedules"));
    Ok(())
}
