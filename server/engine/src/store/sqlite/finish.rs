//! Ending attempts. Each stands or falls by its own fence.

use std::borrow::Cow;

use model::{Event, JobState, JobView, Micros};
use rusqlite::params;

use super::{
    error::corrupt,
    row::{json, left_progress, progress_json},
    transaction::Transaction,
};
use crate::{
    Error, Result,
    store::{Fence, Finish, Outcome},
};

/// What the row of an attempt that was handed back says of why: code, and words for people.
const SHUTDOWN: (&str, &str) = ("shutdown", "its process was asked to stop");
/// The same where it had stopped to be set aside.
const PAUSE_TAKEN_BACK: (&str, &str) = ("pause_taken_back", "it stopped for a pause that was taken back");

/// The end of an attempt in the light of what people wanted of it.
struct Heeded<'o> {
    outcome: Cow<'o, Outcome>,
    /// Whether its job is set aside where it would wait for the next attempt.
    pause: bool,
}

impl Transaction<'_> {
    /// Ends the attempt, which must still hold its job.
    pub(super) fn finish(&mut self, finish: &Finish) -> Result<JobView> {
        let fence = &finish.fence;
        let Heeded { outcome, pause } = self.heeding_wishes(fence, &finish.outcome)?;
        let (event, failure, trace, output) = match &*outcome {
            Outcome::Succeeded { output } => (Event::Succeed, None, None, Some(output)),
            Outcome::Failed { failure, trace } => (Event::Fail, Some(failure), Some(trace), None),
            Outcome::RetryLater { failure, trace, .. } => (Event::RetryLater, Some(failure), Some(trace), None),
            Outcome::Snoozed { .. } => (Event::Snooze, None, None, None),
            Outcome::Cancelled { failure, trace } => (Event::Cancel, failure.as_ref(), Some(trace), None),
            Outcome::Paused => (Event::Pause, None, None, None),
            Outcome::HandedBack => (Event::HandBack, None, None, None),
        };
        let ended_as = JobState::Running.apply(event).map_err(|error| corrupt("the end of an attempt", error))?;
        let set_aside = pause && matches!(ended_as, JobState::Scheduled | JobState::Queued);
        let state = if set_aside { ended_as.apply(Event::Pause) } else { Ok(ended_as) };
        let state = state.map_err(|error| corrupt("the end of an attempt", error))?;
        let code = failure.map(|failure| failure.code.as_str());
        let message = failure.map(|failure| failure.message.as_str());
        // It is not held against the job, which waits as if it had not been begun.
        let handed_back = match &finish.outcome {
            Outcome::Paused => PAUSE_TAKEN_BACK,
            _ => SHUTDOWN,
        };
        let of_attempt = match *outcome {
            Outcome::HandedBack => (Some(handed_back.0), Some(handed_back.1)),
            _ => (code, message),
        };
        let progress = progress_json(&finish.progress)?;
        let stages = (!finish.stage_seconds.is_empty()).then(|| json(&finish.stage_seconds)).transpose()?;
        // The clock may have been put back: nothing ends before it began.
        let ended = self.execute(
            "insert into attempt (job, attempt, kind, state, started_at, ended_at, boot,
                failure_code, failure_message, trace, progress, stage_seconds, output)
            select id, attempt, kind, ?, started_at, max(?, started_at), boot, ?, ?, ?, ?, ?, ? from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![
                attempt_state(&outcome, ended_as).as_str(),
                self.now.0,
                of_attempt.0,
                of_attempt.1,
                trace.filter(|trace| !trace.is_empty()),
                progress,
                stages,
                output,
                fence.job.0,
                fence.attempt,
                fence.boot.0
            ],
        )?;
        if ended == 0 {
            return Err(Error::Fenced);
        }
        if let Some(curve) = &finish.curve {
            self.save_curve(fence, curve)?;
        }
        let view = if event.starts_new_attempt(JobState::Running) {
            // It waits for its next attempt without the traces of this one, but for the reason of a retry and the place
            // to go on from.
            self.update(
                fence.job,
                concat!(
                    "update job not indexed set state = ?, attempt = attempt + 1, charged = charged + ?, boot = null,
                        run_at = coalesce(?, run_at), started_at = null, ended_at = null,
                        cancel_requested_at = null, cancel_requested_by = null, pause_requested_at = null,
                        not_responding = 0, failure_code = ?, failure_message = ?,
                        progress = ",
                    left_progress!("?"),
                    " where id = ? and attempt = ? and boot = ? and state = 'running'"
                ),
                params![
                    state.as_str(),
                    event.charge(JobState::Running),
                    due(&outcome).map(|at| at.0),
                    code,
                    message,
                    progress,
                    fence.job.0,
                    fence.attempt,
                    fence.boot.0
                ],
            )
        } else {
            self.update(
                fence.job,
                "update job not indexed set state = ?, boot = null, ended_at = max(?, started_at), not_responding = 0,
                    pause_requested_at = null, failure_code = ?, failure_message = ?, progress = ?
                where id = ? and attempt = ? and boot = ? and state = 'running'",
                params![state.as_str(), self.now.0, code, message, progress, fence.job.0, fence.attempt, fence.boot.0],
            )
        }?
        .ok_or_else(|| corrupt("the end of an attempt", format!("job {} is gone", fence.job)))?;
        if !matches!(*outcome, Outcome::Snoozed { .. } | Outcome::Paused | Outcome::HandedBack) {
            self.publish(finish)?;
        }
        if finish.checkpointed && matches!(*outcome, Outcome::Succeeded { .. }) {
            self.remove_checkpoint(fence.job)?;
        }
        if set_aside {
            self.record_set_aside(&view)?;
        }
        self.record_transition(Some(JobState::Running), view.clone(), what_happened(&outcome, &view));
        Ok(view)
    }

    /// What became of the attempt, seen by a wish that came before its end did: where one to cancel did, what would go on
    /// is cancelled. One to pause may also have been taken back, after a checkpoint had told the task of it.
    fn heeding_wishes<'o>(&self, fence: &Fence, outcome: &'o Outcome) -> Result<Heeded<'o>> {
        let (failure, trace) = match outcome {
            Outcome::Succeeded { .. } | Outcome::Cancelled { .. } => {
                return Ok(Heeded { outcome: Cow::Borrowed(outcome), pause: false });
            }
            Outcome::Failed { failure, trace } | Outcome::RetryLater { failure, trace, .. } => {
                (Some(failure), trace.as_str())
            }
            Outcome::Snoozed { .. } | Outcome::Paused | Outcome::HandedBack => (None, ""),
        };
        let asked: Option<(bool, bool)> = self.row(
            "select cancel_requested_at is not null, pause_requested_at is not null from job
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![fence.job.0, fence.attempt, fence.boot.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (cancel, pause) = asked.unwrap_or_default();
        let outcome = match outcome {
            _ if cancel => Cow::Owned(Outcome::Cancelled { failure: failure.cloned(), trace: trace.to_owned() }),
            Outcome::Paused if !pause => Cow::Owned(Outcome::HandedBack),
            _ => Cow::Borrowed(outcome),
        };
        Ok(Heeded { outcome, pause })
    }

    /// Makes the artifacts of an attempt that has just ended visible.
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

/// How the attempt's own row says that it ended.
const fn attempt_state(outcome: &Outcome, state: JobState) -> JobState {
    match outcome {
        Outcome::RetryLater { .. } => JobState::Failed,
        Outcome::Succeeded { .. }
        | Outcome::Failed { .. }
        | Outcome::Snoozed { .. }
        | Outcome::Cancelled { .. }
        | Outcome::Paused
        | Outcome::HandedBack => state,
    }
}

/// When the next attempt is to begin, where it waits for a time.
const fn due(outcome: &Outcome) -> Option<Micros> {
    match outcome {
        Outcome::RetryLater { at, .. } => Some(*at),
        Outcome::Snoozed { until } => Some(*until),
        Outcome::Succeeded { .. }
        | Outcome::Failed { .. }
        | Outcome::Cancelled { .. }
        | Outcome::Paused
        | Outcome::HandedBack => None,
    }
}

/// What the event says happened: the error's code, else the state reached.
fn what_happened(outcome: &Outcome, view: &JobView) -> String {
    match outcome {
        Outcome::HandedBack => "handed_back".to_owned(),
        Outcome::Snoozed { .. } => "snoozed".to_owned(),
        Outcome::Paused => "paused".to_owned(),
        Outcome::Succeeded { .. } | Outcome::Failed { .. } | Outcome::RetryLater { .. } | Outcome::Cancelled { .. } => {
            view.failure.as_ref().map_or_else(|| view.state.as_str().to_owned(), |failure| failure.code.clone())
        }
    }
}
