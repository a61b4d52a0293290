//! The context of a running task: progress, log, artifacts, checkpoints, and the request to stop.

use std::{
    fs::File,
    io::ErrorKind,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::future::BoxFuture;
use model::{AnsiStyles, AttemptNo, JobId, Level, Tone, printable};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use crate::{
    ArtifactWriter, Batch, Error, FilePath, FolderPath, RootedFolder, StopReason, TaskError, Upload, UploadRef,
    WriteBudget,
    attempt::{
        Attempt, Blocking, batch, checkpoint,
        run::{self, StopCause},
    },
    files::{
        rooted_folder::open_real_file,
        roots::{not_a_file, not_a_folder},
    },
    processes::{Group, Mark},
    runtime::panics,
    store::Fence,
};

/// Largest value of [`Ctx::data`], bytes of JSON.
const DATA_LIMIT: usize = 8 << 10;
/// Longer messages are cut, bytes.
const MESSAGE_LENGTH: usize = 1 << 10;

/// The context of a running task: takes reports and passes on requests to stop. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Ctx {
    pub(crate) attempt: Arc<Attempt>,
}

impl Ctx {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    /// The job of this attempt.
    pub fn job(&self) -> JobId {
        self.attempt.fence.job
    }

    /// The number of this attempt.
    pub fn attempt(&self) -> AttemptNo {
        self.attempt.fence.attempt
    }

    /// Enters stage `index` (zero-based, only forward) and resets the value and the total.
    pub fn stage(&self, index: usize) {
        if !self.attempt.enter_stage(index) {
            self.log(Level::Warn, format!("cannot enter stage {index}: it is over or does not exist"));
        }
    }

    /// Sets the total of this stage, in `unit`: `B` for bytes (shown as sizes), else a plural noun such as `rows`.
    pub fn total(&self, total: u64, unit: &'static str) {
        self.attempt.set_total(Some(total), unit);
    }

    /// Sets the unit without a total.
    pub fn unit(&self, unit: &'static str) {
        self.attempt.set_total(None, unit);
    }

    /// Adds to the work done. One relaxed atomic add, cheap enough for every item.
    pub fn advance(&self, by: u64) {
        self.attempt.tracker.advance(by);
    }

    /// Sets the work done in this stage.
    pub fn set(&self, value: u64) {
        self.attempt.tracker.set(value);
    }

    /// Sets the work done in this stage to the value that an earlier attempt reached. It does not count for the speed.
    pub fn continue_at(&self, value: u64) {
        self.attempt.tracker.continue_at(value);
    }

    /// Sets the one-line message on the current work, cut at 1 KiB.
    pub fn message(&self, text: impl Into<String>) {
        self.message_toned(Tone::Info, text);
    }

    /// As [`Ctx::message`], with a colour.
    pub fn message_toned(&self, tone: Tone, text: impl Into<String>) {
        let mut text = printable(&text.into(), &[]).into_owned();
        text.truncate(text.floor_char_boundary(MESSAGE_LENGTH));
        self.attempt.tracker.message(tone, text);
    }

    /// Sets free-form data for scripts that follow the job, at most 8 KiB of JSON.
    ///
    /// # Errors
    /// Codes `data_too_large` above the limit, `bad_data` for values that JSON cannot represent.
    pub fn data(&self, data: &impl Serialize) -> Result<(), TaskError> {
        let data = serde_json::to_value(data).map_err(|error| {
            TaskError::fatal("bad_data", "the progress data cannot be written as JSON").caused_by(&error)
        })?;
        let size = data.to_string().len();
        if size > DATA_LIMIT {
            let message = format!("the progress data is {size} bytes of JSON; {DATA_LIMIT} are allowed");
            return Err(TaskError::fatal("data_too_large", message));
        }
        self.attempt.tracker.data(data);
        Ok(())
    }

    /// Appends `text` to the log, split at line breaks. Control characters are replaced. Lines above 20,000 a second,
    /// or above 200,000 in one attempt, are dropped, and a line reports their number.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.attempt.log(level, &text.into());
    }

    /// Appends one line to the log, with the colours that a program printed it in.
    pub fn log_styled(&self, level: Level, text: &str, styles: AnsiStyles) {
        self.attempt.log_styled(level, text, styles);
    }

    /// Counts a warning and logs it.
    pub fn warn(&self, text: impl Into<String>) {
        self.attempt.tracker.warn();
        self.log(Level::Warn, text);
    }

    /// Reports that the work continues, for [`Task::QUIET_TIMEOUT`](crate::Task) and work without progress to report.
    /// Cheap.
    pub fn alive(&self) {
        self.attempt.alive.store(true, Ordering::Relaxed);
    }

    /// Whether the task should stop. Cheap; check it in every loop.
    pub fn is_cancelled(&self) -> bool {
        self.attempt.stop.is_raised()
    }

    /// `Err(TaskError::Cancelled)` once the task should stop: `ctx.check()?`.
    pub fn check(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::Cancelled) } else { Ok(()) }
    }

    /// Waits until the task should stop.
    pub async fn cancelled(&self) {
        self.attempt.stop.raised().await;
    }

    /// Why the task should stop; `None` while it should not. A cancelled job is over. After a shutdown the job
    /// continues from its last checkpoint, so the task should make another one now.
    pub fn stop_reason(&self) -> Option<StopReason> {
        match run::stop_cause(&self.attempt) {
            StopCause::None => None,
            StopCause::Cancel => Some(StopReason::Cancel),
            StopCause::TimeOut(_) => Some(StopReason::TimeOut),
            StopCause::Shutdown => Some(StopReason::Shutdown),
            StopCause::Lost => Some(StopReason::Lost),
        }
    }

    /// Saves the state from which the job can continue, in place of the last checkpoint. On return it is durable, and
    /// so are the flushed parts of the files in the [work folder](Self::work_folder) and all earlier log lines. `state`
    /// and the number of warnings are taken at the call, not when the future is polled, so a lock around the state can
    /// be released before the `await`.
    ///
    /// Any later attempt gets it from [`Ctx::restore`]: after a crash, a retry, a shutdown. It is deleted when the job
    /// succeeds. If the disk is full or the database fails, this waits and repeats the write.
    ///
    /// # Errors
    /// Codes `checkpoint_too_large` above 1 MiB of JSON, `bad_checkpoint` for values that JSON cannot represent, `io`
    /// if a file cannot be synced. `TaskError::Paused` after the checkpoint is stored, if a user has asked for a pause:
    /// the task returns it. `TaskError::Cancelled` if the attempt has lost its job, or should stop and the store still
    /// cannot write.
    pub fn checkpoint<T: Serialize + ?Sized>(&self, state: &T) -> BoxFuture<'static, Result<(), TaskError>> {
        let (data, warnings) = (checkpoint::encode(state), self.attempt.tracker.warnings());
        let attempt = Arc::clone(&self.attempt);
        Box::pin(async move { attempt.save_checkpoint(data?, warnings).await })
    }

    /// Returns the latest checkpoint of the job, from any attempt; `None` if there is none. Also takes over the number
    /// of warnings at the checkpoint and copies the files of that attempt to the work folder. They may be longer than
    /// they were at the checkpoint, so the state should include their lengths.
    ///
    /// Call it before the work begins.
    ///
    /// # Errors
    /// Code `bad_checkpoint` if it does not fit `T`; `database`, `disk_full`, `io`.
    pub async fn restore<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        self.attempt.take_over().await?.as_deref().map(checkpoint::decode).transpose()
    }

    /// Discards the progress and the warnings of the earlier attempt, and logs that. For a task that cannot use the
    /// result of [`Ctx::restore`] because something that it refers to is gone.
    pub fn start_over(&self) {
        self.attempt.tracker.start_over();
        self.log(Level::Warn, "the work of an earlier attempt is gone; starting over");
    }

    /// Whether a checkpoint is due: a second (see [`Builder::checkpoint_every`](crate::Builder::checkpoint_every)) has
    /// passed since the last one, or since the start of the attempt. Cheap.
    pub fn is_checkpoint_due(&self) -> bool {
        Instant::now() >= self.attempt.checkpoints.due_at()
    }

    /// Waits until a checkpoint is due.
    pub async fn checkpoint_due(&self) {
        while !self.is_checkpoint_due() {
            sleep_until(self.attempt.checkpoints.due_at()).await;
        }
    }

    /// Returns the folder of this attempt for files that its checkpoints refer to. It must not contain folders. It is
    /// kept after the attempt if a checkpoint was made and the job did not succeed. Files that a checkpoint refers to
    /// may only be appended to: the next attempt may copy them while a stale attempt still writes.
    ///
    /// # Errors
    /// Codes `disk_full`, `io`.
    pub async fn work_folder(&self) -> Result<PathBuf, TaskError> {
        self.attempt.make_work_folder().await
    }

    /// Runs `work` on the bounded blocking pool. A panic in it becomes the attempt's panic.
    ///
    /// Work that is still queued when the job is cancelled does not start. Work that is submitted after the cancel,
    /// such as a cleanup, does.
    ///
    /// # Errors
    /// Those of `work`; `TaskError::Cancelled` if it did not start.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TaskError> + Send + 'static,
    ) -> Result<T, TaskError> {
        let (answer, answered) = oneshot::channel();
        let wanted_anyway = self.is_cancelled();
        let counted = InFlight::begin(&self.attempt);
        self.attempt.shared.pool.submit(move || {
            let result = if !wanted_anyway && counted.0.stop.is_raised() {
                Ok(Err(TaskError::Cancelled))
            } else {
                panics::guard(work)
            };
            // There is no receiver once the task's future has been dropped.
            let _ = answer.send(result);
            drop(counted);
        });
        match answered.await {
            Ok(Ok(result)) => result,
            Ok(Err(panicked)) => panics::rethrow(panicked),
            Err(oneshot::error::RecvError { .. }) => Err(TaskError::Cancelled),
        }
    }

    /// Runs `work` on a new thread, for work that blocks its thread all the time. It counts as blocking work: the
    /// attempt does not end before `work` has returned.
    ///
    /// # Errors
    /// The system's error if no thread can be started.
    pub fn spawn_thread(
        &self,
        name: String,
        stack_bytes: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let counted = InFlight::begin(&self.attempt);
        let run = move || {
            work();
            drop(counted);
        };
        std::thread::Builder::new().name(name).stack_size(stack_bytes).spawn(run).map(drop)
    }

    /// Number of threads of the blocking pool.
    pub fn parallelism(&self) -> usize {
        self.attempt.shared.pool.threads()
    }

    /// Runs `item` for every item, at most `concurrency` futures at once. Sets the total to the number of items
    /// (`unit`), advances for each item, and counts errors as warnings. A panic fails only its own item. Takes no more
    /// items once cancelled. Results are in the order of `items`.
    ///
    /// # Errors
    /// `TaskError::Cancelled` once cancelled and the started items have ended.
    pub async fn batch<I, T, F, Fut>(
        &self,
        items: Vec<I>,
        concurrency: usize,
        unit: &'static str,
        item: F,
    ) -> Result<Batch<I, T>, TaskError>
    where
        I: Clone + std::fmt::Display + Send + 'static,
        T: Send + 'static,
        F: Fn(I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, TaskError>> + Send + 'static,
    {
        self.batch_after(0, items, concurrency, unit, item).await
    }

    /// The rest of a [batch](Self::batch): an earlier attempt has done `done` items, and `items` are the others.
    ///
    /// # Errors
    /// As [`Ctx::batch`].
    pub async fn batch_after<I, T, F, Fut>(
        &self,
        done: u64,
        items: Vec<I>,
        concurrency: usize,
        unit: &'static str,
        item: F,
    ) -> Result<Batch<I, T>, TaskError>
    where
        I: Clone + std::fmt::Display + Send + 'static,
        T: Send + 'static,
        F: Fn(I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, TaskError>> + Send + 'static,
    {
        batch::run(self, done, items, concurrency, unit, item).await
    }

    /// Starts a file that users can download once the attempt has ended. `name` has no path separators and does not
    /// begin with a dot.
    ///
    /// # Errors
    /// Codes `bad_artifact_name`, `artifact_exists` (within this attempt), `disk_full`, `io`.
    pub async fn artifact(&self, name: &str) -> Result<ArtifactWriter, TaskError> {
        ArtifactWriter::create(&self.attempt, name).await
    }

    /// Opens the folder of an input path and holds it open. Nothing outside the roots can be reached through it.
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots; `not_a_folder`.
    pub fn open_folder(&self, FolderPath(path): &FolderPath) -> Result<RootedFolder, TaskError> {
        RootedFolder::open(&self.resolve(path)?).map_err(|error| match error.kind() {
            ErrorKind::NotADirectory => TaskError::fatal("not_a_folder", not_a_folder(path)),
            _ => cannot_open(path, &error),
        })
    }

    /// Opens the regular file of an input path; returns it and its real path.
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots; `not_a_file` for folders, pipes and devices.
    pub fn open_file(&self, FilePath(path): &FilePath) -> Result<(File, PathBuf), TaskError> {
        let real = self.resolve(path)?;
        match open_real_file(&real) {
            Ok(file) => Ok((file, real)),
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                Err(TaskError::fatal("not_a_file", not_a_file(path)))
            }
            Err(error) => Err(cannot_open(path, &error)),
        }
    }

    /// Returns the real path of an input path: symlinks resolved, inside a root at the time of the check. For programs
    /// that open the path themselves; tasks use [`Ctx::open_folder`] and [`Ctx::open_file`].
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, TaskError> {
        self.attempt.shared.roots.resolve(path).map_err(|error| TaskError::fatal("path", error.to_string()))
    }

    /// Returns an uploaded file of the input.
    ///
    /// # Errors
    /// Code `no_such_upload`, or `io`.
    pub async fn upload(&self, upload: &UploadRef) -> Result<Upload, TaskError> {
        self.attempt.shared.uploads.get(&upload.0).await.map_err(|error| match error {
            Error::NoSuchUpload(_) => TaskError::fatal("no_such_upload", error.to_string()),
            error => TaskError::retry("io", error.to_string()).caused_by(&error),
        })
    }

    /// Returns the folder of this attempt for temporary files. It is removed when the attempt ends.
    ///
    /// # Errors
    /// Codes `disk_full`, `io`.
    pub async fn scratch(&self) -> Result<PathBuf, TaskError> {
        self.attempt.make_scratch().await
    }

    /// The write budget of this attempt. Every file that a task writes takes its bytes from it, so that the database
    /// always has space.
    pub fn budget(&self) -> &WriteBudget {
        &self.attempt.budget
    }

    /// The database of imported tables.
    pub fn imports(&self) -> PathBuf {
        self.attempt.shared.data.imports()
    }

    /// The variables that identify the programs of this attempt. Set them in the environment of every program.
    pub fn mark(&self) -> Mark {
        Mark::of_attempt(&self.attempt.fence)
    }

    /// Records a process group of this attempt; durable on return. If this process dies, others terminate the group.
    /// The group must not do anything before this returns.
    ///
    /// # Errors
    /// `TaskError::Cancelled` if the attempt has lost its job; codes `database`, `disk_full`.
    pub async fn record_group(&self, group: Group) -> Result<(), TaskError> {
        let shared = &self.attempt.shared;
        match shared.store.record_process_group(self.attempt.fence.clone(), group, &shared.node.host_boot_id).await {
            Ok(()) => Ok(()),
            Err(Error::Fenced | Error::NoSuchJob(_)) => Err(TaskError::Cancelled),
            Err(error @ Error::Full) => Err(TaskError::disk_full("recording the processes of the job", &error)),
            Err(error) => Err(TaskError::retry("database", error.to_string()).caused_by(&error)),
        }
    }

    /// Deletes the record of a group that has ended. If that fails, a later search finds no processes of it.
    pub async fn forget_group(&self, group: Group) {
        let Fence { worker, job, .. } = &self.attempt.fence;
        if let Err(error) = self.attempt.shared.store.delete_process_group(worker, group).await {
            tracing::warn!(%job, %group, %error, "cannot delete the record of an ended process group; this does no harm");
        }
    }

    /// How long the task may take to stop after a request.
    pub fn cancel_grace(&self) -> Duration {
        self.attempt.shared.cancel_grace
    }
}

fn cannot_open(path: &str, error: &std::io::Error) -> TaskError {
    TaskError::fatal("path", format!("the path {path} cannot be opened: {error}")).caused_by(error)
}

/// Counts blocking work as in flight until it is dropped, on any path.
struct InFlight(Arc<Attempt>);

impl InFlight {
    fn begin(attempt: &Arc<Attempt>) -> Self {
        Blocking::begin(&attempt.blocking);
        Self(Arc::clone(attempt))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.blocking.end();
    }
}
