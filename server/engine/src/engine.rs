//! The engine as its host program sees it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use model::{AttemptNo, JobId, JobView, Micros};
use serde_json::Value;

use crate::{
    Clock, DataDir, Listener, Result, Roots, Task, TaskInfo, Uploads,
    store::{Artifact, CancelAnswer, Store},
};

/// Collects what an engine needs.
pub struct Builder {}

impl Builder {
    /// Adds a task.
    ///
    /// # Panics
    /// If its kind is registered already: a mistake of the program.
    #[must_use]
    pub fn register<T: Task>(self, task: T) -> Self {
        let _ = task;
        self
    }

    /// Folders that tasks may read; without any, `DATA/files`, which is then created.
    #[must_use]
    pub fn roots(self, roots: Vec<PathBuf>) -> Self {
        let _ = roots;
        self
    }

    /// Who hears events and progress.
    #[must_use]
    pub fn listener(self, listener: Arc<dyn Listener>) -> Self {
        let _ = listener;
        self
    }

    /// Jobs at once, all kinds together; 1 to 10,000, 8 by default.
    #[must_use]
    pub fn concurrency(self, jobs: u32) -> Self {
        let _ = jobs;
        self
    }

    /// Threads for blocking work; by default as many as the machine has cores.
    #[must_use]
    pub fn blocking_threads(self, threads: usize) -> Self {
        let _ = threads;
        self
    }

    /// How long a task may take to stop before it is dropped (async) or shown as not responding (blocking); 10 s by default.
    #[must_use]
    pub fn cancel_grace(self, grace: Duration) -> Self {
        let _ = grace;
        self
    }

    /// The largest upload, bytes; 2 GiB by default.
    #[must_use]
    pub fn upload_limit(self, bytes: u64) -> Self {
        let _ = bytes;
        self
    }

    /// The wall clock; the machine's by default.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        let _ = clock;
        self
    }

    /// The runtime that tasks run on; the current one by default.
    #[must_use]
    pub fn tasks_on(self, runtime: tokio::runtime::Handle) -> Self {
        let _ = runtime;
        self
    }

    /// The database's size limit in pages of 4 KiB, for tests of a full disk.
    #[must_use]
    pub fn max_page_count(self, pages: u32) -> Self {
        let _ = pages;
        self
    }

    /// Opens the store (migrating it), settles the jobs of dead processes, and starts to work.
    pub async fn open(self) -> Result<Engine> {
        unimplemented!()
    }
}

/// How a job is started.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Who starts it; `local` without accounts.
    pub by: String,
    /// Not before this.
    pub run_at: Option<Micros>,
    /// The job it repeats.
    pub rerun_of: Option<JobId>,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {}

impl Engine {
    /// Begins one in `data`, which is created if need be.
    pub fn builder(data: impl Into<PathBuf>) -> Builder {
        let _ = data.into();
        unimplemented!()
    }

    /// Checks the input (every fault at once, `Error::InvalidInput`) and accepts the job. It is durable on return.
    pub async fn start(&self, kind: &str, input: Value, options: StartOptions) -> Result<JobId> {
        let _ = (kind, input, options);
        unimplemented!()
    }

    /// Cancels what waits, asks what runs; never harms what is over.
    pub async fn cancel(&self, job: JobId, by: &str) -> Result<CancelAnswer> {
        let _ = (job, by);
        unimplemented!()
    }

    /// Tries a failed, cancelled or interrupted job again, as its next attempt.
    pub async fn retry(&self, job: JobId, by: &str) -> Result<AttemptNo> {
        let _ = (job, by);
        unimplemented!()
    }

    /// Removes an ended job with its log and files.
    pub async fn delete(&self, job: JobId, by: &str) -> Result<()> {
        let _ = (job, by);
        unimplemented!()
    }

    /// All registered tasks, by name.
    pub fn catalogue(&self) -> &[TaskInfo] {
        unimplemented!()
    }

    /// One of them.
    pub fn task(&self, kind: &str) -> Option<&TaskInfo> {
        let _ = kind;
        unimplemented!()
    }

    /// One job, with its progress as fresh as memory has it.
    pub async fn job(&self, job: JobId) -> Result<JobView> {
        let _ = job;
        unimplemented!()
    }

    /// Brings the progress of running jobs up to what memory has.
    pub fn freshen(&self, views: &mut [JobView]) {
        let _ = views;
    }

    /// Everything that is kept: for reading, and for sessions.
    pub fn store(&self) -> &Arc<dyn Store> {
        unimplemented!()
    }

    /// Uploads.
    pub fn uploads(&self) -> &Uploads {
        unimplemented!()
    }

    /// The folders tasks may read.
    pub fn roots(&self) -> &Roots {
        unimplemented!()
    }

    /// What lies where.
    pub fn data_dir(&self) -> &DataDir {
        unimplemented!()
    }

    /// How long a task may take to stop.
    pub fn cancel_grace(&self) -> Duration {
        unimplemented!()
    }

    /// Jobs at once.
    pub fn concurrency(&self) -> u32 {
        unimplemented!()
    }

    /// The engine's wall clock.
    pub fn now(&self) -> Micros {
        unimplemented!()
    }

    /// An artifact and the file behind it.
    pub async fn artifact(&self, job: JobId, name: &str) -> Result<(Artifact, PathBuf)> {
        let _ = (job, name);
        unimplemented!()
    }

    /// Stops claiming, waits `grace` for running tasks, cancels the rest and hands it back uncharged.
    pub async fn shutdown(&self, grace: Duration) {
        let _ = grace;
        unimplemented!()
    }
}
