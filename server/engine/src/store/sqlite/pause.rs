//! Pause and resume of jobs.

use model::{JobId, JobState, JobView};
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Result,
    store::{
        Attribution, PauseOutcome,
        rules::{job_commands, record},
    },
};

/// Pauses a waiting job, or asks a running one to.
pub(super) struct Pause {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for Pause {
    type Answer = PauseOutcome;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<PauseOutcome> {
        let found = transaction.find(self.job)?;
        match job_commands::decide_pause(&found)? {
            job_commands::Pause::SetAside(state) => {
                let view = transaction.set_state(&found, state)?;
                transaction.record_user_transition(&found, view, record::PAUSE, &self.by)?;
                Ok(PauseOutcome::Paused)
            }
            job_commands::Pause::Request => {
                let view = transaction.expect_update(
                    self.job,
                    "update job set pause_requested_at = ? where id = ? and state = 'running' and attempt = ?",
                    params![transaction.now.0, self.job.0, found.attempt],
                )?;
                transaction.record_user_update(view, record::REQUEST_PAUSE, &self.by)?;
                Ok(PauseOutcome::Requested)
            }
        }
    }
}

/// Resumes a paused job, or withdraws the request to pause a running one.
pub(super) struct Resume {
    pub(super) job: JobId,
    pub(super) by: Attribution,
}

impl WriteCommand for Resume {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        let view = match job_commands::decide_resume(&found, transaction.now)? {
            job_commands::Resume::WithdrawRequest => {
                let view = transaction.expect_update(
                    self.job,
                    "update job set pause_requested_at = null where id = ? and state = 'running' and attempt = ?",
                    params![self.job.0, found.attempt],
                )?;
                return transaction.record_user_update(view, record::RESUME, &self.by);
            }
            job_commands::Resume::Wait(state) => transaction.set_state(&found, state)?,
            job_commands::Resume::Queue(state) => transaction.put_in_queue(&found, state)?,
        };
        transaction.record_user_transition(&found, view, record::RESUME, &self.by)
    }
}

impl Transaction<'_> {
    /// Changes the state of a waiting job, and nothing else.
    fn set_state(&self, found: &JobView, state: JobState) -> Result<JobView> {
        self.expect_update(
            found.job,
            "update job set state = ? where id = ? and state = ? and attempt = ?",
            params![state.as_str(), found.job.0, found.state.as_str(), found.attempt],
        )
    }

    /// Records in its activity that a job was paused instead of waiting for its next attempt, by the user who had asked
    /// for that while it ran.
    pub(super) fn record_set_aside(&self, view: &JobView) -> Result<()> {
        self.execute(
            "insert into activity (job, at, what, attempt, by, detail)
            select job, ?, 'set_aside', ?, by, detail from activity where job = ? and what = 'pause_requested'
            order by id desc limit 1",
            params![self.now.0, view.attempt, view.job.0],
        )?;
        Ok(())
    }
}
