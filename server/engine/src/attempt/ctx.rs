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
    ArtifactWriter, Batch, Error, RootedFolder, RootedPath, StopReason, TaskError, Upload, UploadRef, WriteBudget,
    attempt::{
        Attempt, Blocking, batch, checkpoint,
        run::{self, StopCause},
    },
    files::rooted_folder::open_real_file,
    processes::{Group, Mark},
    runtime::panics,
    store::Fence,
};

/// The most that [`Ctx::data`] takes, bytes of JSON.
const DATA_LIMIT: usize = 8 << 10;
/// A longer message is cut, bytes.
const MESSAGE_LENGTH: usize = 1 << 10;

/// A running attempt's handle: reports go in, the wish to stop comes out. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Ctx {
    pub(crate) attempt: Arc<Attempt>,
}

impl Ctx {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    /// Whose attempt this is.
    pub fn job(&self) -> JobId {
        self.attempt.fence.job
    }

    /// Which attempt.
    pub fn attempt(&self) -> AttemptNo {
        self.attempt.fence.attempt
    }

    /// Enters stage `index` (zero-based, only forward); value and total restart from nothing.
    pub fn stage(&self, index: usize) {
        if !self.attempt.tracker.stage(index) {
            self.log(Level::Warn, format!("stage {index} cannot be entered: it is over, or there is none"));
        }
    }

    /// All the work of this stage, in `unit`: `B` for bytes (shown as sizes), else a plural noun such as `rows`.
    pub fn total(&self, total: u64, unit: &'static str) {
        self.attempt.tracker.total(Some(total), unit);
    }

    /// The unit alone, where the total is not known.
    pub fn unit(&self, unit: &'static str) {
        self.attempt.tracker.total(None, unit);
    }

    /// Adds work done. One relaxed atomic add: call it as often as you like.
    pub fn advance(&self, by: u64) {
        self.attempt.tracker.advance(by);
    }

    /// Sets the work done in this stage.
    pub fn set(&self, value: u64) {
        self.attempt.tracker.set(value);
    }

    /// Sets the work done in this stage to what an earlier attempt has done of it; the speed is that of this attempt.
    pub fn continue_at(&self, value: u64) {
        self.attempt.tracker.continue_at(value);
    }

    /// One line for users on what is being done now. Longer than 1 KiB, it is cut.
    pub fn message(&self, text: impl Into<String>) {
        self.message_toned(Tone::Info, text);
    }

    /// The same, with a colour.
    pub fn message_toned(&self, tone: Tone, text: impl Into<String>) {
        let mut text = printable(&text.into(), &[]).into_owned();
        text.truncate(text.floor_char_boundary(MESSAGE_LENGTH));
        self.attempt.tracker.message(tone, text);
    }

    /// Free data for scripts that watch, at most 8 KiB of JSON.
    ///
    /// # Errors
    /// A failed task error with code `data_too_large` above that, `bad_data` for what JSON cannot say.
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

    /// A line for the log; several where the text has line breaks. Control characters are replaced. What comes faster
    /// than 20,000 lines a second, or goes beyond 200,000 lines in one attempt, is left out, and a line says how many
    /// were.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.attempt.log(level, &text.into());
    }

    /// The same for one line, with the colours that a program printed it in.
    pub fn log_styled(&self, level: Level, text: &str, styles: AnsiStyles) {
        self.attempt.log_styled(level, text, styles);
    }

    /// Counts a warning and logs it.
    pub fn warn(&self, text: impl Into<String>) {
        self.attempt.tracker.warn();
        self.log(Level::Warn, text);
    }

    /// Reports that the work continues, without progress to report, for [`Task::QUIET_TIMEOUT`](crate::Task). Cheap.
    pub fn alive(&self) {
        self.attempt.alive.store(true, Ordering::Relaxed);
    }

    /// Whether the task should stop. Cheap; ask it in every loop.
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

    /// Why it should stop; `None` while it should not. A job that is cancelled is over. One whose process is asked to
    /// stop is not: it goes on from its last checkpoint, and this is the moment for another one.
    pub fn stop_reason(&self) -> Option<StopReason> {
        match run::stop_cause(&self.attempt) {
            StopCause::None => None,
            StopCause::Cancel => Some(StopReason::Cancel),
            StopCause::TimeOut(_) => Some(StopReason::TimeOut),
            StopCause::Shutdown => Some(StopReason::Shutdown),
            StopCause::Lost => Some(StopReason::Lost),
        }
    }

    /// Keeps where the job can go on from, in place of the last checkpoint, and returns once that is durable. With it
    /// are durable the files in the [work folder](Self::work_folder), as far as they have been flushed, and all that
    /// the log said before. `state` and the count of warnings are taken at the call, not when the future is polled: a
    /// lock that keeps them still can be let go of in between.
    ///
    /// Any later attempt finds it by [`Ctx::restore`]: after a crash, a retry, a shutdown. It goes when the job
    /// succeeds. Where the disk is full or the database fails, it waits for better times.
    ///
    /// # Errors
    /// Codes `checkpoint_too_large` above 1 MiB of JSON, `bad_checkpoint` for what JSON cannot say, `io` for files that
    /// cannot be synced. `TaskError::Paused` where it has been kept, and a user wants the job set aside there: the
    /// task ends with it. `TaskError::Cancelled` where the attempt has lost its job to another one, or should stop and
    /// the store still cannot write.
    pub fn checkpoint<T: Serialize + ?Sized>(&self, state: &T) -> BoxFuture<'static, Result<(), TaskError>> {
        let (data, warnings) = (checkpoint::encode(state), self.attempt.tracker.warnings());
        let attempt = Arc::clone(&self.attempt);
        Box::pin(async move { attempt.save_checkpoint(data?, warnings).await })
    }

    /// The job's latest checkpoint, whichever attempt made it; `None` where there is none. With it the warnings counted
    /// until then count for this attempt, and its work folder holds copies of the files that the other attempt kept:
    /// they may be longer than they were at the checkpoint, so it should name their lengths.
    ///
    /// To be called before the work begins.
    ///
    /// # Errors
    /// Code `bad_checkpoint` where it does not fit `T`; `database`, `disk_full`, `io`.
    pub async fn restore<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        self.attempt.take_over().await?.as_deref().map(checkpoint::decode).transpose()
    }

    /// For a task that cannot use what [`Ctx::restore`] found, because something it refers to is gone: says so in the
    /// log, and neither the place nor the warnings of the earlier attempt count any longer.
    pub fn begin_anew(&self) {
        self.attempt.tracker.begin_anew();
        self.log(Level::Warn, "the work of an earlier attempt is gone; starting over");
    }

    /// Whether it is time for a checkpoint: a second (see
    /// [`Builder::checkpoint_every`](crate::Builder::checkpoint_every)) has passed since the last one, or since the
    /// attempt began. Cheap.
    pub fn is_checkpoint_due(&self) -> bool {
        Instant::now() >= self.attempt.checkpoints.due_at()
    }

    /// Waits until it is time for a checkpoint.
    pub async fn checkpoint_due(&self) {
        while !self.is_checkpoint_due() {
            sleep_until(self.attempt.checkpoints.due_at()).await;
        }
    }

    /// A folder of this attempt's own for files that its checkpoints refer to; no folders in it. It stays when the
    /// attempt ends otherwise than well, if it has made a checkpoint. What a checkpoint refers to must not be changed
    /// after it, only be added to: the next attempt, which begins with copies, may make them while this one still
    /// writes, not knowing that it has been given up.
    ///
    /// # Errors
    /// Codes `disk_full`, `io`.
    pub async fn work_folder(&self) -> Result<PathBuf, TaskError> {
        self.attempt.make_work_folder().await
    }

    /// Runs `work` on the bounded blocking pool. A panic in it becomes the attempt's panic.
    ///
    /// Work that still waits for a thread when the job is cancelled is not begun. Work that is handed in after that
    /// (to clear away what was half done) is.
    ///
    /// # Errors
    /// What `work` answers; `TaskError::Cancelled` if it was not begun.
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

    /// Runs `work` on a thread of its own, for what holds one for its whole length. It counts as blocking work: until
    /// it has returned, the attempt has not ended, whatever its future has answered.
    ///
    /// # Errors
    /// Those of the system, where there can be no further thread.
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

    /// How many threads the blocking pool has.
    pub fn parallelism(&self) -> usize {
        self.attempt.shared.pool.threads()
    }

    /// Runs `item` for every item, at most `concurrency` at once, each its own future; sets the total to their number
    /// (`unit`), advances per item, turns errors into counted warnings. A panic in one fails that item alone. Stops
    /// taking items once cancelled. Outcomes come in the order of `items`.
    ///
    /// # Errors
    /// `TaskError::Cancelled` once cancelled and the items in hand have ended.
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

    /// The rest of a [batch](Self::batch), of which an earlier attempt has done `done` items; `items` are the others.
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

    /// The folder behind an input path, held open: nothing outside the roots is reached through it.
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots; `not_a_folder`.
    pub fn open_folder(&self, path: &RootedPath) -> Result<RootedFolder, TaskError> {
        RootedFolder::open(&self.resolve(path)?).map_err(|error| match error.kind() {
            ErrorKind::NotADirectory => {
                let message = format!("{} is not a folder; choose the folder it lies in", path.0);
                TaskError::fatal("not_a_folder", message)
            }
            _ => cannot_open(path, &error),
        })
    }

    /// The regular file behind an input path, opened, and its real path.
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots; `not_a_file` for folders, pipes and devices.
    pub fn open_file(&self, path: &RootedPath) -> Result<(File, PathBuf), TaskError> {
        let real = self.resolve(path)?;
        match open_real_file(&real) {
            Ok(file) => Ok((file, real)),
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let message = format!("{} is not a regular file; name the file itself", path.0);
                Err(TaskError::fatal("not_a_file", message))
            }
            Err(error) => Err(cannot_open(path, &error)),
        }
    }

    /// The real path behind an input path, symlinks resolved, inside a root when it was looked at. For programs that
    /// open it themselves; a task reads what [`Ctx::open_folder`] and [`Ctx::open_file`] open.
    ///
    /// # Errors
    /// Code `path`, with a sentence that names the path and the roots.
    pub fn resolve(&self, path: &RootedPath) -> Result<PathBuf, TaskError> {
        self.attempt.shared.roots.resolve(path).map_err(|error| TaskError::fatal("path", error.to_string()))
    }

    /// An uploaded file of the input.
    ///
    /// # Errors
    /// Code `no_such_upload`, or `io`.
    pub async fn upload(&self, upload: &UploadRef) -> Result<Upload, TaskError> {
        self.attempt.shared.uploads.get(&upload.0).await.map_err(|error| match error {
            Error::NoSuchUpload(_) => TaskError::fatal("no_such_upload", error.to_string()),
            error => TaskError::retry("io", error.to_string()).caused_by(&error),
        })
    }

    /// A folder of this attempt's own for temporary files; removed when the attempt ends.
    ///
    /// # Errors
    /// Codes `disk_full`, `io`.
    pub async fn scratch(&self) -> Result<PathBuf, TaskError> {
        self.attempt.make_scratch().await
    }

    /// What this attempt may write to the disk. Every file that a task writes takes its bytes from it, so that the
    /// database always finds room.
    pub fn budget(&self) -> &WriteBudget {
        &self.attempt.budget
    }

    /// The database of imported tables.
    pub fn imports(&self) -> PathBuf {
        self.attempt.shared.data.imports()
    }

    /// By which the programs that this attempt starts are known: to be set in their environment.
    pub fn mark(&self) -> Mark {
        Mark::of_attempt(&self.attempt.fence)
    }

    /// Records a group of processes that this attempt has started, and returns once that is durable. If this process
    /// should die, the others end the group. It must not do anything before.
    ///
    /// # Errors
    /// `TaskError::Cancelled` where the attempt has lost its job to another one; codes `database`, `disk_full`.
    pub async fn record_group(&self, group: Group) -> Result<(), TaskError> {
        let shared = &self.attempt.shared;
        match shared.store.record_process_group(self.attempt.fence.clone(), group, &shared.node.kernel).await {
            Ok(()) => Ok(()),
            Err(Error::Fenced | Error::NoSuchJob(_)) => Err(TaskError::Cancelled),
            Err(error @ Error::Full) => Err(TaskError::disk_full("recording the processes of the job", &error)),
            Err(error) => Err(TaskError::retry("database", error.to_string()).caused_by(&error)),
        }
    }

    /// Deletes the record of a group that has ended. If that fails, a later search for its processes finds none.
    pub async fn forget_group(&self, group: Group) {
        let Fence { worker, job, .. } = &self.attempt.fence;
        if let Err(error) = self.attempt.shared.store.delete_process_group(worker, group).await {
            tracing::warn!(%job, %group, %error, "cannot forget a group of processes that has ended; it is harmless");
        }
    }

    /// How long the task may take to stop once it should.
    pub fn cancel_grace(&self) -> Duration {
        self.attempt.shared.cancel_grace
    }
}

fn cannot_open(path: &RootedPath, error: &std::io::Error) -> TaskError {
    TaskError::fatal("path", format!("the path {} cannot be opened: {error}", path.0)).caused_by(error)
}

/// Blocking work counted as in flight until this is dropped, wherever that happens.
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
