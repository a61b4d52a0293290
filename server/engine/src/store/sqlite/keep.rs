//! Uploads and web sessions: what is kept beside the jobs.

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

/// Creates a session unless the key is taken.
pub(super) struct CreateSession {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) expires: Micros,
}

impl Verb for CreateSession {
    type Answer = bool;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<bool> {
        let added = transaction.execute(
            "insert into session (key, data, expires) values (?, ?, ?) on conflict do nothing",
            params![self.key, self.data, self.expires.0],
        )?;
        Ok(added == 1)
    }
}

/// Creates or replaces a session.
pub(super) struct SaveSession {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) expires: Micros,
}

impl Verb for SaveSession {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.execute(
            "insert into session (key, data, expires) values (?, ?, ?)
            on conflict (key) do update set data = excluded.data, expires = excluded.expires",
            params![self.key, self.data, self.expires.0],
        )?;
        Ok(())
    }
}

/// Removes a session.
pub(super) struct DeleteSession {
    pub(super) key: Vec<u8>,
}

impl Verb for DeleteSession {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.execute("delete from session where key = ?", [&self.key])?;
        Ok(())
    }
}

/// Removes the expired sessions; answers how many.
pub(super) struct SweepSessions {
    pub(super) now: Micros,
}

impl Verb for SweepSessions {
    type Answer = u64;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<u64> {
        let swept = transaction.execute("delete from session where expires <= ?", [self.now.0])?;
        Ok(swept as u64)
    }
}
