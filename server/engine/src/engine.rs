//! The engine: starts, cancels, retries, pauses and reads jobs, and shuts down gracefully.

pub(crate) mod builder;
pub(crate) mod queues;
pub mod schedules;
pub(crate) mod wait_estimate;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use model::{AttemptNo, JobId, JobState, JobView, Micros};
use serde_json::Value;
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    Builder, Curve, DataDir, Error, Health, OrphanFiles, Result, Roots, StartOptions, TaskInfo, Uploads,
    attempt::run,
    nodes::node_lock::NodeLock,
    reports::Reports,
    shared::Shared,
    store::{Artifact, Attribution, CancelOutcome, JobDetail, PauseOutcome, Store},
    task::{acceptance::checked, validate::Sender},
};

/// At shutdown, time for a claim in progress to return …
const LAST_CLAIM: Duration = Duration::from_secs(1);
/// … for a task that was asked to stop, before it is dropped …
const STOP: Duration = Duration::from_secs(2);
/// … for a dropped task to go …
const DROP: Duration = Duration::from_secs(1);
/// … and for everything after the grace. The store gets the rest of it for the last writes.
const LAST_STEPS: Duration = Duration::from_secs(5);

/// A running engine. Cheap to clone. Dropping the last clone stops new jobs from starting; [`Engine::shutdown`] is the
/// graceful way.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reports: Arc<Reports>,
    _work: Arc<Work>,
}

/// Stops the engine's background work when the last handle is dropped.
struct Work {
    shared: Arc<Shared>,
    _lock: NodeLock,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.shared.health.expect_ends();
        self.shared.stopping.raise();
        self.shared.close();
    }
}

impl Engine {
    /// A builder for an engine on the data directory `data`, which is created if missing.
    pub fn builder(data: impl Into<PathBuf>) -> Builder {
        Builder::new(data.into())
    }

    pub(crate) fn new(shared: Arc<Shared>, reports: Arc<Reports>, lock: NodeLock) -> Self {
        Self { _work: Arc::new(Work { shared: Arc::clone(&shared), _lock: lock }), shared, reports }
    }

    /// Checks the input (every fault at once, `Error::InvalidInput`) and accepts the job. It is durable on return.
    /// If an unfinished job has the same unique key, or a job was started under the same idempotency key, returns that
    /// job.
    ///
    /// # Errors
    /// `Error::UnknownKind`, `Error::InvalidInput`, `Error::ShuttingDown`, `Error::Full`, `Error::Database`;
    /// `Error::Conflict` for an idempotency key that was used for another kind or input.
    pub async fn start(&self, kind: &str, input: Value, options: StartOptions) -> Result<JobId> {
        let shared = &self.shared;
        if shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        let job = checked(shared, kind, input, Sender::Program, options).await?;
        let scheduled = job.run_at.is_some();
        let accepted = shared.store.enqueue(job).await?;
        if scheduled {
            shared.rescheduled.notify_one();
        }
        Ok(accepted)
    }

    /// Cancels a waiting job; asks a running one to stop; has no effect on an ended one.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Database`. A job that is over or was already cancelled is not an error.
    pub async fn cancel(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<CancelOutcome> {
        // The process that runs the job, this or another one, receives the event.
        self.shared.store.request_cancel(job, &by.into()).await
    }

    /// Queues the next attempt of a failed, cancelled or interrupted job.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Conflict`, `Error::UnknownKind` (it could never run), `Error::ShuttingDown`.
    pub async fn retry(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<AttemptNo> {
        if self.shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        let found = self.shared.store.job(job).await?;
        check_runs_here(&found)?;
        self.shared.registry.get(&found.kind)?;
        self.shared.store.retry(job, &by.into()).await
    }

    /// Pauses a waiting job; asks a running one to pause at its next checkpoint.
    ///
    /// # Errors
    /// `Error::NoSuchJob`; `Error::Conflict` if it runs and its task makes no checkpoints, or if it was already asked,
    /// is paused, or is over.
    pub async fn pause(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<PauseOutcome> {
        let found = self.shared.store.job(job).await?;
        check_runs_here(&found)?;
        let checkpoints = self.task(&found.kind).is_some_and(|task| task.checkpoints);
        if found.state == JobState::Running && !checkpoints {
            return Err(Error::Conflict {
                code: "no_checkpoints",
                message: format!(
                    "job #{job} is running, and its task makes no checkpoints at which it could be paused"
                ),
                state: found.state,
            });
        }
        self.shared.store.pause(job, &by.into()).await
    }

    /// Resumes a paused job: it is queued, or scheduled if its time has not come. Withdraws the pause request of a
    /// running job.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Conflict` if it is not paused, `Error::ShuttingDown`.
    pub async fn resume(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<()> {
        if self.shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        self.shared.store.resume(job, &by.into()).await?;
        // It may be scheduled.
        self.shared.rescheduled.notify_one();
        Ok(())
    }

    /// Queues a scheduled job, or one that waits for its next attempt, now.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Conflict` if it is not scheduled, `Error::ShuttingDown`.
    pub async fn start_now(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<()> {
        if self.shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        self.shared.store.start_now(job, &by.into()).await
    }

    /// Removes an ended job with its log and files.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Conflict` if it has not ended.
    pub async fn delete(&self, job: JobId, by: impl Into<Attribution> + Send) -> Result<()> {
        let by = by.into();
        self.shared.store.delete(job, &by).await?;
        tracing::info!(%job, by = &*by.name, "job deleted");
        self.shared.remove_files(job).await;
        Ok(())
    }

    /// All registered tasks, by name.
    pub fn catalogue(&self) -> &[TaskInfo] {
        self.shared.registry.catalogue()
    }

    /// The task of a kind.
    pub fn task(&self, kind: &str) -> Option<&TaskInfo> {
        self.shared.registry.find(kind).map(|entry| &entry.info)
    }

    /// One job, with its newest progress from memory.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::Database`.
    pub async fn job(&self, job: JobId) -> Result<JobView> {
        let mut view = self.shared.store.job(job).await?;
        self.freshen(std::slice::from_mut(&mut view));
        Ok(view)
    }

    /// All details of one job, with its newest progress from memory.
    pub async fn detail(&self, job: JobId) -> Result<JobDetail> {
        let mut detail = self.shared.store.detail(job).await?;
        if let Some(attempt) = self.shared.live.find(job).filter(|_| !detail.view.state.is_terminal()) {
            attempt.freshen(&mut detail.view);
            detail.stage_seconds = attempt.stage_seconds();
        }
        Ok(detail)
    }

    /// The progress curve of an attempt; `None` if it ended at once or has just begun.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn curve(&self, job: JobId, attempt: AttemptNo) -> Result<Option<Curve>> {
        let live = self.shared.live.find(job).filter(|live| live.fence.attempt == attempt);
        match live.and_then(|live| live.curve()) {
            Some(curve) => Ok(Some(curve)),
            None => self.shared.store.curve(job, attempt).await,
        }
    }

    /// Updates the progress of running jobs from memory.
    pub fn freshen(&self, views: &mut [JobView]) {
        for view in views.iter_mut().filter(|view| !view.state.is_terminal()) {
            if let Some(attempt) = self.shared.live.find(view.job) {
                attempt.freshen(view);
            }
        }
    }

    /// The store: for reading, and for sessions.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The uploads.
    pub fn uploads(&self) -> &Uploads {
        &self.shared.uploads
    }

    /// The folders tasks may read.
    pub fn roots(&self) -> &Roots {
        &self.shared.roots
    }

    /// The data directory.
    pub fn data_dir(&self) -> &DataDir {
        &self.shared.data
    }

    /// How long a task may take to stop.
    pub fn cancel_grace(&self) -> Duration {
        self.shared.cancel_grace
    }

    /// Concurrent jobs of all processes together.
    pub fn concurrency(&self) -> u32 {
        self.shared.node.concurrency.saturating_add(self.shared.other_nodes.slots())
    }

    /// Orphan files that the latest sweep found.
    pub fn orphan_files(&self) -> OrphanFiles {
        self.shared.orphans.counts()
    }

    /// Free bytes of the disk of the data directory; `None` if the system does not say.
    pub fn free_space(&self) -> Option<u64> {
        self.shared.disk.free().ok()
    }

    /// Whether the disk is so full that no job starts.
    pub fn is_disk_full(&self) -> bool {
        self.shared.disk.is_short()
    }

    /// Moves the write-ahead log into `milepost.db`, so that this file alone is a complete copy; part of
    /// [`Engine::shutdown`]. If other processes prevent that, the rest stays in `milepost.db-wal`.
    pub async fn consolidate(&self) {
        let store = Arc::clone(&self.shared.store);
        match spawn_blocking(move || store.consolidate()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::info!(%error, "cannot move the write-ahead log into the database"),
        }
    }

    /// Health of its threads and service tasks: whether they are alive, and whether writes succeed.
    pub fn health(&self) -> &Arc<Health> {
        &self.shared.health
    }

    /// The engine's wall clock.
    pub fn now(&self) -> Micros {
        self.shared.clock.now()
    }

    /// An artifact and the path of its file, which has the same size as when the job ended.
    ///
    /// # Errors
    /// `Error::NoSuchJob`, `Error::NoSuchArtifact`; `Error::DamagedArtifact` if the file is missing or has another
    /// size.
    pub async fn artifact(&self, job: JobId, name: &str) -> Result<(Artifact, PathBuf)> {
        let artifacts = self.shared.store.artifacts(job).await?;
        let artifact = artifacts.into_iter().find(|artifact| artifact.name == name);
        let artifact = artifact.ok_or_else(|| Error::NoSuchArtifact(job, name.to_owned()))?;
        let path = self.shared.data.attempt(job, artifact.attempt).join(&artifact.name);
        let size = tokio::fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        if size == Some(artifact.size) {
            return Ok((artifact, path));
        }
        tracing::error!(%job, path = %path.display(), expected = artifact.size, found = size, "an artifact is damaged");
        Err(Error::DamagedArtifact { job, name: artifact.name, expected: artifact.size, found: size })
    }

    /// Graceful shutdown: stops claiming, waits `grace` for running tasks, asks the rest to stop
    /// ([`StopReason::Shutdown`](crate::StopReason)), and releases their jobs to their place in the queue, uncharged.
    /// Takes at most 5 s longer than `grace`.
    ///
    /// The process should end afterwards: a task that still runs is released too, and ends with the process. An attempt
    /// that has ended and still removes files is waited for. Writes that do not finish in that time, because the
    /// database is locked or its disk is full or slow, are lost, and the next process finds those jobs interrupted. At
    /// the end all data is in `milepost.db`, unless another process has it open.
    pub async fn shutdown(&self, grace: Duration) {
        let shared = &self.shared;
        let begun = Instant::now();
        let left_of = |span: Duration| span.saturating_sub(begun.elapsed());
        shared.health.expect_ends();
        shared.stopping.raise();
        // Their work goes on elsewhere, and the next server adopts them.
        self.reports.detach();
        // A waiting claim would take released jobs again.
        let _ = timeout(LAST_CLAIM, shared.dispatched.raised()).await;
        let ended_in_time = timeout(left_of(grace), shared.live.emptied()).await.is_ok();
        shared.leaving.raise();
        if !ended_in_time {
            for attempt in shared.live.all() {
                attempt.stop.raise();
            }
            if timeout(STOP, shared.live.emptied()).await.is_err() {
                for attempt in shared.live.all() {
                    attempt.dropped.raise();
                }
                let _ = timeout(DROP, shared.live.emptied()).await;
            }
        }
        if timeout(left_of(grace + LAST_STEPS), self.last_words()).await.is_err() {
            tracing::error!("the database or the disk does not answer; the jobs that still run will be interrupted");
        }
        shared.close();
    }

    /// Settles the attempts that do not stop, and removes this process from the list of nodes.
    async fn last_words(&self) {
        let shared = &self.shared;
        // A reported job goes on elsewhere; one may have begun after the others were detached.
        let own = shared.live.all().into_iter().filter(|attempt| attempt.report_log.is_none());
        join_all(own.map(|attempt| async move { run::cut_short(&attempt).await })).await;
        if let Err(error) = shared.store.flush().await {
            tracing::error!(%error, "cannot store the last progress and log lines");
        }
        // Closed first: the liveness thread would register this process again.
        shared.close();
        if let Err(error) = shared.store.unregister(&shared.node.worker).await {
            tracing::warn!(%error, "cannot remove this process from the list of nodes; others will find it dead");
        }
        self.consolidate().await;
    }
}

/// Refuses what only the program that reports a job can do.
pub(crate) fn check_runs_here(job: &JobView) -> Result<()> {
    let Some(host) = &job.reported_from else { return Ok(()) };
    let place = if host.is_empty() { "elsewhere".to_owned() } else { format!("on {host}") };
    Err(Error::Conflict {
        code: "runs_elsewhere",
        message: format!("job #{} is reported by a program {place}; start it there again", job.job),
        state: job.state,
    })
}
