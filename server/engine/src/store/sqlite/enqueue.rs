//! Accepting jobs.

use model::{JobId, JobState, JobView};
use rusqlite::params;

use super::transaction::Transaction;
use crate::{Error, Result, store::NewJob};

impl Transaction<'_> {
    /// Accepts a job whose uploads exist, to stand in line at `in_line`.
    pub(super) fn enqueue(&mut self, new: &NewJob, in_line: i64) -> Result<JobId> {
        for upload in &new.uploads {
            if self.row("select 1 from upload where id = ?", [upload], |_| Ok(()))?.is_none() {
                return Err(Error::NoSuchUpload(upload.clone()));
            }
        }
        let job = JobId(self.ledger.last_job + 1);
        let state = if new.run_at.is_some_and(|at| at > self.now) { JobState::Scheduled } else { JobState::Queued };
        self.execute(
            "insert into job (id, kind, title, created_by, created_at, in_line, max_attempts, rerun_of, state, run_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                job.0,
                new.kind,
                new.title,
                new.by,
                self.now.0,
                in_line,
                new.max_attempts,
                new.rerun_of.map(|original| original.0),
                state.as_str(),
                new.run_at.map(|at| at.0)
            ],
        )?;
        self.execute("insert into job_input (job, input) values (?, ?)", params![job.0, new.input])?;
        for upload in &new.uploads {
            self.execute(
                "insert into upload_use (job, upload) values (?, ?) on conflict do nothing",
                params![job.0, upload],
            )?;
        }
        if let Some(original) = new.rerun_of {
            self.note_repeat(original, job, &new.by)?;
        }
        self.ledger.last_job = job.0;
        self.count_kind(&new.kind, 1);
        let accepted = JobView::new(job, &new.kind, &new.title, &new.by, self.now);
        let (run_at, max_attempts, rerun_of) = (new.run_at, new.max_attempts, new.rerun_of);
        self.moved(None, JobView { state, run_at, max_attempts, rerun_of, ..accepted }, "created");
        Ok(job)
    }

    /// Tells the original, where it still exists, that it has been repeated.
    fn note_repeat(&self, original: JobId, repeat: JobId, by: &str) -> Result<()> {
        self.execute("update job set repeated_by = ? where id = ?", [repeat.0, original.0])?;
        self.execute(
            "insert into activity (job, at, what, attempt, by, detail)
            select id, ?, 'repeated', attempt, ?, ? from job where id = ?",
            params![self.now.0, by, format!("#{repeat}"), original.0],
        )?;
        Ok(())
    }
}
