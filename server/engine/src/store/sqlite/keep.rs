//! Uploads and web sessions: what is kept beside the jobs.

use model::Micros;

use super::{batch::Verb, transaction::Transaction};
use crate::{Result, store::UploadRow};

/// Registers a finished upload.
pub(super) struct SaveUpload {
    pub(super) upload: UploadRow,
}

impl Verb for SaveUpload {
    type Answer = ();

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let UploadRow { id, name, size, at } = &self.upload;
        let size = *size as i64;
        let added = sqlx::query("insert into upload (id, name, size, at) values (?, ?, ?, ?) on conflict do nothing")
            .bind(id)
            .bind(name)
            .bind(size)
            .bind(at.0)
            .execute(&mut *transaction.connection)
            .await?;
        if added.rows_affected() == 1 {
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

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<Vec<String>> {
        let swept: Vec<(String, i64)> = sqlx::query_as(
            "delete from upload indexed by upload_by_time
            where at < ? and not exists (select 1 from upload_use where upload_use.upload = upload.id)
            returning id, size",
        )
        .bind(self.before.0)
        .fetch_all(&mut *transaction.connection)
        .await?;
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

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<bool> {
        let added = sqlx::query("insert into session (key, data, expires) values (?, ?, ?) on conflict do nothing")
            .bind(self.key.as_slice())
            .bind(self.data.as_slice())
            .bind(self.expires.0)
            .execute(&mut *transaction.connection)
            .await?;
        Ok(added.rows_affected() == 1)
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

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        sqlx::query(
            "insert into session (key, data, expires) values (?, ?, ?)
            on conflict (key) do update set data = excluded.data, expires = excluded.expires",
        )
        .bind(self.key.as_slice())
        .bind(self.data.as_slice())
        .bind(self.expires.0)
        .execute(&mut *transaction.connection)
        .await?;
        Ok(())
    }
}

/// Removes a session.
pub(super) struct DeleteSession {
    pub(super) key: Vec<u8>,
}

impl Verb for DeleteSession {
    type Answer = ();

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        sqlx::query("delete from session where key = ?")
            .bind(self.key.as_slice())
            .execute(&mut *transaction.connection)
            .await?;
        Ok(())
    }
}

/// Removes the expired sessions; answers how many.
pub(super) struct SweepSessions {
    pub(super) now: Micros,
}

impl Verb for SweepSessions {
    type Answer = u64;

    async fn run(&self, transaction: &mut Transaction<'_>) -> Result<u64> {
        let swept = sqlx::query("delete from session where expires <= ?")
            .bind(self.now.0)
            .execute(&mut *transaction.connection)
            .await?;
        Ok(swept.rows_affected())
    }
}
