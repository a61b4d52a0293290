//! Uploads: what is kept beside the jobs.

use model::Micros;
use rusqlite::params;

use super::{batch::Verb, transaction::Transaction};
use crate::{Error, Result, store::UploadRow};

/// Bytes of what somebody has sent and is still kept.
pub(super) const UPLOADS_OF: &str =
    "select coalesce(sum(size), 0) from upload indexed by upload_by_sender where by = ? and by is not null";

/// Registers a finished upload, where it is within its sender's quota.
pub(super) struct SaveUpload {
    pub(super) upload: UploadRow,
    pub(super) quota: Option<u64>,
}

impl Verb for SaveUpload {
    const ADDS: bool = true;

    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let UploadRow { id, name, size, at, by } = &self.upload;
        if let Some(limit) = self.quota {
            let used = transaction.row(UPLOADS_OF, [by], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or_default() as u64;
            if used.saturating_add(*size) > limit {
                return Err(Error::Quota { used, limit });
            }
        }
        let size = *size as i64;
        let added = transaction.execute(
            "insert into upload (id, name, size, at, by) values (?, ?, ?, ?, ?) on conflict do nothing",
            params![id, name, size, at.0, by],
        )?;
        if added == 1 {
            transaction.ledger.upload_bytes += size;
        }
        Ok(())
    }
}

/// Forgets uploads that no job refers to.
pub(super) struct SweepUploads {
    pub(super) before: Micros,
}

impl Verb for SweepUploads {
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
