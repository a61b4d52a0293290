//! What people do to a job. Rare, so one at a time.

use model::{AttemptNo, Event, IllegalTransition, JobId, JobState, JobView};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    batch::Verb,
    row::{view, view_column},
    transaction::Transaction,
};
use crate::{
    Error, Result,
    store::{CancelAnswer, Fence},
};

/// Notes that the grace after a cancel request is over.
pub(super) struct MarkNotResponding {
    pub(super) fence: Fence,
}

impl Verb for MarkNotResponding {
    type Answer = ();

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let row = sqlx::query(concat!(
            "update job set not_responding = 1
            where id = ? and attempt = ? and boot = ? and state = 'running' and not_responding = 0
            returning ",
            view_column!()
        ))
        .bind(self.fence.job.0)
        .bind(self.fence.attempt)
        .bind(&self.fence.boot.0)
        .fetch_optional(&mut *transaction.connection)
        .await?;
        let Some(row) = row else {
            let held = find(transaction.connection, self.fence.job).await?;
            // Told twice is told; anything else is a stale worker.
            return if held.not_responding && held.attempt == self.fence.attempt { Ok(()) } else { Err(Error::Fenced) };
        };
        let view = view(&row)?;
        transaction.remember(&view, "not_responding", None).await?;
        transaction.noted(view, "not_responding");
        Ok(())
    }
}

/// Cancels what waits, asks what runs.
pub(super) struct RequestCancel {
    pub(super) job: JobId,
    pub(super) by: String,
}

impl Verb for RequestCancel {
    type Answer = CancelAnswer;

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<CancelAnswer> {
        let found = find(transaction.connection, self.job).await?;
        match found.state {
            JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
                Ok(CancelAnswer::AlreadyEnded(found.state))
            }
            JobState::Running if found.cancel_requested_at.is_some() => {
                Ok(CancelAnswer::AlreadyRequested(found.attempt))
            }
            JobState::Running => {
                let row = sqlx::query(concat!(
                    "update job set cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = 'running' and attempt = ?
                    returning ",
                    view_column!()
                ))
                .bind(transaction.now.0)
                .bind(&self.by)
                .bind(self.job.0)
                .bind(found.attempt)
                .fetch_one(&mut *transaction.connection)
                .await?;
                let view = view(&row)?;
                transaction.remember(&view, "cancel_requested", Some(&self.by)).await?;
                transaction.noted(view, "cancel_requested");
                Ok(CancelAnswer::Requested(found.attempt))
            }
            waiting @ (JobState::Scheduled | JobState::Queued | JobState::Paused) => {
                let state = waiting.apply(Event::Cancel).map_err(|error| conflict(self.job, error))?;
                let row = sqlx::query(concat!(
                    "update job set state = ?, ended_at = ?, cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = ? and attempt = ?
                    returning ",
                    view_column!()
                ))
                .bind(state.as_str())
                .bind(transaction.now.0)
                .bind(transaction.now.0)
                .bind(&self.by)
                .bind(self.job.0)
                .bind(waiting.as_str())
                .bind(found.attempt)
                .fetch_one(&mut *transaction.connection)
                .await?;
                let view = view(&row)?;
                transaction.remember(&view, "cancelled", Some(&self.by)).await?;
                transaction.moved(Some(waiting), view, "cancelled");
                Ok(CancelAnswer::Cancelled)
            }
        }
    }
}

/// Queues an ended job anew.
pub(super) struct Retry {
    pub(super) job: JobId,
    pub(super) by: String,
}

impl Verb for Retry {
    type Answer = AttemptNo;

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<AttemptNo> {
        let found = find(transaction.connection, self.job).await?;
        let state = found.state.apply(Event::Retry).map_err(|error| conflict(self.job, error))?;
        let row = sqlx::query(concat!(
            "update job set state = ?, in_line = ?, attempt = attempt + 1, run_at = null, started_at = null, ended_at = null,
                cancel_requested_at = null, cancel_requested_by = null, not_responding = 0,
                failure_code = null, failure_message = null, progress = null
            where id = ? and state = ? and attempt = ?
            returning ",
            view_column!()
        ))
        .bind(state.as_str())
        .bind(transaction.end_of_line())
        .bind(self.job.0)
        .bind(found.state.as_str())
        .bind(found.attempt)
        .fetch_one(&mut *transaction.connection)
        .await?;
        let view = view(&row)?;
        let attempt = view.attempt;
        transaction.remember(&view, "retried", Some(&self.by)).await?;
        transaction.moved(Some(found.state), view, "retried");
        Ok(attempt)
    }
}

/// Removes an ended job.
pub(super) struct Delete {
    pub(super) job: JobId,
    pub(super) by: String,
}

impl Verb for Delete {
    type Answer = ();

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let row = row(transaction.connection, self.job).await?;
        let found = view(&row)?;
        let artifact_bytes: i64 = row.try_get(1)?;
        if !found.state.is_terminal() {
            return Err(Error::Conflict {
                code: "not_ended",
                message: format!("job #{} is {}; cancel it before you delete it", self.job, found.state),
                state: found.state,
            });
        }
        // Attempts, artifact rows and the like go with the job. Its log may be long, and goes bit by bit.
        sqlx::query(
            "delete from job where id = ? and state = ? and attempt = ?;
            update job set repeated_by = null where id = ? and repeated_by = ?;
            insert into log_garbage (job) values (?)",
        )
        .bind(self.job.0)
        .bind(found.state.as_str())
        .bind(found.attempt)
        .bind(found.rerun_of.map(|original| original.0))
        .bind(self.job.0)
        .bind(self.job.0)
        .execute(&mut *transaction.connection)
        .await?;
        tracing::info!(job = %self.job, by = self.by, "job deleted");
        transaction.ledger.artifact_bytes -= artifact_bytes;
        transaction.count_kind(&found.kind, -1);
        transaction.gone(found, "deleted");
        Ok(())
    }
}

impl Transaction<'_> {
    /// Writes what happened to a job into its activity.
    async fn remember(&mut self, view: &JobView, what: &str, by: Option<&str>) -> Result<()> {
        sqlx::query("insert into activity (job, at, what, attempt, by) values (?, ?, ?, ?, ?)")
            .bind(view.job.0)
            .bind(self.now.0)
            .bind(what)
            .bind(view.attempt)
            .bind(by)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}

async fn find(connection: &mut SqliteConnection, job: JobId) -> Result<JobView> {
    view(&row(connection, job).await?)
}

/// The view, and the bytes of its artifacts.
async fn row(connection: &mut SqliteConnection, job: JobId) -> Result<SqliteRow> {
    sqlx::query(concat!(
        "select ",
        view_column!(),
        ", (select coalesce(sum(size), 0) from artifact where artifact.job = job.id) from job where id = ?"
    ))
    .bind(job.0)
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NoSuchJob(job))
}

/// Why a person's wish cannot be granted.
fn conflict(job: JobId, error: IllegalTransition) -> Error {
    let (code, message) = match error.from {
        JobState::Running => ("still_running", format!("job #{job} is running; cancel it first")),
        JobState::Scheduled | JobState::Queued | JobState::Paused => {
            ("not_ended", format!("job #{job} has not run yet; it is {}", error.from))
        }
        JobState::Succeeded => {
            ("already_succeeded", format!("job #{job} succeeded; run it again as a new job instead"))
        }
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
            ("already_ended", format!("job #{job} is over; it is {}", error.from))
        }
    };
    Error::Conflict { code, message, state: error.from }
}
