//! Enqueue: accepts jobs.

use model::{JobId, JobView};
use rusqlite::params;

use super::transaction::Transaction;
use crate::{
    Error, Result,
    store::{
        Attribution, NewJob, RunOf,
        rules::{
            limits::KEY_LIFETIME,
            new_job::{initial_state, key_reused, start_detail},
            record::CREATED,
        },
    },
};

impl Transaction<'_> {
    /// Accepts a job whose uploads exist, at the place `in_line` of the queue; or returns the job that exists already.
    pub(super) fn enqueue(&mut self, new: &NewJob, in_line: i64) -> Result<JobId> {
        if let Some(job) = self.start_with_same_key(new)? {
            return Ok(job);
        }
        if let Some(key) = &new.unique_key
            && let Some(job) = self.active_job(&new.kind, key)?
        {
            return Ok(job);
        }
        for upload in &new.uploads {
            if self.row("select 1 from upload where id = ?", [upload], |_| Ok(()))?.is_none() {
                return Err(Error::NoSuchUpload(upload.clone()));
            }
        }
        self.count_input(new)?;
        let job = JobId(self.ledger.last_job + 1);
        let state = initial_state(new, self.now);
        self.execute(
            "insert into job (id, kind, title, created_by, created_at, in_line, max_attempts, rerun_of, state, run_at,
                priority, unique_key)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                job.0,
                new.kind,
                new.title,
                new.by.name,
                self.now.0,
                in_line,
                new.max_attempts,
                new.rerun_of.map(|original| original.0),
                state.as_str(),
                new.run_at.map(|at| at.0),
                new.priority.level(),
                new.unique_key
            ],
        )?;
        self.execute("insert into job_input (job, input) values (?, ?)", params![job.0, new.input])?;
        for upload in &new.uploads {
            self.execute(
                "insert into upload_use (job, upload) values (?, ?) on conflict do nothing",
                params![job.0, upload],
            )?;
        }
        if let Some(key) = &new.idempotency_key {
            self.execute(
                "insert into start_key (key, at, job) values (?, ?, ?)
                on conflict (key) do update set at = excluded.at, job = excluded.job",
                params![key, self.now.0, job.0],
            )?;
        }
        if let Some(original) = new.rerun_of {
            self.record_repeat(original, job, &new.by)?;
        } else if let Some(run) = &new.run_of {
            self.link_to_schedule(job, run)?;
        }
        self.audit_start(job, &new.by, &start_detail(new));
        self.ledger.last_job = job.0;
        self.counters.kind(&new.kind, 1);
        let accepted = JobView::new(job, &new.kind, &new.title, &*new.by.name, self.now);
        let (run_at, max_attempts, rerun_of) = (new.run_at, new.max_attempts, new.rerun_of);
        self.record_transition(None, JobView { state, run_at, max_attempts, rerun_of, ..accepted }, CREATED);
        Ok(job)
    }

    /// The job that was accepted under the same idempotency key, while the key is kept.
    fn start_with_same_key(&self, new: &NewJob) -> Result<Option<JobId>> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        let same = self.row(
            "select job.id, job.kind = ? and job_input.input = ? from start_key
            join job on job.id = start_key.job join job_input on job_input.job = job.id
            where start_key.key = ? and start_key.at > ?",
            params![new.kind, new.input, key, self.now.0 - KEY_LIFETIME],
            |row| Ok((JobId(row.get(0)?), row.get(1)?)),
        )?;
        match same {
            None => Ok(None),
            Some((job, true)) => Ok(Some(job)),
            Some((job, false)) => Err(key_reused(job, self.find(job)?.state)),
        }
    }

    /// The active job of a kind with this unique key.
    pub(super) fn active_job(&self, kind: &str, key: &str) -> Result<Option<JobId>> {
        self.row(
            "select id from job indexed by job_unique where kind = ? and unique_key = ?
            and (state = 'scheduled' or state = 'queued' or state = 'running' or state = 'paused')",
            [kind, key],
            |row| Ok(JobId(row.get(0)?)),
        )
    }

    /// Links a run to its schedule; to none if that has been deleted.
    fn link_to_schedule(&self, job: JobId, RunOf { schedule, due, .. }: &RunOf) -> Result<()> {
        self.execute(
            "update job set schedule = (select id from schedule where id = ?), due = ? where id = ?",
            params![schedule.0, due.map(|due| due.0), job.0],
        )?;
        Ok(())
    }

    /// Records in the original job, if it still exists, that it has been repeated.
    fn record_repeat(&self, original: JobId, repeat: JobId, by: &Attribution) -> Result<()> {
        let detail = match by.token {
            None => format!("#{repeat}"),
            Some(_) => format!("#{repeat}, {}", by.means()),
        };
        self.execute("update job set repeated_by = ? where id = ?", [repeat.0, original.0])?;
        self.execute(
            "insert into activity (job, at, what, attempt, by, detail)
            select id, ?, 'repeated', attempt, ?, ? from job where id = ?",
            params![self.now.0, by.name, detail, original.0],
        )?;
        Ok(())
    }
}
