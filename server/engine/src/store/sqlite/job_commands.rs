//! What people do to a job. Rare, so one at a time.

use model::{AttemptNo, Event, IllegalTransition, JobId, JobState, JobView};
use rusqlite::{Params, params};

use super::{backend::WriteCommand, error::corrupt, row::left_progress, transaction::Transaction};
use crate::{
    Error, Result,
    store::{By, CANCEL_REQUESTED, CancelAnswer, Fence},
};

/// Notes that the grace after a cancel request is over.
pub(super) struct MarkNotResponding {
    pub(super) fence: Fence,
}

impl WriteCommand for MarkNotResponding {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Fence { job, attempt, boot } = &self.fence;
        let told = transaction.update(
            *job,
            "update job set not_responding = 1
            where id = ? and attempt = ? and boot = ? and state = 'running' and not_responding = 0",
            params![job.0, attempt, boot.0],
        )?;
        let Some(view) = told else {
            let held = transaction.find(*job)?;
            // Told twice is told; anything else is a stale worker.
            return if held.not_responding && held.attempt == *attempt { Ok(()) } else { Err(Error::Fenced) };
        };
        transaction.record_activity(&view, "not_responding", None)?;
        transaction.record_update(view, "not_responding");
        Ok(())
    }
}

/// Cancels what waits, asks what runs.
pub(super) struct RequestCancel {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for RequestCancel {
    type Answer = CancelAnswer;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<CancelAnswer> {
        let found = transaction.find(self.job)?;
        match found.state {
            JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
                Ok(CancelAnswer::AlreadyEnded(found.state))
            }
            JobState::Running if found.cancel_requested_at.is_some() => {
                Ok(CancelAnswer::AlreadyRequested(found.attempt))
            }
            JobState::Running => {
                let view = transaction.expect_update(
                    self.job,
                    "update job set cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = 'running' and attempt = ?",
                    params![transaction.now.0, self.by.name, self.job.0, found.attempt],
                )?;
                transaction.record_action(&view, "cancel_requested", "job_cancel_requested", &self.by)?;
                transaction.record_update(view, CANCEL_REQUESTED);
                Ok(CancelAnswer::Requested(found.attempt))
            }
            waiting @ (JobState::Scheduled | JobState::Queued | JobState::Paused) => {
                let state = waiting.apply(Event::Cancel).map_err(|error| conflict(self.job, error))?;
                let now = transaction.now.0;
                let view = transaction.expect_update(
                    self.job,
                    "update job set state = ?, ended_at = ?, cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = ? and attempt = ?",
                    params![state.as_str(), now, now, self.by.name, self.job.0, waiting.as_str(), found.attempt],
                )?;
                transaction.record_action(&view, "cancelled", "job_cancelled", &self.by)?;
                transaction.record_transition(Some(waiting), view, "cancelled");
                Ok(CancelAnswer::Cancelled)
            }
        }
    }
}

/// Queues an ended job anew.
pub(super) struct Retry {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for Retry {
    type Answer = AttemptNo;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<AttemptNo> {
        let found = transaction.find(self.job)?;
        let state = found.state.apply(Event::Retry).map_err(|error| conflict(self.job, error))?;
        if let Some(other) = transaction.active_duplicate(&found)? {
            return Err(Error::Conflict {
                code: "already_under_way",
                message: format!("job #{other} does the same already; wait until it is over, or cancel it"),
                state: found.state,
            });
        }
        let view = transaction.expect_update(
            self.job,
            concat!(
                "update job set state = ?, in_line = ?, attempt = attempt + 1,
                    run_at = null, started_at = null, ended_at = null,
                    cancel_requested_at = null, cancel_requested_by = null, pause_requested_at = null,
                    not_responding = 0, failure_code = null, failure_message = null,
                    progress = ",
                left_progress!("progress"),
                " where id = ? and state = ? and attempt = ?"
            ),
            params![state.as_str(), transaction.end_of_queue(), self.job.0, found.state.as_str(), found.attempt],
        )?;
        let attempt = view.attempt;
        transaction.record_action(&view, "retried", "job_retried", &self.by)?;
        transaction.record_transition(Some(found.state), view, "retried");
        Ok(attempt)
    }
}

/// Queues a scheduled job before its time.
pub(super) struct StartNow {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for StartNow {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        let state = found.state.apply(Event::Due).map_err(|error| Error::Conflict {
            code: "not_scheduled",
            message: format!("job #{} does not wait for a time; it is {}", self.job, error.from),
            state: error.from,
        })?;
        let view = transaction.put_in_queue(&found, state)?;
        transaction.record_action(&view, "started_now", "job_started_now", &self.by)?;
        transaction.record_transition(Some(found.state), view, "due");
        Ok(())
    }
}

/// Removes an ended job.
pub(super) struct Delete {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for Delete {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        if !found.state.is_terminal() {
            return Err(Error::Conflict {
                code: "not_ended",
                message: format!("job #{} is {}; cancel it before you delete it", self.job, found.state),
                state: found.state,
            });
        }
        transaction.remove(self.job, (found.state, found.attempt))?;
        transaction.audit(&self.by, "job_deleted", Some(self.job), &found.title)?;
        Ok(())
    }
}

impl Transaction<'_> {
    /// The job that is under way in place of an ended one, where there may be only one of them.
    fn active_duplicate(&self, ended: &JobView) -> Result<Option<JobId>> {
        let key = self.row("select unique_key from job where id = ?", [ended.job.0], |row| Ok(row.get(0)?))?;
        let key: Option<String> = key.flatten();
        key.map_or(Ok(None), |key| self.active_job(&ended.kind, &key))
    }

    /// Puts a job that waited for a time or a person at the end of the line, in `state`.
    pub(super) fn put_in_queue(&self, found: &JobView, state: JobState) -> Result<JobView> {
        self.expect_update(
            found.job,
            "update job set state = ?, in_line = ?, failure_code = null, failure_message = null
            where id = ? and state = ? and attempt = ?",
            params![state.as_str(), self.end_of_queue(), found.job.0, found.state.as_str(), found.attempt],
        )
    }

    /// Writes what somebody did to a job into its activity, and into the audit log.
    pub(super) fn record_action(&self, view: &JobView, activity: &str, audit: &str, by: &By) -> Result<()> {
        self.record_activity(view, activity, Some(by))?;
        self.audit(by, audit, Some(view.job), "")
    }

    /// Writes what happened to a job into its activity.
    pub(super) fn record_activity(&self, view: &JobView, what: &str, by: Option<&By>) -> Result<()> {
        self.execute(
            "insert into activity (job, at, what, attempt, by, detail) values (?, ?, ?, ?, ?, ?)",
            params![
                view.job.0,
                self.now.0,
                what,
                view.attempt,
                by.map(|by| &by.name),
                by.map_or_else(String::new, By::means)
            ],
        )?;
        Ok(())
    }

    /// An update that this transaction has made sure will find the job as it expects it.
    pub(super) fn expect_update(&self, job: JobId, sql: &str, values: impl Params) -> Result<JobView> {
        self.update(job, sql, values)?.ok_or_else(|| corrupt("a job", format!("#{job} is not as it was a moment ago")))
    }
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
