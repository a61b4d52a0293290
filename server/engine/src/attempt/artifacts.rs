//! Artifacts: files that a job makes, written within a budget and visible once the attempt has ended.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{fs::File, io::AsyncWriteExt, task::spawn_blocking};

use crate::{
    TaskError,
    attempt::Attempt,
    files::data_dir::remove_folder,
    store::{Artifact, Outcome},
};

/// Longest name that common file systems allow, bytes.
const NAME_LENGTH: usize = 255;

/// An artifact being written. It is removed if dropped without [`ArtifactWriter::finish`].
pub struct ArtifactWriter {
    attempt: Arc<Attempt>,
    name: String,
    path: PathBuf,
    file: File,
    finished: bool,
}

impl ArtifactWriter {
    pub(crate) async fn create(attempt: &Arc<Attempt>, name: &str) -> Result<Self, TaskError> {
        check_name(name)?;
        if !attempt.files().names.insert(name.to_owned()) {
            return Err(TaskError::fatal("artifact_exists", format!("there is an artifact named {name} already")));
        }
        let path = attempt.folder.path().join(name);
        let created = async {
            attempt.budget.check(0)?;
            attempt.make_folder().await?;
            File::create_new(&path).await
        };
        match created.await {
            Ok(file) => Ok(Self { attempt: Arc::clone(attempt), name: name.to_owned(), path, file, finished: false }),
            Err(error) => {
                attempt.files().names.remove(name);
                Err(TaskError::io(format_args!("creating the artifact {name}"), &error))
            }
        }
    }

    /// The path of the unfinished file, for code that opens a path (such as a blocking writer).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.attempt.budget.take(bytes.len() as u64).map_err(|error| self.failed_to("writing", error))?;
        self.file.write_all(bytes).await.map_err(|error| self.failed_to("writing", error))
    }

    /// Replaces the content by a finished file from the [work folder](crate::Ctx::work_folder): by a hard link, or by a
    /// copy if the file system has none. That file must not be written to afterwards.
    pub async fn take(&mut self, file: &Path) -> Result<(), TaskError> {
        let (from, to) = (file.to_owned(), self.path.clone());
        let budget = self.attempt.budget.clone();
        let taken = spawn_blocking(move || {
            fs::remove_file(&to)?;
            if fs::hard_link(&from, &to).is_err() {
                budget.check(fs::metadata(&from)?.len())?;
                fs::copy(&from, &to)?;
            }
            fs::File::options().append(true).open(&to)
        });
        let taken = taken.await.unwrap_or_else(|gone| Err(io::Error::other(gone)));
        self.file = taken.map(File::from_std).map_err(|error| self.failed_to("finishing", error))?;
        Ok(())
    }

    /// Flushes and syncs the file, which becomes visible when the attempt ends. Returns its size in bytes.
    pub async fn finish(mut self) -> Result<u64, TaskError> {
        let synced = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            self.file.metadata().await
        };
        let size = synced.await.map_err(|error| self.failed_to("finishing", error))?.len();
        let at = self.attempt.shared.clock.now();
        let artifact = Artifact { name: self.name.clone(), attempt: self.attempt.fence.attempt, size, at };
        self.attempt.files().artifacts.push(artifact);
        self.finished = true;
        Ok(size)
    }

    fn failed_to(&self, what: &str, error: std::io::Error) -> TaskError {
        TaskError::io(format_args!("{what} the artifact {}", self.name), &error)
    }
}

impl Drop for ArtifactWriter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.attempt.files().names.remove(&self.name);
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an unfinished artifact");
        }
    }
}

impl Attempt {
    /// Creates the folder for temporary files.
    pub(crate) async fn make_scratch(&self) -> Result<PathBuf, TaskError> {
        let path = self.scratch();
        let made = async {
            self.make_folder().await?;
            tokio::fs::create_dir_all(&path).await
        };
        made.await.map_err(|error| TaskError::io("making a folder for temporary files", &error))?;
        Ok(path)
    }

    /// Removes all files that do not become visible; returns the artifacts that do with `outcome`.
    pub(crate) async fn tidy_up(&self, outcome: &Outcome) -> Vec<Artifact> {
        let artifacts = std::mem::take(&mut self.files().artifacts);
        let artifacts = match outcome {
            Outcome::Succeeded { .. }
            | Outcome::Failed { .. }
            | Outcome::RetryLater { .. }
            | Outcome::Cancelled { .. } => artifacts,
            Outcome::Snoozed { .. } | Outcome::Paused | Outcome::Released | Outcome::Lost { .. } => Vec::new(),
        };
        if artifacts.is_empty() {
            self.discard().await;
        } else {
            remove_folder(&self.scratch(), "temporary files").await;
        }
        artifacts
    }

    /// Removes all files of the attempt.
    pub(crate) async fn discard(&self) {
        if self.folder.is_wanted() {
            remove_folder(self.folder.path(), "the files of an attempt").await;
            // Fails if another attempt has files there.
            let _ = tokio::fs::remove_dir(self.shared.data.job(self.job())).await;
        }
    }

    async fn make_folder(&self) -> std::io::Result<()> {
        if self.ended.is_raised() {
            return Err(std::io::Error::other("the attempt has ended"));
        }
        self.folder.make(|_| Ok(())).await
    }
}

fn check_name(name: &str) -> Result<(), TaskError> {
    let fault = if name.is_empty() || name.len() > NAME_LENGTH {
        "has 1 to 255 bytes"
    } else if name.starts_with('.') {
        "does not begin with a dot"
    } else if name.contains(['/', '\\']) || name.chars().any(model::is_unprintable) {
        "has no slashes, backslashes or control characters"
    } else {
        return Ok(());
    };
    Err(TaskError::fatal("bad_artifact_name", format!("an artifact's name {fault}; this one is {name:?}")))
}
