//! Claims: take the first jobs of the queue. The cost depends on slots and kinds, never on the length of the queue.

use std::cmp::Reverse;

use model::{Event, JobId, JobState};
use rusqlite::params;

use super::{error::corrupt, transaction::Transaction};
use crate::{
    Result,
    store::{
        Claim, Claimed, Fence, WorkerId,
        rules::{capacity::Capacity, record::STARTED},
    },
};

impl Transaction<'_> {
    /// Takes the first jobs of the queue within the slots. A worker that counts as dead gets none until it has
    /// registered again: its heartbeat would not be watched.
    pub(super) fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>> {
        if claim.slots == 0 || self.counters.counts.queued == 0 || !self.is_registered(&claim.worker)? {
            return Ok(Vec::new());
        }
        debug_assert_eq!(JobState::Queued.apply(Event::Claim), Ok(JobState::Running));
        let mut claimed = Vec::new();
        for job in self.head_of_queue(claim)? {
            claimed.push(self.take(claim, job)?);
        }
        Ok(claimed)
    }

    fn is_registered(&self, worker: &WorkerId) -> Result<bool> {
        Ok(self.row("select 1 from node where boot = ?", [&worker.0], |_| Ok(()))?.is_some())
    }

    /// The jobs to take, most urgent and earliest first. Each kind is read apart, so that a kind or a queue which is
    /// paused or at its limit blocks no job behind it.
    fn head_of_queue(&self, claim: &Claim) -> Result<Vec<JobId>> {
        let capacity = Capacity::new(claim, self.controls()?, |kind| self.running(kind))?;
        let mut heads = Vec::new();
        for claimable in &*claim.kinds {
            let candidates = capacity.of_kind(claimable, |kind| self.running(kind))?;
            if candidates == 0 {
                continue;
            }
            heads.extend(self.rows(
                "select priority, in_line, id from job indexed by job_in_line
                where state = 'queued' and kind = ? order by priority desc, in_line, id limit ?",
                params![claimable.kind, candidates],
                |row| {
                    let place = (Reverse(row.get::<_, i8>(0)?), row.get::<_, i64>(1)?, JobId(row.get(2)?));
                    Ok((place, claimable))
                },
            )?);
        }
        heads.sort_unstable_by_key(|(place, _)| *place);
        Ok(capacity.take(heads.into_iter().map(|((_, _, job), claimable)| (claimable, job))))
    }

    /// How many jobs of a kind run, on all workers.
    fn running(&self, kind: &str) -> Result<u32> {
        let sql = "select count(*) from job indexed by job_by_state where state = 'running' and kind = ?";
        Ok(self.row(sql, [kind], |row| Ok(row.get(0)?))?.unwrap_or_default())
    }

    fn take(&mut self, claim: &Claim, job: JobId) -> Result<Claimed> {
        let taken = self.update(
            job,
            "update job not indexed set state = 'running', boot = ?, started_at = ?, charged = charged + 1
            where id = ? and state = 'queued'",
            params![claim.worker.0, self.now.0, job.0],
        )?;
        let rest = self.row(
            "select log_lines, charged, input from job join job_input on job_input.job = job.id where job.id = ?",
            [job.0],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let (Some(view), Some((log_lines, charged, input))) = (taken, rest) else {
            return Err(corrupt("a claim", format!("job {job} is queued and cannot be taken")));
        };
        let fence = Fence { job, attempt: view.attempt, worker: claim.worker.clone() };
        self.record_transition(Some(JobState::Queued), view.clone(), STARTED);
        Ok(Claimed { fence, view, input, next_line: log_lines as u64 + 1, charged })
    }
}
