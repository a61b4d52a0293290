//! Job actions: cancel, retry, pause, resume, rerun, delete, pin. Each is also a form of the job page.

use leptos::prelude::*;
use model::{AttemptNo, JobId, Micros};
use serde::{Deserialize, Serialize};

use super::ApiResult;
use crate::base_path::url;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelled {
    /// The job was waiting, and is cancelled.
    Cancelled,
    /// The job is running, and was asked to stop.
    Requested,
}

/// Cancels a waiting job; asks a running one to stop. 409 if it was already asked or has ended.
#[server(endpoint = "cancel_job")]
pub async fn cancel_job(id: JobId) -> ApiResult<Cancelled> {
    use engine::store::CancelOutcome;

    match crate::context::app().engine.cancel(id).await? {
        CancelOutcome::Cancelled => Ok(Cancelled::Cancelled),
        CancelOutcome::Requested(_) => Ok(Cancelled::Requested),
        CancelOutcome::AlreadyRequested(_) => {
            Err(super::ApiError::new("already_requested", format!("Job #{id} is already being cancelled.")))
        }
        CancelOutcome::AlreadyEnded(state) => Err(super::ApiError::new(
            "already_ended",
            format!("Job #{id} is over: it has {}. There is nothing left to cancel.", how_it_ended(state)),
        )),
    }
}

/// Retries a failed, cancelled or interrupted job; returns the number of the new attempt.
#[server(endpoint = "retry_job")]
pub async fn retry_job(id: JobId) -> ApiResult<AttemptNo> {
    Ok(crate::context::app().engine.retry(id).await?)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paused {
    /// The job was waiting, and is paused.
    Paused,
    /// The job is running, and pauses at the next checkpoint.
    Requested,
}

/// Pauses a waiting job; asks a running one to pause at its next checkpoint. 409 if it cannot pause.
#[server(endpoint = "pause_job")]
pub async fn pause_job(id: JobId) -> ApiResult<Paused> {
    use engine::store::PauseOutcome;

    Ok(match crate::context::app().engine.pause(id).await? {
        PauseOutcome::Paused => Paused::Paused,
        PauseOutcome::Requested => Paused::Requested,
    })
}

/// Resumes a paused job, or cancels a pause request. 409 if it is not paused.
#[server(endpoint = "resume_job")]
pub async fn resume_job(id: JobId) -> ApiResult<()> {
    Ok(crate::context::app().engine.resume(id).await?)
}

/// Queues a scheduled or retrying job now. 409 if it is neither.
#[server(endpoint = "start_now")]
pub async fn start_now(id: JobId) -> ApiResult<()> {
    Ok(crate::context::app().engine.start_now(id).await?)
}

/// Dismisses a failed or interrupted job: it needs no attention until it fails again. With `until` (microseconds), also
/// the jobs of its kind that ended with the same error by then. 409 if it did not go wrong.
#[server(endpoint = "dismiss_job")]
pub async fn dismiss_job(id: JobId, until: Option<Micros>) -> ApiResult<()> {
    Ok(crate::context::app().engine.dismiss(id, until).await?)
}

/// Dismisses all failed and interrupted jobs that ended by `until` (microseconds).
#[server(endpoint = "dismiss_jobs")]
pub async fn dismiss_jobs(until: Micros) -> ApiResult<()> {
    Ok(crate::context::app().engine.dismiss_all(until).await?)
}

/// Starts a new job with the same input, linked to the old one; returns its number. Redirects to its page, unless the
/// form is to `stay` where it is.
#[server(endpoint = "rerun_job")]
pub async fn rerun_job(id: JobId, #[server(default)] stay: bool) -> ApiResult<JobId> {
    let new = crate::context::app().engine.rerun(id).await?;
    if !stay {
        leptos_axum::redirect(&url(&format!("/jobs/{new}")));
    }
    Ok(new)
}

/// Deletes an ended job with its log and files. Unless the form is to `stay` where it is, redirects to the list at
/// `back`, by default to all jobs, which shows that it is done.
#[server(endpoint = "delete_job")]
pub async fn delete_job(id: JobId, #[server(default)] back: String, #[server(default)] stay: bool) -> ApiResult<()> {
    use crate::{base_path::list_address, session::flash};

    crate::context::app().engine.delete(id).await?;
    if stay {
        return Ok(());
    }
    leptos_axum::redirect(&list_address(&back).unwrap_or_else(|| url("/jobs")));
    // Browsers send this header. Another client would get a new session with each call.
    let browser =
        use_context::<http::request::Parts>().is_some_and(|parts| parts.headers.contains_key("sec-fetch-site"));
    if browser && let Some(session) = session().await? {
        let text = format!("Job #{id} was deleted.");
        flash::set(&session, flash::Flash::new(model::Tone::Success, text)).await;
    }
    Ok(())
}

/// Pins a job to the sidebar.
#[server(endpoint = "pin_job")]
pub async fn pin_job(id: JobId) -> ApiResult<()> {
    let job = crate::context::app().engine.open(id, engine::access::Action::See).await?;
    match session().await? {
        Some(session) => Ok(crate::session::pinned::add(&session, job.view.job).await?),
        None => Ok(()),
    }
}

/// Unpins a job; nothing happens if it is not pinned.
#[server(endpoint = "unpin_job")]
pub async fn unpin_job(id: JobId) -> ApiResult<()> {
    match session().await? {
        Some(session) => Ok(crate::session::pinned::remove(&session, id).await?),
        None => Ok(()),
    }
}

/// Returns the session. An API client has no sidebar, and each of its calls would create a session.
async fn session() -> ApiResult<Option<tower_sessions::Session>> {
    use engine::access::Actor;
    use leptos::server_fn::error::FromServerFnError;

    match crate::context::app().engine.actor() {
        Actor::Client(..) => Ok(None),
        Actor::Anonymous | Actor::Local | Actor::User(_) => {
            leptos_axum::extract().await.map(Some).map_err(super::ApiError::from_server_fn_error)
        }
    }
}

const fn how_it_ended(state: model::JobState) -> &'static str {
    use model::JobState;

    match state {
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Cancelled => "been cancelled",
        JobState::Interrupted => "been interrupted",
        JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused => "ended",
    }
}
