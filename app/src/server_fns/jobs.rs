//! What a person can do with a job that exists. Each is also a plain form of the job's page.

use leptos::prelude::*;
use model::{AttemptNo, JobId};
use serde::{Deserialize, Serialize};

use super::ApiResult;
use crate::base_path::url;

/// What a cancel request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelled {
    /// The job waited, and is cancelled.
    Cancelled,
    /// The job runs, and has been asked to stop.
    Requested,
}

/// Cancels a job that waits, asks one that runs to stop. 409 where it was asked before or is over.
#[server(endpoint = "cancel_job")]
pub async fn cancel_job(id: JobId) -> ApiResult<Cancelled> {
    use engine::store::CancelAnswer;

    match crate::context::app().desk.cancel(id).await? {
        CancelAnswer::Cancelled => Ok(Cancelled::Cancelled),
        CancelAnswer::Requested(_) => Ok(Cancelled::Requested),
        CancelAnswer::AlreadyRequested(_) => {
            Err(super::ApiError::new("already_requested", format!("Job #{id} is already being cancelled.")))
        }
        CancelAnswer::AlreadyEnded(state) => Err(super::ApiError::new(
            "already_ended",
            format!("Job #{id} is over: it has {}. There is nothing left to cancel.", how_it_ended(state)),
        )),
    }
}

/// Tries a failed, cancelled or interrupted job again; answers the number of the new attempt.
#[server(endpoint = "retry_job")]
pub async fn retry_job(id: JobId) -> ApiResult<AttemptNo> {
    Ok(crate::context::app().desk.retry(id).await?)
}

/// What a wish to pause did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paused {
    /// The job waited, and is set aside.
    Paused,
    /// The job runs, and will be set aside at the next checkpoint.
    Requested,
}

/// Sets aside a job that waits; asks one that runs, which is at the next checkpoint. 409 where it cannot be.
#[server(endpoint = "pause_job")]
pub async fn pause_job(id: JobId) -> ApiResult<Paused> {
    use engine::store::PauseAnswer;

    Ok(match crate::context::app().desk.pause(id).await? {
        PauseAnswer::Paused => Paused::Paused,
        PauseAnswer::Requested => Paused::Requested,
    })
}

/// Lets a job that was set aside go on; takes back the wish that a running one be. 409 where it is not paused.
#[server(endpoint = "resume_job")]
pub async fn resume_job(id: JobId) -> ApiResult<()> {
    Ok(crate::context::app().desk.resume(id).await?)
}

/// Lets a job that waits for its time, or for its next attempt, come into the line now. 409 where it does not wait.
#[server(endpoint = "start_now")]
pub async fn start_now(id: JobId) -> ApiResult<()> {
    Ok(crate::context::app().desk.start_now(id).await?)
}

/// Starts a new job with the same input, linked to the old one; answers its number, and where its page is.
#[server(endpoint = "rerun_job")]
pub async fn rerun_job(id: JobId) -> ApiResult<JobId> {
    let new = crate::context::app().desk.rerun(id).await?;
    leptos_axum::redirect(&url(&format!("/jobs/{new}")));
    Ok(new)
}

/// Removes an ended job with its log and files, for good; answers where to go from its page.
#[server(endpoint = "delete_job")]
pub async fn delete_job(id: JobId) -> ApiResult<()> {
    crate::context::app().desk.delete(id).await?;
    leptos_axum::redirect(&url("/jobs"));
    Ok(())
}

/// Keeps a job in the sidebar of this browser's pages.
#[server(endpoint = "pin_job")]
pub async fn pin_job(id: JobId) -> ApiResult<()> {
    let job = crate::context::app().desk.open(id, engine::access::Action::See).await?;
    match session().await? {
        Some(session) => Ok(crate::session::pinned::add(&session, job.view.job).await?),
        None => Ok(()),
    }
}

/// Lets go of a pinned job; one that is not pinned, or is gone, stays so.
#[server(endpoint = "unpin_job")]
pub async fn unpin_job(id: JobId) -> ApiResult<()> {
    match session().await? {
        Some(session) => Ok(crate::session::pinned::remove(&session, id).await?),
        None => Ok(()),
    }
}

/// The visitor's session. A program has no sidebar, and would leave a session behind with each call.
async fn session() -> ApiResult<Option<tower_sessions::Session>> {
    use engine::access::Actor;
    use leptos::server_fn::error::FromServerFnError;

    match crate::context::app().desk.actor() {
        Actor::Program(..) => Ok(None),
        Actor::Nobody | Actor::Local | Actor::Person(_) => {
            leptos_axum::extract().await.map(Some).map_err(super::ApiError::from_server_fn_error)
        }
    }
}

/// `It has …`.
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
