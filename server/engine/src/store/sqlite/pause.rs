//! Setting jobs aside, and letting them go on.

use model::{Event, JobId, JobState, JobView};
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Error, Result,
    store::{By, PauseAnswer},
};

/// Sets aside what waits, asks what runs.
pub(super) struct Pause {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for Pause {
    type Answer = PauseAnswer;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<PauseAnswer> {
        let found = transaction.find(self.job)?;
        let state = found.state.apply(Event::Pause).map_err(|_| refused(&found))?;
        if found.state != JobState::Running {
            let view = transaction.set_state(&found, state)?;
            transaction.record_action(&view, "set_aside", "job_paused", &self.by)?;
            transaction.record_transition(Some(found.state), view, "paused");
            return Ok(PauseAnswer::Paused);
        }
        if found.pause_requested_at.is_some() || found.cancel_requested_at.is_some() {
            return Err(refused(&found));
        }
        let view = transaction.expect_update(
            self.job,
            "update job set pause_requested_at = ? where id = ? and state = 'running' and attempt = ?",
            params![transaction.now.0, self.job.0, found.attempt],
        )?;
        transaction.record_action(&view, "pause_requested", "job_pause_requested", &self.by)?;
        transaction.record_update(view, "pause_requested");
        Ok(PauseAnswer::Requested)
    }
}

/// Queues what was set aside, or lets it wait for its time again; or takes the wish back.
pub(super) struct Resume {
    pub(super) job: JobId,
    pub(super) by: By,
}

impl WriteCommand for Resume {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find(self.job)?;
        if found.state == JobState::Running && found.pause_requested_at.is_some() {
            let view = transaction.expect_update(
                self.job,
                "update job set pause_requested_at = null where id = ? and state = 'running' and attempt = ?",
                params![self.job.0, found.attempt],
            )?;
            transaction.record_action(&view, "resumed", "job_resumed", &self.by)?;
            transaction.record_update(view, "resumed");
            return Ok(());
        }
        // One that had failed is not kept waiting for its next try.
        let waits = found.failure.is_none() && found.run_at.is_some_and(|at| at > transaction.now);
        let event = if waits { Event::ResumeLater } else { Event::Resume };
        let state = found.state.apply(event).map_err(|error| Error::Conflict {
            code: "not_paused",
            message: format!("job #{} is not paused; it is {}", self.job, error.from),
            state: error.from,
        })?;
        let view =
            if waits { transaction.set_state(&found, state)? } else { transaction.put_in_queue(&found, state)? };
        transaction.record_action(&view, "resumed", "job_resumed", &self.by)?;
        transaction.record_transition(Some(found.state), view, "resumed");
        Ok(())
    }
}

impl Transaction<'_> {
    /// Gives a job that waits another state, and changes nothing else about it.
    fn set_state(&self, found: &JobView, state: JobState) -> Result<JobView> {
        self.expect_update(
            found.job,
            "update job set state = ? where id = ? and state = ? and attempt = ?",
            params![state.as_str(), found.job.0, found.state.as_str(), found.attempt],
        )
    }

    /// Writes into its activity that a job was set aside where it would have waited for its next attempt, as a person had
    /// asked while it ran.
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

/// Why a job cannot be set aside.
fn refused(found: &JobView) -> Error {
    let job = found.job;
    let (code, message) = match found.state {
        JobState::Running if found.cancel_requested_at.is_some() => {
            ("already_requested", format!("job #{job} has been asked to stop; it cannot be paused any more"))
        }
        JobState::Running => (
            "already_requested",
            format!("job #{job} has been asked to pause already, and will at the next checkpoint"),
        ),
        JobState::Paused => ("already_paused", format!("job #{job} is paused already")),
        JobState::Scheduled
        | JobState::Queued
        | JobState::Succeeded
        | JobState::Failed
        | JobState::Cancelled
        | JobState::Interrupted => ("already_ended", format!("job #{job} is over; it has {}", found.state)),
    };
    Error::Conflict { code, message, state: found.state }
}
