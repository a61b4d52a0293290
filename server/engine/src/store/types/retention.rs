//! Retention: what can be removed, and what was.

use model::{AttemptNo, JobId};

/// What retention can remove of an ended job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// The whole job.
    Job,
    /// The lines of its log.
    Log,
    /// Its artifacts, and its checkpoint with its files: a retry starts from the beginning.
    Artifacts,
}

/// What retention has removed.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// The jobs, each with its last attempt. The caller deletes their files.
    pub jobs: Vec<(JobId, AttemptNo)>,
    /// The last of the requested jobs that was handled; those after it are untouched.
    pub last: Option<JobId>,
    /// Bytes of the artifacts.
    pub bytes: u64,
}

/// Uploads that were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrunedUploads {
    /// Their ids.
    pub uploads: Vec<String>,
    /// The last of the requested uploads that was handled.
    pub last: Option<String>,
}
