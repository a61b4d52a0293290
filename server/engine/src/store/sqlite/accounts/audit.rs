//! Audit log: each line is committed together with the action it records.

use model::JobId;
use rusqlite::params;

use crate::{
    Result,
    store::{
        Attribution, AuditNote,
        sqlite::{backend::WriteCommand, transaction::Transaction},
    },
};

/// The action of a line for started jobs.
const STARTED: &str = "job_started";

/// Consecutive jobs that a user started in one transaction by the same means: one line.
pub(in crate::store::sqlite) struct Starts {
    by: Attribution,
    detail: String,
    first: JobId,
    jobs: i64,
}

impl Starts {
    fn continues_with(&self, job: JobId, by: &Attribution, detail: &str) -> bool {
        job.0 == self.first.0 + self.jobs && self.detail == detail && self.by == *by
    }
}

impl WriteCommand for AuditNote {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.audit(&self.by, self.what, None, &self.detail)
    }
}

impl Transaction<'_> {
    /// Adds a line to the audit log.
    pub(in crate::store::sqlite) fn audit(
        &self,
        by: &Attribution,
        what: &str,
        job: Option<JobId>,
        detail: &str,
    ) -> Result<()> {
        self.write_lines(by, what, job, 1, detail)
    }

    /// Adds a job that was started to the lines that the commit writes.
    pub(in crate::store::sqlite) fn audit_start(&mut self, job: JobId, by: &Attribution, detail: &str) {
        match self.starts.last_mut() {
            Some(run) if run.continues_with(job, by, detail) => run.jobs += 1,
            _ => self.starts.push(Starts { by: by.clone(), detail: detail.to_owned(), first: job, jobs: 1 }),
        }
    }

    /// Writes the lines of the jobs that were started.
    pub(in crate::store::sqlite) fn write_starts(&self) -> Result<()> {
        for Starts { by, detail, first, jobs } in &self.starts {
            self.write_lines(by, STARTED, Some(*first), *jobs, detail)?;
        }
        Ok(())
    }

    fn write_lines(&self, by: &Attribution, what: &str, job: Option<JobId>, lines: i64, detail: &str) -> Result<()> {
        self.execute(
            "insert into audit (id, at, who, token, address, what, job, lines, detail)
            values ((select id + lines from audit where id = (select max(id) from audit)), ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.now.0,
                by.name,
                by.token,
                by.address.map(|address| address.to_string()),
                what,
                job.map(|job| job.0),
                lines,
                detail
            ],
        )?;
        Ok(())
    }
}
