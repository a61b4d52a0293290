//! Due runs of a schedule: starts, queues or skips them in one transaction.

use rusqlite::params;

use super::Found;
use crate::{
    Error, Result,
    store::{
        Fire, Fired, NewJob, RunOf, SkipReason,
        rules::due_run::DueRuns,
        sqlite::{backend::WriteCommand, job_commands::RequestCancel, transaction::Transaction},
    },
};

impl WriteCommand for Fire {
    const ADDS: bool = true;

    type Answer = Fired;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Fired> {
        let found = match transaction.find_schedule(self.schedule) {
            Ok(found) if found.revision == self.revision && found.next_at == self.seen && !found.paused => found,
            Ok(_) | Err(Error::NoSuchSchedule(_)) => return Ok(Fired::Stale),
            Err(error) => return Err(error),
        };
        let under_way = transaction.active_runs(self.schedule)?;
        let waiting = transaction.waiting_runs(self.schedule)?;
        let mut runs = DueRuns::decide(self, found.overlap, under_way, waiting);
        let start = transaction.next_run(self, &found, &mut runs)?;
        // An upload may be gone, which refuses the start: so it comes before all other writes.
        let in_line = transaction.end_of_queue();
        let started = start.map(|job| transaction.enqueue(&job, in_line)).transpose()?;
        transaction.write_runs(self, &found, &runs)?;
        // The event of a job says that a run has started.
        if started.is_none() && (self.next_at != self.seen || !runs.taken.is_empty()) {
            transaction.record_schedule_event(found.id, &found.kind, &found.owner);
        }
        Ok(started.map_or(Fired::Nothing, Fired::Started))
    }
}

impl Transaction<'_> {
    /// The job of the run that starts now, if there is one. A run is skipped if a job with its unique key is active.
    fn next_run(&self, fire: &Fire, found: &Found, runs: &mut DueRuns) -> Result<Option<NewJob>> {
        let Some(due) = runs.take_next() else { return Ok(None) };
        let job = &fire.job;
        let same = job.unique_key.as_ref().map_or(Ok(None), |key| self.active_job(&job.kind, key))?;
        if let Some(same) = same {
            runs.skip(due, SkipReason::SameJob, Some(same));
            return Ok(None);
        }
        let run = RunOf { schedule: found.id, name: found.name.clone(), due: Some(due) };
        Ok(Some(NewJob { run_of: Some(run), ..job.clone() }))
    }

    fn write_runs(&mut self, fire: &Fire, found: &Found, runs: &DueRuns) -> Result<()> {
        let id = found.id;
        for due in &runs.taken {
            self.execute("delete from schedule_wait where schedule = ? and due = ?", [id.0, due.0])?;
        }
        for due in &runs.waiting {
            self.execute(
                "insert into schedule_wait (schedule, due) values (?, ?) on conflict do nothing",
                [id.0, due.0],
            )?;
        }
        for (skip, job) in &runs.skipped {
            self.record_skip(id, *skip, *job)?;
        }
        for job in &runs.cancelled {
            RequestCancel { job: *job, by: found.as_author() }.run(self)?;
        }
        if fire.next_at != fire.seen {
            let next_at = fire.next_at.map(|at| at.0);
            self.execute("update schedule set next_at = ? where id = ?", params![next_at, id.0])?;
        }
        Ok(())
    }
}
