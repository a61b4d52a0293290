//! What a running task sees of the engine.

use std::path::PathBuf;

use model::{AttemptNo, JobId, Level, Tone};
use serde::Serialize;

use crate::{Result, RootedPath, TaskError, Upload, UploadRef};

/// A running attempt's handle: reports go in, the wish to stop comes out. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Ctx {}

impl Ctx {
    /// Whose attempt this is.
    pub fn job(&self) -> JobId {
        unimplemented!()
    }

    /// Which attempt.
    pub fn attempt(&self) -> AttemptNo {
        unimplemented!()
    }

    /// Enters stage `index` (zero-based, only forward); value and total start anew.
    pub fn stage(&self, index: usize) {
        let _ = index;
    }

    /// All the work of this stage, in `unit`: `B` for bytes (shown as sizes), else a plural noun such as `rows`.
    pub fn total(&self, total: u64, unit: &'static str) {
        let _ = (total, unit);
    }

    /// The unit alone, where the total is not known.
    pub fn unit(&self, unit: &'static str) {
        let _ = unit;
    }

    /// Adds work done. One relaxed atomic add.
    pub fn advance(&self, by: u64) {
        let _ = by;
    }

    /// Sets the work done in this stage.
    pub fn set(&self, value: u64) {
        let _ = value;
    }

    /// One line for people on what is being done now.
    pub fn message(&self, text: impl Into<String>) {
        let _ = text.into();
    }

    /// The same, with a colour.
    pub fn message_toned(&self, tone: Tone, text: impl Into<String>) {
        let _ = (tone, text.into());
    }

    /// Free data for scripts that watch, at most 8 KiB of JSON.
    ///
    /// # Errors
    /// A failed task error with code `data_too_large` above that.
    pub fn data(&self, data: &impl Serialize) -> Result<(), TaskError> {
        let _ = data;
        Ok(())
    }

    /// A line for the log.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        let _ = (level, text.into());
    }

    /// Counts a warning and logs it.
    pub fn warn(&self, text: impl Into<String>) {
        let _ = text.into();
    }

    /// Whether the task should stop. Cheap; ask it in every loop.
    pub fn is_cancelled(&self) -> bool {
        unimplemented!()
    }

    /// `Err(TaskError::Cancelled)` once the task should stop: `ctx.check()?`.
    pub fn check(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::Cancelled) } else { Ok(()) }
    }

    /// Waits until the task should stop.
    pub async fn cancelled(&self) {
        unimplemented!()
    }

    /// Runs `work` on the bounded blocking pool. A panic in it becomes the attempt's panic.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TaskError> + Send + 'static,
    ) -> Result<T, TaskError> {
        let _ = work;
        unimplemented!()
    }

    /// How many threads the blocking pool has.
    pub fn parallelism(&self) -> usize {
        unimplemented!()
    }

    /// Runs `item` for every item, at most `concurrency` at once, each its own future; sets the total to their number
    /// (`unit`), advances per item, turns errors into counted warnings. A panic in one fails that item alone. Stops
    /// taking items once cancelled. Outcomes come in the order of `items`.
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
        let _ = (items, concurrency, unit, item);
        unimplemented!()
    }

    /// Starts a file that people can download once the attempt has ended. `name` has no path separators.
    pub async fn artifact(&self, name: &str) -> Result<ArtifactWriter, TaskError> {
        let _ = name;
        unimplemented!()
    }

    /// The real path behind an input path, symlinks resolved, certainly inside a root.
    pub fn resolve(&self, path: &RootedPath) -> Result<PathBuf, TaskError> {
        let _ = path;
        unimplemented!()
    }

    /// An uploaded file of the input.
    pub async fn upload(&self, upload: &UploadRef) -> Result<Upload, TaskError> {
        let _ = upload;
        unimplemented!()
    }

    /// A folder of this attempt's own for temporary files; removed when the attempt ends.
    pub async fn scratch(&self) -> Result<PathBuf, TaskError> {
        unimplemented!()
    }

    /// The database of imported tables.
    pub fn imports(&self) -> PathBuf {
        unimplemented!()
    }
}

/// A file in the making. Dropped without [`ArtifactWriter::finish`], it is removed.
pub struct ArtifactWriter {}

impl ArtifactWriter {
    /// Where it is being written, for code that wants a path (a blocking writer of its own).
    pub fn path(&self) -> &std::path::Path {
        unimplemented!()
    }

    /// Appends.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        let _ = bytes;
        unimplemented!()
    }

    /// Flushes and syncs; it becomes visible when the attempt ends. Answers its size in bytes.
    pub async fn finish(self) -> Result<u64, TaskError> {
        unimplemented!()
    }
}

/// What became of a batch.
pub struct Batch<I, T> {
    /// One per item that was taken, in order.
    pub items: Vec<ItemOutcome<I, T>>,
    /// How many failed.
    pub failed: u64,
}

/// One item of a batch.
pub struct ItemOutcome<I, T> {
    /// The item.
    pub item: I,
    /// Its result, or its error's code and message.
    pub result: Result<T, model::Failure>,
}
