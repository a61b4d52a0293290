//! Uploads: registration, quotas, and deletion of unused ones.

use model::{JobId, Micros, bytes};
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Result,
    store::{
        Attribution, NewJob, UploadQuota, UploadRow,
        rules::limits::{SMALL_INPUT, check_quota, check_upload_count},
    },
};

/// Bytes of uploads and large inputs, of jobs and of schedules, that a user has sent and that are still kept.
/// The limit of 4096 is [`SMALL_INPUT`].
pub(super) const SENT_BY: &str = "select
    (select coalesce(sum(size), 0) from upload indexed by upload_by_sender where by = ?1 and by is not null)
    + coalesce((select bytes from input_use where by = ?1), 0)
    + (select coalesce(sum(octet_length(input)), 0) from schedule where owner = ?1 and octet_length(input) > 4096)";

/// Registers a finished upload, if its sender's quota allows it.
pub(super) struct SaveUpload {
    pub(super) upload: UploadRow,
    pub(super) by: Attribution,
    pub(super) quota: UploadQuota,
}

impl WriteCommand for SaveUpload {
    const ADDS: bool = true;

    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let UploadRow { id, name, size, at, by } = &self.upload;
        if let Some(limit) = self.quota.bytes {
            transaction.check_bytes_sent(by.as_deref(), *size, limit)?;
        }
        transaction.check_uploads_sent(by.as_deref(), self.quota.files)?;
        let size = *size as i64;
        let added = transaction.execute(
            "insert into upload (id, name, size, at, by) values (?, ?, ?, ?, ?) on conflict do nothing",
            params![id, name, size, at.0, by],
        )?;
        if added == 1 {
            transaction.ledger.upload_bytes += size;
            let detail = format!("{name} ({})", bytes(size as u64));
            transaction.audit(&self.by, "file_uploaded", None, &detail)?;
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// Refuses bytes that would exceed a user's quota.
    fn check_bytes_sent(&self, by: Option<&str>, more: u64, limit: u64) -> Result<()> {
        let used = self.row(SENT_BY, [by], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or_default() as u64;
        check_quota(used, more, limit)
    }

    /// Refuses an upload that would exceed a user's number of uploads.
    fn check_uploads_sent(&self, by: Option<&str>, max: u64) -> Result<()> {
        let sql = "select count(*) from upload indexed by upload_by_sender where by = ? and by is not null";
        let kept = self.row(sql, [by], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or_default() as u64;
        check_upload_count(kept, max)
    }

    /// Counts the input of a new job against the quota of its owner.
    pub(super) fn count_input(&self, job: &NewJob) -> Result<()> {
        if job.input.len() <= SMALL_INPUT {
            return Ok(());
        }
        if let Some(limit) = job.quota {
            self.check_bytes_sent(Some(&job.by.name), job.input.len() as u64, limit)?;
        }
        self.execute(
            "insert into input_use (by, bytes) values (?, ?)
            on conflict (by) do update set bytes = bytes + excluded.bytes",
            params![job.by.name, job.input.len() as i64],
        )?;
        Ok(())
    }

    /// Takes the input of a job off the quota of its owner, before the job is deleted.
    pub(super) fn uncount_input(&self, job: JobId) -> Result<()> {
        self.execute(
            "update input_use set bytes = max(0, input_use.bytes - input.size) from (
                select job.created_by as sender, octet_length(job_input.input) as size
                from job join job_input on job_input.job = job.id where job.id = ?1
            ) as input where input_use.by = input.sender and input.size > ?2",
            params![job.0, SMALL_INPUT as i64],
        )?;
        Ok(())
    }
}

/// Deletes uploads to which no job and no schedule refers.
pub(super) struct SweepUploads {
    pub(super) before: Micros,
}

impl WriteCommand for SweepUploads {
    type Answer = Vec<String>;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Vec<String>> {
        let swept: Vec<(String, i64)> = transaction.rows(
            "delete from upload indexed by upload_by_time
            where at < ? and not exists (select 1 from upload_use where upload_use.upload = upload.id)
            and not exists (select 1 from schedule_upload where schedule_upload.upload = upload.id)
            returning id, size",
            [self.before.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        transaction.ledger.upload_bytes -= swept.iter().map(|(_, size)| size).sum::<i64>();
        Ok(swept.into_iter().map(|(id, _)| id).collect())
    }
}
