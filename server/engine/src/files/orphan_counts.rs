//! Counts of orphan files: files in the data directory that are not in the database.

use std::sync::atomic::{AtomicU64, Ordering};

/// Number of orphan files that were left in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrphanFiles {
    /// Folders of jobs.
    pub jobs: u64,
    /// Uploads.
    pub uploads: u64,
}

/// Orphans that the latest sweeps left in place.
#[derive(Debug, Default)]
pub(crate) struct OrphanCounts {
    pub(crate) jobs: AtomicU64,
    pub(crate) uploads: AtomicU64,
}

impl OrphanCounts {
    /// The current numbers.
    pub(crate) fn counts(&self) -> OrphanFiles {
        let [jobs, uploads] = [&self.jobs, &self.uploads].map(|count| count.load(Ordering::Relaxed));
        OrphanFiles { jobs, uploads }
    }
}
