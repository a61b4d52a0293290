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

/// The longest name that common file systems take, bytes.
const NAME_LENGTH: usize = 255;

/// A file in the making. Dropped without [`ArtifactWriter::finish`], it is removed.
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

    /// Where it is being written, for code that wants a path (a blocking writer of its own).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.attempt.budget.take(bytes.len() as u64).map_err(|error| self.failed_to("writing", error))?;
        self.file.write_all(bytes).await.map_err(|error| self.failed_to("writing", error))
    }

    /// Takes a finished file of the attempt's own, one of its [work folder](crate::Ctx::work_folder), in place of what
    /// has been written so far: under a second name, or as a copy where the file system knows none. It must not be
    /// written to any more.
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

    /// Flushes and syncs; it becomes visible when the attempt ends. Answers its size in bytes.
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
    /// Makes its folder for temporary files.
    pub(crate) async fn make_scratch(&self) -> Result<PathBuf, TaskError> {
        let path = self.scratch();
        let made = async {
            self.make_folder().await?;
            tokio::fs::create_dir_all(&path).await
        };
        made.await.map_err(|error| TaskError::io("making a folder for temporary files", &error))?;
        Ok(path)
    }

    /// Removes files that stay invisible, and returns the artifacts that become visible with `outcome`.
    pub(crate) async fn tidy_up(&self, outcome: &Outcome) -> Vec<Artifact> {
        let artifacts = std::mem::take(&mut self.files().artifacts);
        let artifacts = match outcome {
            Outcome::Succeeded { .. }
            | Outcome::Failed { .. }
            | Outcome::RetryLater { .. }
            | Outcome::Cancelled { .. } => artifacts,
            Outcome::Snoozed { .. } | Outcome::Paused | Outcome::Released => Vec::new(),
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
            // Goes unless another attempt left something in it.
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
