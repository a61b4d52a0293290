//! Sweeps: the server removes unused uploads every hour, and orphan files.

use std::{sync::Arc, time::Duration};

use model::Micros;
use tokio::task::spawn_blocking;

use crate::{Result, maintenance::orphan_files, shared::Shared};

/// Time between two sweeps of uploads.
const SWEEP: Duration = Duration::from_hours(1);
/// How long an upload that no job refers to is kept.
const UPLOAD_KEPT: Duration = Duration::from_hours(24);

/// Sweeps uploads every hour until the engine stops.
pub(crate) async fn keep_up(shared: Arc<Shared>) {
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                if let Err(error) = sweep_uploads(&shared).await {
                    tracing::warn!(%error, "cannot sweep unused uploads; trying again");
                }
            }
            () = shared.stopping.raised() => return,
        }
    }
}

async fn sweep_uploads(shared: &Arc<Shared>) -> Result<()> {
    let before = Micros(shared.clock.now().0 - UPLOAD_KEPT.as_micros() as i64);
    shared.uploads.sweep(before).await?;
    let shared = Arc::clone(shared);
    let swept = spawn_blocking(move || {
        orphan_files::remove_expired(&shared);
        orphan_files::sweep_uploads(&shared, before)
    });
    // The closure does not panic, and is not cancelled.
    swept.await.unwrap_or(Ok(()))
}

/// Sweeps the folders of jobs once, at the start. Blocks the thread.
pub(crate) fn sweep_folders(shared: &Shared) {
    if let Err(error) = orphan_files::sweep_jobs(shared) {
        tracing::warn!(%error, "cannot sweep the files of deleted jobs; the next start tries again");
    }
}
