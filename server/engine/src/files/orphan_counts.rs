//! Counts of orphan files: files in the data directory that the database does not know.

use std::sync::atomic::{AtomicU64, Ordering};

/// Files of which the database knows nothing, and that are left where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrphanFiles {
    /// Folders of jobs.
    pub jobs: u64,
    /// Uploads.
    pub uploads: u64,
}

/// What the latest sweeps left.
#[derive(Debug, Default)]
pub(crate) struct OrphanCounts {
    pub(crate) jobs: AtomicU64,
    pub(crate) uploads: AtomicU64,
}

impl OrphanCounts {
    /// Their numbers.
    pub(crate) fn counts(&self) -> OrphanFiles {
        let [jobs, uploads] = [&self.jobs, &self.uploads].map(|count| count.load(Ordering::Relaxed));
        OrphanFiles { jobs, uploads }
    }
}
