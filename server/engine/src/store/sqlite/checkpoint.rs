//! Checkpoints: one row a job, which each checkpoint replaces, unless its attempt has lost the job.

use model::{JobId, Micros};
use rusqlite::params;
use sqlx::Row;

use super::{read::Reader, transaction::Transaction};
use crate::{
    Error, Result,
    store::{Checkpoint, CheckpointOutcome, SaveCheckpoint},
};

impl Transaction<'_> {
    /// Saves the checkpoint of an attempt, which must still hold its job.
    pub(super) fn save_checkpoint(&self, save: &SaveCheckpoint) -> Result<CheckpointOutcome> {
        let SaveCheckpoint { fence, data, warnings } = save;
        let kept = self.execute(
            "insert into checkpoint (job, attempt, at, warnings, data)
            select id, attempt, ?, ?, ? from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'
            on conflict (job) do update set
                attempt = excluded.attempt, at = excluded.at, warnings = excluded.warnings, data = excluded.data",
            params![self.now.0, *warnings as i64, data, fence.job.0, fence.attempt, fence.worker.0],
        )?;
        if kept != 1 {
            return Err(Error::Fenced);
        }
        let pause = self.row(
            "select pause_requested_at is not null and cancel_requested_at is null from job where id = ?",
            [fence.job.0],
            |row| Ok(row.get(0)?),
        )?;
        Ok(if pause.unwrap_or_default() { CheckpointOutcome::Pause } else { CheckpointOutcome::Continue })
    }

    /// Deletes the checkpoint of a job.
    pub(super) fn remove_checkpoint(&self, job: JobId) -> Result<()> {
        self.execute("delete from checkpoint where job = ?", [job.0])?;
        Ok(())
    }
}

impl Reader {
    pub(super) async fn checkpoint(&self, job: JobId) -> Result<Option<Checkpoint>> {
        let row = sqlx::query("select attempt, at, warnings, data from checkpoint where job = ?")
            .bind(job.0)
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| {
            Ok(Checkpoint {
                attempt: row.try_get(0)?,
                at: Micros(row.try_get(1)?),
                warnings: row.try_get(2)?,
                data: row.try_get(3)?,
            })
        })
        .transpose()
    }
}
