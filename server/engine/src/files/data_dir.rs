//! Paths in the data directory.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use model::{AttemptNo, JobId};

/// The folder with all data of Milepost.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// A data directory at `path`; creates nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The engine's database.
    pub fn database(&self) -> PathBuf {
        self.0.join("milepost.db")
    }

    /// The database of imported tables.
    pub fn imports(&self) -> PathBuf {
        self.0.join("imports.db")
    }

    /// The default root.
    pub fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// Folder of the lock files, one for each living process.
    pub fn nodes(&self) -> PathBuf {
        self.0.join("nodes")
    }

    /// Folder of the backups of the database.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Folder of the uploaded files, named by their ids.
    pub fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    /// The file that reserves disk space for the database.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.0.join("milepost.reserve")
    }

    /// Orphan files, kept for a day in folders named by the time of the move.
    pub fn orphans(&self) -> PathBuf {
        self.0.join("orphans")
    }

    /// Folder of the jobs' files: a folder for each job that wrote files, named by its number.
    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// The files of all attempts of `job`.
    pub fn job(&self, job: JobId) -> PathBuf {
        self.jobs().join(job.to_string())
    }

    /// The files of one attempt. Its artifacts become visible when the end of the attempt is stored.
    pub fn attempt(&self, job: JobId, attempt: AttemptNo) -> PathBuf {
        self.job(job).join(attempt.to_string())
    }

    /// Files that the checkpoints of `job` refer to: a folder for each attempt. Kept as long as the job is unfinished.
    pub fn work(&self, job: JobId) -> PathBuf {
        self.job(job).join("work")
    }

    /// The work folder of one attempt.
    pub fn work_of(&self, job: JobId, attempt: AttemptNo) -> PathBuf {
        self.work(job).join(attempt.to_string())
    }
}

/// Removes a folder and its content, if it exists. A failure is logged.
pub(crate) async fn remove_folder(folder: &Path, what: &str) {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot remove {what}"),
    }
}

/// Removes the subfolders of `folder` that belong to attempts up to `last`: a later attempt may be running.
pub(crate) async fn remove_attempts(folder: &Path, last: AttemptNo, what: &str) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let attempt = entry.file_name().to_str().and_then(|name| name.parse::<AttemptNo>().ok());
        if attempt.is_some_and(|attempt| attempt <= last) {
            remove_folder(&entry.path(), what).await;
        }
    }
}
