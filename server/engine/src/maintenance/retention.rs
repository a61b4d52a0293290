//! Retention: deletes ended jobs, logs, artifacts and uploads past their age, and copies the database.

use std::{path::Path, sync::Arc, time::Duration};

use model::{JobId, JobState, Micros};
use tokio_util::sync::CancellationToken;

use crate::{
    Ctx, DataDir, Result,
    shared::Shared,
    store::{Prunable, Pruned, Usage},
};

/// Longest time that one removal holds the store's writer, without the disk sync at its end.
const HELD: Duration = Duration::from_millis(2);
/// Jobs or uploads that one query returns: more than one removal takes.
const FOUND: u32 = 256;

/// Deletes old data and copies the database, for tasks. Made by [`Ctx::retention`].
#[derive(Clone)]
pub struct Retention {
    shared: Arc<Shared>,
}

impl Ctx {
    /// Returns the retention functions, for tasks that prune or back up the data directory.
    pub fn retention(&self) -> Retention {
        Retention { shared: Arc::clone(&self.attempt.shared) }
    }
}

impl Retention {
    /// The data directory.
    pub fn data_dir(&self) -> &DataDir {
        &self.shared.data
    }

    /// The engine's wall clock.
    pub fn now(&self) -> Micros {
        self.shared.clock.now()
    }

    /// Writes a checked copy of the database to the new file `into`; see [`crate::store::Store::back_up`]. Blocks the
    /// thread.
    ///
    /// # Errors
    /// `Error::Full`, `Error::Io`, `Error::Database`, also when `stop` has been cancelled.
    pub fn back_up(&self, into: &Path, stop: &CancellationToken) -> Result<()> {
        self.shared.store.back_up(into, stop)
    }

    /// Bytes used by the database and by files.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn usage(&self) -> Result<Usage> {
        self.shared.store.usage().await
    }

    /// Removes part or all of the next few jobs after `after` that ended before the time set for their state, with
    /// their files. Returns what was removed and where to continue; `None` at the end. Holds the store's writer for a
    /// few milliseconds at a time.
    ///
    /// # Errors
    /// `Error::Database`, `Error::Full`.
    pub async fn prune(
        &self,
        what: Prunable,
        ended_before: &[(JobState, Micros)],
        after: JobId,
    ) -> Result<Option<(Pruned, JobId)>> {
        let jobs = self.shared.store.prunable(what, ended_before, after, FOUND).await?;
        if jobs.is_empty() {
            return Ok(None);
        }
        let pruned = self.shared.store.prune(what, jobs, HELD).await?;
        for (job, attempt) in &pruned.jobs {
            match what {
                Prunable::Job => self.shared.remove_files(*job).await,
                Prunable::Artifacts => self.shared.remove_old_files(*job, *attempt).await,
                Prunable::Log => {}
            }
        }
        Ok(pruned.last.map(|last| (pruned, last)))
    }

    /// Removes the next few uploads after the id `after` that only jobs ended before `before` refer to, with their
    /// files. Returns their number and where to continue; `None` at the end. Holds the store's writer as
    /// [`Self::prune`] does.
    ///
    /// # Errors
    /// `Error::Database`, `Error::Full`.
    pub async fn prune_uploads(&self, before: Micros, after: &str) -> Result<Option<(usize, String)>> {
        let uploads = self.shared.store.prunable_uploads(before, after, FOUND).await?;
        if uploads.is_empty() {
            return Ok(None);
        }
        let pruned = self.shared.store.prune_uploads(uploads, before, HELD).await?;
        self.shared.uploads.remove_files(&pruned.uploads).await;
        Ok(pruned.last.map(|last| (pruned.uploads.len(), last)))
    }

    /// Whether the database has returned its free pages to the file system. Upkeep does that in steps.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn is_upkeep_done(&self) -> Result<bool> {
        self.shared.store.is_upkeep_done().await
    }
}
