//! What lies where in the data directory.

use std::path::{Path, PathBuf};

use model::{AttemptNo, JobId};

/// The one folder that holds everything Milepost keeps.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Names the folder; creates nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The engine's database.
    pub fn database(&self) -> PathBuf {
        self.0.join("milepost.db")
    }

    /// The database that imported tables go to.
    pub fn imports(&self) -> PathBuf {
        self.0.join("imports.db")
    }

    /// The root offered when none is configured.
    pub fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// One lock file per living process.
    pub fn nodes(&self) -> PathBuf {
        self.0.join("nodes")
    }

    /// Copies of the database.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Uploaded files, named by their id.
    pub fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    /// One folder for each job that wrote files, named by its number.
    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// Everything that attempts of `job` wrote.
    pub fn job(&self, job: JobId) -> PathBuf {
        self.jobs().join(job.to_string())
    }

    /// What one attempt wrote. Its artifacts are visible only once the attempt's finish has listed them.
    pub fn attempt(&self, job: JobId, attempt: AttemptNo) -> PathBuf {
        self.job(job).join(attempt.to_string())
    }
}
