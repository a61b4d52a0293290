//! Removing what has long ended. The writer is held for as long as the caller says, and one job at the most.

use std::time::{Duration, Instant};

use model::{AttemptNo, JobId, JobState, Micros};
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Result,
    store::{Prunable, Pruned, PrunedUploads, rules::record::DELETED},
};

/// Removes part of jobs, or all of them, that are over since before a time.
pub(super) struct Prune {
    pub(super) what: Prunable,
    pub(super) jobs: Vec<(JobId, Micros)>,
    pub(super) most: Duration,
}

impl WriteCommand for Prune {
    type Answer = Pruned;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Pruned> {
        let began = Instant::now();
        let mut pruned = Pruned::default();
        for (job, before) in &self.jobs {
            if pruned.last.is_some() && began.elapsed() >= self.most {
                break;
            }
            pruned.last = Some(*job);
            // One that has been retried or deleted meanwhile is none of them any more.
            let Some(attempt) = transaction.ended_before(*job, *before)? else { continue };
            let bytes = match self.what {
                Prunable::Job => transaction.remove(*job, attempt)?,
                Prunable::Log => transaction.remove_log(*job)?,
                Prunable::Artifacts => transaction.remove_artifacts(*job)?,
            };
            pruned.jobs.push((*job, attempt.1));
            pruned.bytes += bytes;
        }
        Ok(pruned)
    }
}

/// Forgets uploads that only jobs refer to which ended before a time.
pub(super) struct PruneUploads {
    pub(super) uploads: Vec<String>,
    pub(super) before: Micros,
    pub(super) most: Duration,
}

impl WriteCommand for PruneUploads {
    type Answer = PrunedUploads;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<PrunedUploads> {
        let began = Instant::now();
        let mut pruned = PrunedUploads::default();
        for upload in &self.uploads {
            if pruned.last.is_some() && began.elapsed() >= self.most {
                break;
            }
            pruned.last = Some(upload.clone());
            if transaction.forget_upload(upload, self.before)? {
                pruned.uploads.push(upload.clone());
            }
        }
        Ok(pruned)
    }
}

impl Transaction<'_> {
    /// The state and attempt of a job that is over since before that time.
    fn ended_before(&self, job: JobId, before: Micros) -> Result<Option<(JobState, AttemptNo)>> {
        let over = self.row(
            "select state, attempt from job where id = ? and boot is null and ended_at < ?",
            params![job.0, before.0],
            |row| Ok((super::row::state(&row.get::<_, String>(0)?)?, row.get(1)?)),
        )?;
        Ok(over.filter(|(state, _)| state.is_terminal()))
    }

    /// Removes all of an ended job but its log, which may be long and goes bit by bit.
    pub(super) fn remove(&mut self, job: JobId, (state, attempt): (JobState, AttemptNo)) -> Result<u64> {
        let found = self.find(job)?;
        let bytes = self.artifact_bytes(job)?;
        self.remove_log(job)?;
        self.discount_input(job)?;
        // Attempts, artifact rows and the like go with it.
        self.execute(
            "delete from job where id = ? and state = ? and attempt = ?",
            params![job.0, state.as_str(), attempt],
        )?;
        if let Some(original) = found.rerun_of {
            self.execute("update job set repeated_by = null where id = ? and repeated_by = ?", [original.0, job.0])?;
        }
        self.ledger.artifact_bytes -= bytes;
        self.counters.kind(&found.kind, -1);
        self.record_removal(found, DELETED);
        Ok(bytes as u64)
    }

    /// Forgets an upload, unless a job has come to need it that is not over since before then.
    fn forget_upload(&mut self, upload: &str, before: Micros) -> Result<bool> {
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

    /// Hands the lines of an ended job's log to upkeep. Their numbers stay taken.
    fn remove_log(&mut self, job: JobId) -> Result<u64> {
        self.execute(
            "insert into log_garbage (job, until_line) select id, log_lines from job where id = ?
            on conflict (job) do update set until_line = excluded.until_line",
            [job.0],
        )?;
        self.leave_garbage();
        Ok(0)
    }

    /// Forgets the artifacts and the checkpoint of an ended job; answers the bytes of the artifacts.
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
