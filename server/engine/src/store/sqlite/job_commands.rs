//! Commands of users on a job: cancel, retry, dismiss, start now, delete. [`super::pause`] has the others.

use model::{AttemptNo, JobId, JobState, JobView};
use rusqlite::{Params, params};

use super::{backend::WriteCommand, error::corrupt, row::progress_at_checkpoint, transaction::Transaction};
use crate::{
    Error, Result,
    store::{
        Attribution, CancelOutcome, Fence,
        rules::{
            job_commands,
            record::{self, NOT_RESPONDING, UserAction},
        },
    },
};

/// Records that the grace period after a cancel request is over.
pub(super) struct MarkNotResponding {
    pub(super) fence: Fence,
}

impl WriteCommand for MarkNotResponding {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Fence { job, attempt, worker } = &self.fence;
        let marked = transaction.update(
            *job,
            "update job set not_responding = 1
            where id = ? and attempt = ? and boot = ? and state = 'running' and not_responding = 0",
            params![job.0, attempt, worker.0],
        )?;
        let Some(view) = marked else {
            let held = transaction.find(*job)?;
            // A second call changes nothing; anything else is a stale worker.
            return if held.not_responding && held.attempt == *attempt { Ok(()) } else { Err(Error::Fenced) };
        };
        transaction.record_activity(&view, NOT_RESPONDING, None)?;
        transaction.record_update(view, NOT_RESPONDING);
        Ok(())
    }
}

/// Cancels a waiting job, or asks a running one to stop.
pub(super) struct RequestCancel {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for RequestCancel {
    type Answer = CancelOutcome;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<CancelOutcome> {
        let found = transaction.find(self.job)?;
        let now = transaction.now.0;
        match job_commands::decide_cancel(&found)? {
            job_commands::Cancel::Nothing(answer) => Ok(answer),
            job_commands::Cancel::Request(attempt) => {
                let view = transaction.expect_update(
                    self.job,
                    "update job set cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = 'running' and attempt = ?",
                    params![now, self.by.name, self.job.0, attempt],
                )?;
                transaction.record_user_update(view, record::REQUEST_CANCEL, &self.by)?;
                Ok(CancelOutcome::Requested(attempt))
            }
            job_commands::Cancel::End(state) => {
                let view = transaction.expect_update(
                    self.job,
                    "update job set state = ?, ended_at = ?, cancel_requested_at = ?, cancel_requested_by = ?
                    where id = ? and state = ? and attempt = ?",
                    params![state.as_str(), now, now, self.by.name, self.job.0, found.state.as_str(), found.attempt],
                )?;
                transaction.record_user_transition(&found, view, record::CANCEL, &self.by)?;
                Ok(CancelOutcome::Cancelled)
            }
        }
    }
}

/// Queues an ended job again.
pub(super) struct Retry {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for Retry {
    type Answer = AttemptNo;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<AttemptNo> {
        let found = transaction.find(self.job)?;
        let state = job_commands::decide_retry(&found)?;
        job_commands::check_unique(&found, transaction.active_duplicate(&found)?)?;
        let view = transaction.expect_update(
            self.job,
            concat!(
                "update job set state = ?, in_line = ?, attempt = attempt + 1,
                    run_at = null, started_at = null, ended_at = null,
                    earlier_work = earlier_work + coalesce(ended_at - started_at, 0),
                    cancel_requested_at = null, cancel_requested_by = null, pause_requested_at = null,
                    not_responding = 0, failure_code = null, failure_message = null, dismissed_at = null,
                    progress = ",
                progress_at_checkpoint!("progress"),
                " where id = ? and state = ? and attempt = ?"
            ),
            params![state.as_str(), transaction.end_of_queue(), self.job.0, found.state.as_str(), found.attempt],
        )?;
        let attempt = view.attempt;
        transaction.record_user_transition(&found, view, record::RETRY, &self.by)?;
        Ok(attempt)
    }
}

/// Marks failed and interrupted jobs as dismissed. Skips those that were deleted, retried, repeated or dismissed before.
pub(super) struct Dismiss {
    pub(super) jobs: Vec<JobId>,
    pub(super) by: Attribution,
}

impl WriteCommand for Dismiss {
    type Answer = usize;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<usize> {
        let mut dismissed = 0;
        for job in &self.jobs {
            let view = transaction.update(
                *job,
                "update job set dismissed_at = ?
                where id = ? and state in ('failed', 'interrupted') and repeated_by is null and dismissed_at is null",
                params![transaction.now.0, job.0],
            )?;
            if let Some(view) = view {
                transaction.record_user_update(view, record::DISMISS, &self.by)?;
                dismissed += 1;
            }
        }
        Ok(dismissed)
    }
}

/// Queues a scheduled job before its time.
pub(super) struct StartNow {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for StartNow {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        let state = job_commands::decide_start_now(&found)?;
        let view = transaction.put_in_queue(&found, state)?;
        transaction.record_user_transition(&found, view, record::START_NOW, &self.by)
    }
}

/// Removes an ended job.
pub(super) struct Delete {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for Delete {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        job_commands::check_delete(&found)?;
        transaction.delete_job(self.job, (found.state, found.attempt))?;
        transaction.audit(&self.by, "job_deleted", Some(self.job), &found.title)?;
        Ok(())
    }
}

impl Transaction<'_> {
    /// The active job with the unique key of an ended one.
    fn active_duplicate(&self, ended: &JobView) -> Result<Option<JobId>> {
        let key = self.row("select unique_key from job where id = ?", [ended.job.0], |row| Ok(row.get(0)?))?;
        let key: Option<String> = key.flatten();
        key.map_or(Ok(None), |key| self.active_job(&ended.kind, &key))
    }

    /// Puts a job that waited for a time or a user at the end of the queue, in `state`.
    pub(super) fn put_in_queue(&self, found: &JobView, state: JobState) -> Result<JobView> {
        self.expect_update(
            found.job,
            "update job set state = ?, in_line = ?, failure_code = null, failure_message = null
            where id = ? and state = ? and attempt = ?",
            params![state.as_str(), self.end_of_queue(), found.job.0, found.state.as_str(), found.attempt],
        )
    }

    /// Records a user's action on a job that changes its state: activity, audit log and event.
    pub(super) fn record_user_transition(
        &mut self,
        found: &JobView,
        view: JobView,
        action: UserAction,
        by: &Attribution,
    ) -> Result<()> {
        self.record_action(&view, action, by)?;
        self.record_transition(Some(found.state), view, action.code);
        Ok(())
    }

    /// Records a user's action on a job that does not change its state: activity, audit log and event.
    pub(super) fn record_user_update(&mut self, view: JobView, action: UserAction, by: &Attribution) -> Result<()> {
        self.record_action(&view, action, by)?;
        self.record_update(view, action.code);
        Ok(())
    }

    fn record_action(&self, view: &JobView, action: UserAction, by: &Attribution) -> Result<()> {
        self.record_activity(view, action.activity, Some(by))?;
        self.audit(by, action.audit, Some(view.job), "")
    }

    /// Adds a line to the activity of a job.
    fn record_activity(&self, view: &JobView, what: &str, by: Option<&Attribution>) -> Result<()> {
        self.execute(
            "insert into activity (job, at, what, attempt, by, detail) values (?, ?, ?, ?, ?, ?)",
            params![
                view.job.0,
                self.now.0,
                what,
                view.attempt,
                by.map(|by| &by.name),
                by.map_or_else(String::new, Attribution::means)
            ],
        )?;
        Ok(())
    }

    /// Updates a job that this transaction has just read.
    pub(super) fn expect_update(&self, job: JobId, sql: &str, values: impl Params) -> Result<JobView> {
        self.update(job, sql, values)?.ok_or_else(|| corrupt("a job", format!("#{job} is not as it was a moment ago")))
    }
}
