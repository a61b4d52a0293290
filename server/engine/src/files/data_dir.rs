//! Paths in the data directory.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

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

    /// Holds a part of what is kept free for the database.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.0.join("milepost.reserve")
    }

    /// Files that belonged to nothing in the database, kept for a day in a folder named by the time when they were
    /// moved.
    pub fn orphans(&self) -> PathBuf {
        self.0.join("orphans")
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

    /// What a job needs to go on from its checkpoint: a folder for each attempt that kept something. It is there as
    /// long as the job is unfinished.
    pub fn work(&self, job: JobId) -> PathBuf {
        self.job(job).join("work")
    }

    /// What one attempt keeps there.
    pub fn work_of(&self, job: JobId, attempt: AttemptNo) -> PathBuf {
        self.work(job).join(attempt.to_string())
    }
}

/// Removes a folder with all that is in it, if it is there. What cannot be removed is told to the operator.
pub(crate) async fn remove_folder(folder: &Path, what: &str) {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot remove {what}"),
    }
}

/// Removes what attempts up to `last` keep in `folder`, each in a folder named by its number: a later one may be at
/// work.
pub(crate) async fn remove_attempts(folder: &Path, last: AttemptNo, what: &str) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let attempt = entry.file_name().to_str().and_then(|name| name.parse::<AttemptNo>().ok());
        if attempt.is_some_and(|attempt| attempt <= last) {
            remove_folder(&entry.path(), what).await;
        }
    }
}
