//! Checkpoints: a task's own state, kept by the store, and the files that it names, kept in a folder of the attempt.
//! The next attempt continues from the newest one.
//!
//! The store accepts checkpoints only from the attempt that holds the job. Files have no such fence, so no two attempts
//! ever write the same file: the next attempt begins with copies. A stale attempt only writes to files that are no
//! longer read.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use model::count;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::spawn_blocking, time::Instant};

use crate::{
    Code, Error, TaskError, WriteBudget,
    attempt::{Attempt, attempt_folder::AttemptFolder, run::RETRY_PAUSE},
    files::data_dir::{remove_attempts, remove_folder},
    store::{Checkpoint, CheckpointOutcome, SaveCheckpoint},
};

/// Largest checkpoint, bytes of JSON.
const LIMIT: usize = 1 << 20;
const BAD: Code = Code::new("bad_checkpoint");

/// The checkpoints of one attempt.
pub(crate) struct Checkpoints {
    every: Duration,
    /// When the next one is due.
    due: Mutex<Instant>,
    /// Set before the first one is sent to the store: from then on there may be one.
    begun: AtomicBool,
    /// Set when the first one is durable: files of earlier attempts are no longer needed.
    first_kept: AtomicBool,
    /// Whether the checkpoint of an earlier attempt has been taken over.
    taken_over: AtomicBool,
    /// Folder of the files that they refer to.
    folder: AttemptFolder,
}

impl Checkpoints {
    /// Checkpoints at intervals of `every`; the first is due after one interval.
    pub(crate) fn new(every: Duration, folder: AttemptFolder) -> Self {
        Self {
            every,
            due: Mutex::new(Instant::now() + every),
            begun: AtomicBool::new(false),
            first_kept: AtomicBool::new(false),
            taken_over: AtomicBool::new(false),
            folder,
        }
    }

    pub(crate) fn due_at(&self) -> Instant {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + self.every;
    }
}

/// Encodes a task's state.
pub(crate) fn encode(state: &(impl Serialize + ?Sized)) -> Result<String, TaskError> {
    let data = serde_json::to_string(state)
        .map_err(|error| TaskError::fatal(BAD, "the checkpoint cannot be written as JSON").caused_by(&error))?;
    if data.len() > LIMIT {
        let (size, limit) = (count(data.len() as u64), count(LIMIT as u64));
        let message = format!("the checkpoint is {size} bytes of JSON; {limit} are allowed");
        return Err(TaskError::fatal("checkpoint_too_large", message));
    }
    Ok(data)
}

/// Parses a task's state.
pub(crate) fn decode<T: DeserializeOwned>(data: &str) -> Result<T, TaskError> {
    serde_json::from_str(data).map_err(|error| {
        let message = "the job's checkpoint does not fit this version of the task; run it again as a new job";
        TaskError::fatal(BAD, message).caused_by(&error)
    })
}

impl Attempt {
    /// Whether the job may have a checkpoint. The first attempt has none to restore.
    pub(crate) fn may_have_checkpoint(&self) -> bool {
        self.fence.attempt > 1 || self.checkpoints.begun.load(Ordering::Acquire)
    }

    /// Stores a checkpoint; before it, makes the files in the work folder and the log lines so far durable. Repeats a
    /// failed write until it succeeds or the attempt should stop: hours of work should not fail because a disk was full
    /// for a minute.
    pub(crate) async fn save_checkpoint(&self, data: String, warnings: u64) -> Result<(), TaskError> {
        let checkpoints = &self.checkpoints;
        if checkpoints.folder.is_made() {
            let folder = checkpoints.folder.path().to_owned();
            blocking("syncing the files of a checkpoint", move || sync(&folder)).await?;
        }
        self.hand_over_log()?;
        checkpoints.begun.store(true, Ordering::Release);
        let save = SaveCheckpoint { fence: self.fence.clone(), data, warnings };
        let mut pause = RETRY_PAUSE.0;
        let answer = loop {
            match self.shared.store.save_checkpoint(save.clone()).await {
                Ok(answer) => break answer,
                Err(Error::Fenced | Error::NoSuchJob(_) | Error::ShuttingDown) => {
                    tracing::warn!(job = %self.job(), attempt = self.fence.attempt, "a checkpoint came too late");
                    // Stops the whole attempt: all its writes are rejected from now on.
                    self.stop.raise();
                    return Err(TaskError::Cancelled);
                }
                Err(error) => {
                    tracing::error!(job = %self.job(), %error, "cannot store a checkpoint; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_PAUSE.1),
                        () = self.stop.raised() => return Err(TaskError::Cancelled),
                    }
                }
            }
        };
        checkpoints.kept();
        if !checkpoints.first_kept.swap(true, Ordering::AcqRel) {
            self.forget_earlier_work().await;
        }
        match answer {
            CheckpointOutcome::Continue => Ok(()),
            CheckpointOutcome::Pause => Err(TaskError::Paused),
        }
    }

    /// Returns the checkpoint of the job. The first call also takes over the number of warnings and copies the files of
    /// the attempt that made it.
    pub(crate) async fn take_over(&self) -> Result<Option<String>, TaskError> {
        if !self.may_have_checkpoint() {
            return Ok(None);
        }
        let found = self.shared.store.checkpoint(self.job()).await;
        let found =
            found.map_err(|error| TaskError::retry("database", "the checkpoint cannot be read").caused_by(&error))?;
        let Some(Checkpoint { attempt, warnings, data, .. }) = found else { return Ok(None) };
        let own = attempt == self.fence.attempt;
        if own || self.checkpoints.taken_over.load(Ordering::Acquire) {
            return Ok(Some(data));
        }
        let from = self.shared.data.work_of(self.job(), attempt);
        if from.is_dir() {
            let to = self.make_work_folder().await?;
            let budget = self.budget.clone();
            blocking("taking over the files of an earlier attempt", move || copy(&from, &to, &budget)).await?;
        }
        self.tracker.count_warnings(warnings);
        self.checkpoints.taken_over.store(true, Ordering::Release);
        Ok(Some(data))
    }

    /// Creates the work folder.
    pub(crate) async fn make_work_folder(&self) -> Result<PathBuf, TaskError> {
        let folder = &self.checkpoints.folder;
        let made = if self.ended.is_raised() {
            Err(io::Error::other("the attempt has ended"))
        } else {
            folder.make(sync_name).await
        };
        made.map_err(|error| TaskError::io("making a folder for a checkpoint's files", &error))?;
        Ok(folder.path().to_owned())
    }

    /// Removes files that no later attempt needs: all of them once the job has succeeded, else those of an attempt
    /// without a checkpoint.
    pub(crate) async fn clear_work(&self, succeeded: bool) {
        let Checkpoints { folder, begun, .. } = &self.checkpoints;
        let made = folder.is_made();
        if succeeded && (made || self.may_have_checkpoint()) {
            remove_folder(&self.shared.data.work(self.job()), "the files of a checkpoint").await;
        } else if made && !begun.load(Ordering::Acquire) {
            remove_folder(folder.path(), "the files of an attempt without a checkpoint").await;
            // Fails if another attempt has files there.
            let _ = tokio::fs::remove_dir(self.shared.data.work(self.job())).await;
        } else {
            return;
        }
        // Fails if there are artifacts.
        let _ = tokio::fs::remove_dir(self.shared.data.job(self.job())).await;
    }

    /// Removes the work folder on a full disk, because the end of the attempt needs the space more. The next attempt
    /// starts over.
    pub(crate) async fn drop_work(&self) {
        if self.checkpoints.folder.is_made() {
            remove_folder(self.checkpoints.folder.path(), "the working files of an attempt on a full disk").await;
        }
    }

    /// Sends all log lines so far to the store. The watch is held from draining the log to sending its lines.
    fn hand_over_log(&self) -> Result<(), TaskError> {
        let mut watch = self.watch();
        if watch.closed {
            return Err(TaskError::Cancelled);
        }
        watch.reported_at = std::time::Instant::now();
        self.shared.store.append_logs(self.new_lines().into_iter().collect());
        drop(watch);
        Ok(())
    }

    /// Removes the files of earlier attempts, never those of later ones: this attempt may be stale by now.
    async fn forget_earlier_work(&self) {
        let earlier = self.fence.attempt - 1;
        remove_attempts(&self.shared.data.work(self.job()), earlier, "the files of an earlier attempt").await;
    }
}

async fn blocking(what: &str, act: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), TaskError> {
    let done = spawn_blocking(act).await.unwrap_or_else(|gone| Err(io::Error::other(gone)));
    done.map_err(|error| TaskError::io(what, &error))
}

/// Syncs the entry of the folder, and those of its parents: `work`, the job's folder, the folder of all jobs.
fn sync_name(folder: &Path) -> io::Result<()> {
    folder.ancestors().skip(1).take(3).try_for_each(sync_entries)
}

/// Syncs the files in `folder`.
fn sync(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        File::open(file?.path())?.sync_data()?;
    }
    sync_entries(folder)
}

fn sync_entries(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn copy(from: &Path, to: &Path, budget: &WriteBudget) -> io::Result<()> {
    for file in fs::read_dir(from)? {
        let file = file?;
        budget.check(file.metadata()?.len())?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
