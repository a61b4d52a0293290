//! Uploads: what is kept beside the jobs.

use model::Micros;
use rusqlite::params;

use super::{batch::Verb, transaction::Transaction};
use crate::{Result, store::UploadRow};

/// Registers a finished upload.
pub(super) struct SaveUpload {
    pub(super) upload: UploadRow,
}

impl Verb for SaveUpload {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let UploadRow { id, name, size, at } = &self.upload;
        let size = *size as i64;
        let added = transaction.execute(
            "insert into upload (id, name, size, at) values (?, ?, ?, ?) on conflict do nothing",
            params![id, name, size, at.0],
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
            returning id, size",
            [self.before.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        transaction.ledger.upload_bytes -= swept.iter().map(|(_, size)| size).sum::<i64>();
        Ok(swept.into_iter().map(|(id, _)| id).collect())
    }
}
