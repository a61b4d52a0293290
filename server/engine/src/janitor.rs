//! Upkeep beside the work: sweeps uploads that nobody used and files whose job is gone. A server does it; its workers
//! leave it to it.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use model::{JobId, JobState, Micros};

use crate::{Error, Result, data_dir::remove_folder, shared::Shared};

/// Between two sweeps of uploads.
const SWEEP: Duration = Duration::from_hours(1);
/// Folders of jobs looked up in one query.
const FOLDERS_AT_ONCE: usize = 500;
/// How long an upload that no job refers to is kept.
const UPLOAD_KEPT: Duration = Duration::from_hours(24);

/// Works until the engine stops.
pub(crate) async fn keep_up(shared: Arc<Shared>) {
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                let before = Micros(shared.clock.now().0 - UPLOAD_KEPT.as_micros() as i64);
                if let Err(error) = shared.uploads.sweep(before).await {
                    tracing::warn!(%error, "cannot sweep unused uploads; trying again");
                }
            }
            () = shared.stopping.raised() => return,
        }
    }
}

/// Removes what jobs left behind that were deleted, and the checkpoints' files of those that have succeeded: what the
/// store says goes first, and a server can die before the files. Once, at the start, on a thread for blocking work; a
/// folder is listed before its job is asked for, so none is too new to be known.
pub(crate) fn sweep_folders(shared: &Shared) -> Result<()> {
    let listing = |error| Error::of_io("listing the folders of jobs", error);
    let folders = match std::fs::read_dir(shared.data.jobs()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        folders => folders.map_err(listing)?,
    };
    let mut jobs = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok().map(JobId));
    loop {
        let some: Vec<JobId> = jobs.by_ref().take(FOLDERS_AT_ONCE).collect();
        if some.is_empty() || shared.stopping.is_raised() {
            return Ok(());
        }
        let existing = shared.service.block_on(shared.store.existing(&some))?;
        for job in some.into_iter().filter(|job| !existing.contains(job)) {
            tracing::info!(%job, "removing the files of a deleted job");
            shared.service.block_on(shared.remove_files(job));
        }
        for job in existing.into_iter().filter(|job| shared.data.work(*job).exists()) {
            if shared.service.block_on(shared.store.job(job)).is_ok_and(|view| view.state == JobState::Succeeded) {
                shared.service.block_on(remove_folder(&shared.data.work(job), "the files of a checkpoint"));
            }
        }
    }
}
