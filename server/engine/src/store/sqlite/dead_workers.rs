//! Dead workers: ends the attempts that they held, and queues, pauses or interrupts their jobs.

use model::{Event, JobId, JobState};
use rusqlite::params;

use super::{
    backend::WriteCommand,
    error::corrupt,
    row::{json, progress_at_checkpoint, view_columns},
    statement,
    transaction::Transaction,
};
use crate::{
    Result,
    store::{
        WorkerId,
        rules::{
            dead_worker::{DEAD_WORKER_TRANSITIONS, LostJobs, state_after},
            record::INTERRUPTED,
        },
    },
};

/// Settles the running jobs of dead workers.
pub(super) struct Settle {
    pub(super) dead: Vec<WorkerId>,
}

/// The SQL condition of a row of [`DEAD_WORKER_TRANSITIONS`]; together they cover every running job once. Reported jobs
/// run on: the next server adopts them.
const fn condition(jobs: LostJobs) -> &'static str {
    match jobs {
        LostJobs::Retried => "cancel_requested_at is null and charged < max_attempts and pause_requested_at is null",
        LostJobs::Paused => "cancel_requested_at is null and charged < max_attempts and pause_requested_at is not null",
        LostJobs::Interrupted => "(cancel_requested_at is not null or charged >= max_attempts)",
    }
}

/// The end of an attempt that died with its worker: the last heartbeat, report or checkpoint, not the time when another
/// process noticed.
macro_rules! last_sign_of_life {
    ($now:literal) => {
        concat!(
            "max(started_at, min(",
            $now,
            ", max(coalesce(progress ->> '$.at', 0),
                coalesce((select alive_at from node where node.boot = job.boot), 0),
                coalesce((select at from checkpoint where checkpoint.job = job.id and checkpoint.attempt = job.attempt), 0))))"
        )
    };
}

impl WriteCommand for Settle {
    type Answer = Vec<JobId>;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Vec<JobId>> {
        transaction.settle(&self.dead)
    }
}

impl Transaction<'_> {
    /// Settles the running jobs of dead workers and removes their registration, in one transaction: a worker that is
    /// still registered has lost nothing.
    pub(super) fn settle(&mut self, dead: &[WorkerId]) -> Result<Vec<JobId>> {
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        let dead: Vec<&str> = dead.iter().map(|worker| worker.0.as_str()).collect();
        let dead = json(&dead)?;
        let mut settled = Vec::new();
        for (jobs, events) in DEAD_WORKER_TRANSITIONS {
            settled.extend(self.settle_as(&dead, condition(jobs), events)?);
        }
        self.execute("delete from node where boot in (select value from json_each(?))", [dead])?;
        settled.sort_unstable();
        Ok(settled)
    }

    fn settle_as(&mut self, dead: &str, condition: &str, events: &[Event]) -> Result<Vec<JobId>> {
        let state = state_after(events).map_err(|error| corrupt("a dead worker's job", error))?;
        let again = !state.is_terminal();
        self.execute(
            &format!(
                "insert into attempt (job, attempt, kind, state, started_at, ended_at, boot, progress, work_time)
                select id, attempt, kind, ?1, started_at, {last}, boot, progress, earlier_work + {last} - started_at
                from job indexed by job_by_state
                where state = 'running' and boot in (select value from json_each(?3)) and reported_from is null
                    and {condition}",
                last = last_sign_of_life!("?2"),
            ),
            params![JobState::Interrupted.as_str(), self.now.0, dead],
        )?;
        let views = self.rows(
            &format!(
                "update job indexed by job_by_state set state = ?1, boot = null, not_responding = 0, pause_requested_at = null,
                    attempt = attempt + ?2, ended_at = iif(?2, null, {last}),
                    started_at = iif(?2, null, started_at),
                    earlier_work = earlier_work + iif(?2, {last} - started_at, 0),
                    progress = iif(?2, {progress}, progress)
                where state = 'running' and boot in (select value from json_each(?4)) and reported_from is null
                    and {condition}
                returning {columns}",
                last = last_sign_of_life!("?3"),
                progress = progress_at_checkpoint!("progress"),
                columns = view_columns!()
            ),
            params![state.as_str(), again, self.now.0, dead],
            statement::view,
        )?;
        let settled = views.iter().map(|view| view.job).collect();
        for view in views {
            if view.state == JobState::Paused {
                self.record_set_aside(&view)?;
            }
            self.record_transition(Some(JobState::Running), view, INTERRUPTED);
        }
        Ok(settled)
    }
}
