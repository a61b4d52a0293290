//! Retention: removes ended jobs, their logs and artifacts, and uploads. Occupies the writer for as long as the caller
//! allows.

use std::time::{Duration, Instant};

use model::{AttemptNo, JobId, JobState, Micros};
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Result,
    store::{Prunable, Pruned, PrunedUploads, rules::record::DELETED},
};

/// Removes jobs that ended before a time, or a part of each.
pub(super) struct Prune {
    pub(super) what: Prunable,
    pub(super) jobs: Vec<(JobId, Micros)>,
    pub(super) time_limit: Duration,
}

impl WriteCommand for Prune {
    type Answer = Pruned;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Pruned> {
        let began = Instant::now();
        let mut pruned = Pruned::default();
        for (job, before) in &self.jobs {
            if pruned.last.is_some() && began.elapsed() >= self.time_limit {
                break;
            }
            pruned.last = Some(*job);
            // It may have been retried or deleted since the caller read it.
            let Some(attempt) = transaction.ended_before(*job, *before)? else { continue };
            let bytes = match self.what {
                Prunable::Job => transaction.delete_job(*job, attempt)?,
                Prunable::Log => transaction.remove_log(*job)?,
                Prunable::Artifacts => transaction.remove_artifacts(*job)?,
            };
            pruned.jobs.push((*job, attempt.1));
            pruned.bytes += bytes;
        }
        Ok(pruned)
    }
}

/// Deletes uploads to which only jobs refer that ended before a time.
pub(super) struct PruneUploads {
    pub(super) uploads: Vec<String>,
    pub(super) before: Micros,
    pub(super) time_limit: Duration,
}

impl WriteCommand for PruneUploads {
    type Answer = PrunedUploads;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<PrunedUploads> {
        let began = Instant::now();
        let mut pruned = PrunedUploads::default();
        for upload in &self.uploads {
            if pruned.last.is_some() && began.elapsed() >= self.time_limit {
                break;
            }
            pruned.last = Some(upload.clone());
            if transaction.delete_upload(upload, self.before)? {
                pruned.uploads.push(upload.clone());
            }
        }
        Ok(pruned)
    }
}

impl Transaction<'_> {
    /// The state and attempt of a job, if it ended before that time.
    fn ended_before(&self, job: JobId, before: Micros) -> Result<Option<(JobState, AttemptNo)>> {
        let over = self.row(
            "select state, attempt from job where id = ? and boot is null and ended_at < ?",
            params![job.0, before.0],
            |row| Ok((super::row::state(&row.get::<_, String>(0)?)?, row.get(1)?)),
        )?;
        Ok(over.filter(|(state, _)| state.is_terminal()))
    }

    /// Deletes an ended job. Its log, which may be long, is left to upkeep. Returns the bytes of its artifacts.
    pub(super) fn delete_job(&mut self, job: JobId, (state, attempt): (JobState, AttemptNo)) -> Result<u64> {
        let found = self.find(job)?;
        let bytes = self.artifact_bytes(job)?;
        self.remove_log(job)?;
        self.uncount_input(job)?;
        // Attempts, artifact rows and the like are deleted with it.
        self.execute(
            "delete from job where id = ? and state = ? and attempt = ?",
            params![job.0, state.as_str(), attempt],
        )?;
        self.execute("update reporter set gone_at = ? where job = ?", [self.now.0, job.0])?;
        if let Some(original) = found.rerun_of {
            self.execute("update job set repeated_by = null where id = ? and repeated_by = ?", [original.0, job.0])?;
        }
        self.ledger.artifact_bytes -= bytes;
        self.counters.kind(&found.kind, -1);
        self.record_removal(found, DELETED);
        Ok(bytes as u64)
    }

    /// Deletes an upload, unless a schedule refers to it, or a job that did not end before that time.
    fn delete_upload(&mut self, upload: &str, before: Micros) -> Result<bool> {
        let size = self.row(
            "select size from upload where id = ?1 and not exists (
                select 1 from upload_use join job on job.id = upload_use.job
                where upload_use.upload = ?1 and (job.ended_at is null or job.ended_at >= ?2)
            ) and not exists (select 1 from schedule_upload where schedule_upload.upload = ?1)",
            params![upload, before.0],
            |row| Ok(row.get::<_, i64>(0)?),
        )?;
        let Some(size) = size else { return Ok(false) };
        self.execute("delete from upload_use where upload = ?", [upload])?;
        self.execute("delete from upload where id = ?", [upload])?;
        self.ledger.upload_bytes -= size;
        Ok(true)
    }

    /// Leaves the log of an ended job, if it has one, to upkeep. Its line numbers are not used again.
    fn remove_log(&mut self, job: JobId) -> Result<u64> {
        let left = self.execute(
            "insert into log_garbage (job, until_line) select id, log_lines from job where id = ? and log_lines > 0
            on conflict (job) do update set until_line = excluded.until_line",
            [job.0],
        )?;
        if left > 0 {
            self.leave_garbage();
        }
        Ok(0)
    }

    /// Deletes the artifacts and the checkpoint of an ended job. Returns the bytes of the artifacts.
    fn remove_artifacts(&mut self, job: JobId) -> Result<u64> {
        let bytes = self.artifact_bytes(job)?;
        self.execute("delete from artifact where job = ?", [job.0])?;
        self.remove_checkpoint(job)?;
        self.ledger.artifact_bytes -= bytes;
        Ok(bytes as u64)
    }

    fn artifact_bytes(&self, job: JobId) -> Result<i64> {
        let bytes =
            self.row("select coalesce(sum(size), 0) from artifact where job = ?", [job.0], |row| Ok(row.get(0)?))?;
        Ok(bytes.unwrap_or_default())
    }
}
