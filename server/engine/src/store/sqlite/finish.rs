//! Finishes: ends an attempt, each by its own fence.

use model::{JobState, JobView};
use rusqlite::params;

use super::{
    error::corrupt,
    row::{json, progress_at_checkpoint, progress_json},
    transaction::Transaction,
};
use crate::{
    Error, Result,
    store::{
        Fence, Finish,
        rules::outcome::{StopRequests, decide_outcome, depends_on_stop_requests},
    },
};

impl Transaction<'_> {
    /// Ends the attempt, which must still hold its job.
    pub(super) fn finish(&mut self, finish: &Finish) -> Result<JobView> {
        let fence = &finish.fence;
        let asked = depends_on_stop_requests(&finish.outcome);
        let requests = if asked { self.stop_requests(fence)? } else { StopRequests::default() };
        let end = decide_outcome(&finish.outcome, requests).map_err(|error| corrupt("the end of an attempt", error))?;
        let code = end.failure.map(|failure| failure.code.as_str());
        let message = end.failure.map(|failure| failure.message.as_str());
        let progress = progress_json(&finish.progress)?;
        let ended_at = self.end_of_attempt(finish.reported);
        let stages = (!finish.stage_seconds.is_empty()).then(|| json(&finish.stage_seconds)).transpose()?;
        // The clock may have been set back: no attempt ends before it started.
        let ended = self.execute(
            "insert into attempt (job, attempt, kind, state, started_at, ended_at, boot,
                failure_code, failure_message, trace, progress, stage_seconds, output, work_time)
            select id, attempt, kind, ?1, started_at, max(?2, started_at), boot, ?3, ?4, ?5, ?6, ?7, ?8,
                earlier_work + max(?2, started_at) - started_at
            from job not indexed where id = ?9 and attempt = ?10 and boot = ?11 and state = 'running'",
            params![
                end.attempt_state.as_str(),
                ended_at,
                end.attempt_failure.map(|(code, _)| code),
                end.attempt_failure.map(|(_, message)| message),
                end.trace,
                progress,
                stages,
                end.output,
                fence.job.0,
                fence.attempt,
                fence.worker.0
            ],
        )?;
        if ended == 0 {
            return Err(Error::Fenced);
        }
        if let Some(reported) = finish.reported {
            self.acknowledge(fence.job, reported.acked)?;
        }
        if let Some(curve) = &finish.curve {
            self.save_curve(fence, curve)?;
        }
        let view = if end.starts_new_attempt {
            // It waits for its next attempt. Of this one it keeps the reason of a retry and the place of the
            // checkpoint.
            self.update(
                fence.job,
                concat!(
                    "update job not indexed set state = ?, attempt = attempt + 1, charged = charged + ?, boot = null,
                        run_at = coalesce(?, run_at), started_at = null, ended_at = null,
                        earlier_work = earlier_work + max(?, started_at) - started_at,
                        cancel_requested_at = null, cancel_requested_by = null, pause_requested_at = null,
                        not_responding = 0, failure_code = ?, failure_message = ?,
                        progress = ",
                    progress_at_checkpoint!("?"),
                    " where id = ? and attempt = ? and boot = ? and state = 'running'"
                ),
                params![
                    end.state.as_str(),
                    end.charge,
                    end.due.map(|at| at.0),
                    ended_at,
                    code,
                    message,
                    progress,
                    fence.job.0,
                    fence.attempt,
                    fence.worker.0
                ],
            )
        } else {
            self.update(
                fence.job,
                "update job not indexed set state = ?, boot = null, ended_at = max(?, started_at), not_responding = 0,
                    no_contact_since = null,
                    pause_requested_at = null, failure_code = ?, failure_message = ?, progress = ?
                where id = ? and attempt = ? and boot = ? and state = 'running'",
                params![
                    end.state.as_str(),
                    ended_at,
                    code,
                    message,
                    progress,
                    fence.job.0,
                    fence.attempt,
                    fence.worker.0
                ],
            )
        }?
        .ok_or_else(|| corrupt("the end of an attempt", format!("job {} is gone", fence.job)))?;
        if end.publishes_artifacts {
            self.publish(finish)?;
        }
        if finish.checkpointed && end.removes_checkpoint() {
            self.remove_checkpoint(fence.job)?;
        }
        if end.set_aside {
            self.record_set_aside(&view)?;
        }
        self.record_transition(Some(JobState::Running), view.clone(), end.code);
        Ok(view)
    }

    fn stop_requests(&self, fence: &Fence) -> Result<StopRequests> {
        let requests = self.row(
            "select cancel_requested_at is not null, pause_requested_at is not null from job
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![fence.job.0, fence.attempt, fence.worker.0],
            |row| Ok(StopRequests { cancel: row.get(0)?, pause: row.get(1)? }),
        )?;
        Ok(requests.unwrap_or_default())
    }

    /// Makes the artifacts of an attempt visible.
    fn publish(&mut self, finish: &Finish) -> Result<()> {
        let fence = &finish.fence;
        for artifact in &finish.artifacts {
            self.execute(
                "insert into artifact (job, attempt, name, size, at) values (?, ?, ?, ?, ?)",
                params![fence.job.0, fence.attempt, artifact.name, artifact.size as i64, artifact.at.0],
            )?;
            self.ledger.artifact_bytes += artifact.size as i64;
        }
        Ok(())
    }
}
