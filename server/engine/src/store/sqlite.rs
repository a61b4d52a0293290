//! The store in one `SQLite` file: one writer with group commit, a pool of readers.
//!
//! | module | contents |
//! |---|---|
//! | `open` | connections, pragmas, version checks, migrations |
//! | `backend` | the connection that writes, behind the writer of `store::writing` |
//! | `files` | checks that the files are still there; explains their errors |
//! | `feed` | notifies the listener of each event once, in order, whichever process wrote it |
//! | `watcher` | the thread that notices writes of other processes |
//! | `transaction` `statement` | one write transaction: ledger, events, counters; one statement of it |
//! | `enqueue` `claim` `finish` `checkpoint` `buffered` | the commands that come by the thousand |
//! | `job_commands` `pause` `controls` `messages` `uploads` `schedules` | commands of users, one at a time |
//! | `reports` | runs of reported jobs |
//! | `nodes` `dead_workers` `due_jobs` `process_groups` `declared_rules` | commands of workers |
//! | `accounts` | users, sessions, tokens, the audit log |
//! | `prune` `upkeep` | removes ended jobs; trims events, removes logs of deleted jobs |
//! | `backup` | copies the database while it is in use |
//! | `read` | queries |
//!
//! sqlx migrates and reads. The writer is a thread of its own already, so it calls `SQLite` directly, through rusqlite,
//! which is linked with the same library: sqlx would send each statement to one more thread and wait for its answer.

mod accounts;
mod backend;
mod backup;
mod buffered;
mod checkpoint;
mod claim;
mod controls;
mod dead_workers;
mod declared_rules;
mod due_jobs;
mod enqueue;
mod error;
mod feed;
mod files;
mod finish;
mod job_commands;
mod messages;
mod migrations;
mod nodes;
mod open;
mod pause;
mod process_groups;
mod prune;
mod read;
mod reports;
mod row;
mod schedules;
mod statement;
mod transaction;
mod upkeep;
mod uploads;
mod watcher;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use model::{
    AttemptNo, ControlTarget, Counts, Cursor, JobId, JobState, JobView, LogLine, MessageEvent, Micros, Progress,
    QueueControl, Seq, Snapshot,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::open::is_new as is_new_database;
use self::{backend::SqliteBackend, feed::Feed, read::Reader, watcher::Watcher};
use super::{
    Activity, Artifact, AttemptRow, Attribution, CancelOutcome, Checkpoint, CheckpointOutcome, Claim, Claimed,
    ControlChange, DeclaredRule, DurableEvent, Fence, Finish, FirstSteps, HourBucket, JobDetail, JobText, KindStats,
    ListQuery, LogAppend, LogPage, LogQuery, MessagePage, NewJob, NewMessage, Node, Page, PastRun, PauseOutcome,
    Prunable, Pruned, PrunedUploads, SaveCheckpoint, SentMessage, Store, Topics, UploadQuota, UploadRow, Usage,
    WorkerId, writing::Writer,
};
use crate::{
    Clock, Curve, Health, Listener, Result, SystemClock,
    files::disk::Disk,
    processes::{Group, GroupRow},
    types::visibility::Visibility,
};

/// How the `SQLite` store is opened.
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// The database of imported tables, whose size [`Store::usage`] reports; it is never opened.
    pub imports: Option<PathBuf>,
    /// The clock of all records.
    pub clock: Arc<dyn Clock>,
    /// Receives every committed event.
    pub listener: Option<Arc<dyn Listener>>,
    /// How other processes that work on the same file are watched; `None` without other processes.
    pub others: Option<OtherProcesses>,
    /// Connections for reads, at least 1.
    pub readers: u32,
    /// The largest size of the database, in pages of 4 KiB; for tests of a full disk.
    pub max_page_count: Option<u32>,
    /// The disk with the reserve of the database; `None` for a store without one.
    pub disk: Option<Arc<Disk>>,
    /// Whether an older schema is migrated; if not, it is refused.
    pub migrate: bool,
    /// Supervises the store's threads.
    pub health: Arc<Health>,
}

/// How a store watches other processes that work on the same file. It publishes their events within 60 ms.
#[derive(Clone, Debug)]
pub struct OtherProcesses {
    /// This process.
    pub own: WorkerId,
    /// Whether the progress of their jobs is published, too.
    pub progress: bool,
}

impl SqliteOptions {
    /// The system clock, no listener, no other process, four readers, no limit, with migration.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            imports: None,
            clock: Arc::new(SystemClock),
            listener: None,
            others: None,
            readers: 4,
            max_page_count: None,
            disk: None,
            migrate: true,
            health: Arc::default(),
        }
    }
}

/// The store in one `SQLite` file. Dropping it commits the buffered writes and closes the file.
pub struct SqliteStore {
    writer: Writer<SqliteBackend>,
    reader: Reader,
    path: PathBuf,
    /// Ends with the store.
    _watcher: Option<Watcher>,
}

impl SqliteStore {
    const fn writer(&self) -> &Writer<SqliteBackend> {
        &self.writer
    }

    const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Opens the file, and creates or migrates it if `migrate` is set.
    ///
    /// # Errors
    /// `Unusable` for a `SQLite` older than 3.51.3 or a schema newer than this build; `NotReady` if `migrate` is off
    /// and the file is missing or its schema behind; `Damaged`, `ReadOnly`, `Full` and `Database`.
    pub async fn open(options: SqliteOptions) -> Result<Self> {
        let path = options.path.clone();
        Self::open_files(options).await.map_err(|error| files::explain(&path, error))
    }

    async fn open_files(options: SqliteOptions) -> Result<Self> {
        let connection = open::writer(&options).await?;
        let reader = Reader::open(&options).await?;
        let feed = Feed::new(&connection, options.listener.clone(), options.others.clone())?;
        let published = feed.published();
        let backend = SqliteBackend::new(connection, &options, feed);
        let writer = Writer::start(backend, Arc::clone(&options.health))?;
        let watcher = match options.others.clone() {
            Some(others) => Some(Watcher::start(&options, others, published, writer.waker())?),
            None => None,
        };
        Ok(Self { writer, reader, path: options.path, _watcher: watcher })
    }
}

/// The version of the linked `SQLite`.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

#[async_trait]
impl Store for SqliteStore {
    async fn enqueue(&self, job: NewJob) -> Result<JobId> {
        self.writer.enqueue(job).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>> {
        self.writer.claim(claim).await
    }

    fn save_curves(&self, curves: Vec<(Fence, Curve)>) {
        self.writer.buffer(|buffered| buffered.save_curves(curves));
    }

    fn save_progress(&self, saves: Vec<(Fence, Progress)>) {
        self.writer.buffer(|buffered| buffered.save_progress(saves));
    }

    fn append_logs(&self, appends: Vec<LogAppend>) {
        self.writer.buffer(|buffered| buffered.append_logs(appends));
    }

    async fn save_checkpoint(&self, save: SaveCheckpoint) -> Result<CheckpointOutcome> {
        self.writer.save_checkpoint(save).await
    }

    async fn finish(&self, finish: Finish) -> Result<JobView> {
        self.writer.finish(finish).await
    }

    async fn mark_not_responding(&self, fence: Fence) -> Result<()> {
        self.writer.run(job_commands::MarkNotResponding { fence }).await
    }

    async fn request_cancel(&self, job: JobId, by: &Attribution) -> Result<CancelOutcome> {
        self.writer.run(job_commands::RequestCancel { job, by: by.clone() }).await
    }

    async fn pause(&self, job: JobId, by: &Attribution) -> Result<PauseOutcome> {
        self.writer.run(pause::Pause { job, by: by.clone() }).await
    }

    async fn resume(&self, job: JobId, by: &Attribution) -> Result<()> {
        self.writer.run(pause::Resume { job, by: by.clone() }).await
    }

    async fn retry(&self, job: JobId, by: &Attribution) -> Result<AttemptNo> {
        self.writer.run(job_commands::Retry { job, by: by.clone() }).await
    }

    async fn dismiss(&self, jobs: Vec<JobId>, by: &Attribution) -> Result<usize> {
        self.writer.run(job_commands::Dismiss { jobs, by: by.clone() }).await
    }

    async fn start_now(&self, job: JobId, by: &Attribution) -> Result<()> {
        self.writer.run(job_commands::StartNow { job, by: by.clone() }).await
    }

    async fn delete(&self, job: JobId, by: &Attribution) -> Result<()> {
        self.writer.run(job_commands::Delete { job, by: by.clone() }).await
    }

    async fn change_control(
        &self,
        of: ControlTarget,
        name: &str,
        change: ControlChange,
        by: &Attribution,
    ) -> Result<()> {
        self.writer.run(controls::ChangeControl { of, name: name.to_owned(), change, by: by.clone() }).await
    }

    async fn send_message(&self, message: NewMessage) -> Result<SentMessage> {
        self.writer.run(message).await
    }

    async fn prune(&self, what: Prunable, jobs: Vec<(JobId, Micros)>, time_limit: Duration) -> Result<Pruned> {
        self.writer.run(prune::Prune { what, jobs, time_limit }).await
    }

    async fn prune_uploads(&self, uploads: Vec<String>, before: Micros, time_limit: Duration) -> Result<PrunedUploads> {
        self.writer.run(prune::PruneUploads { uploads, before, time_limit }).await
    }

    async fn settle(&self, dead: &[WorkerId]) -> Result<Vec<JobId>> {
        self.writer.run(dead_workers::Settle { dead: dead.to_vec() }).await
    }

    async fn workers_with_jobs(&self) -> Result<Vec<WorkerId>> {
        self.reader.workers_with_jobs().await
    }

    async fn held_attempts(&self, worker: &WorkerId) -> Result<BTreeSet<(JobId, AttemptNo)>> {
        self.reader.held_attempts(worker).await
    }

    async fn register(&self, node: Node) -> Result<()> {
        self.writer.run(nodes::Register { node }).await
    }

    async fn heartbeat(&self, worker: &WorkerId) -> Result<bool> {
        self.writer.run(nodes::Heartbeat { worker: worker.clone() }).await
    }

    async fn unregister(&self, worker: &WorkerId) -> Result<()> {
        self.writer.run(nodes::Unregister { worker: worker.clone() }).await
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        self.reader.nodes().await
    }

    async fn expire(&self, silent: &[Node]) -> Result<Vec<JobId>> {
        self.writer.run(nodes::Expire { silent: silent.to_vec() }).await
    }

    async fn record_process_group(&self, fence: Fence, group: Group, host_boot_id: &str) -> Result<()> {
        self.writer
            .run(process_groups::RecordProcessGroup { fence, group, host_boot_id: host_boot_id.to_owned() })
            .await
    }

    async fn delete_process_group(&self, worker: &WorkerId, group: Group) -> Result<()> {
        self.writer.run(process_groups::DeleteProcessGroup { worker: worker.clone(), group }).await
    }

    async fn process_groups(&self, workers: &[WorkerId]) -> Result<Vec<GroupRow>> {
        self.reader.process_groups(workers).await
    }

    async fn delete_process_groups(&self, workers: &[WorkerId]) -> Result<()> {
        self.writer.run(process_groups::DeleteProcessGroups { dead: workers.to_vec() }).await
    }

    async fn declare_rules(&self, rules: Vec<DeclaredRule>) -> Result<()> {
        self.writer.run(declared_rules::DeclareRules { rules }).await
    }

    async fn declared_rules(&self) -> Result<Vec<DeclaredRule>> {
        self.reader.declared_rules().await
    }

    async fn promote_due(&self, now: Micros) -> Result<Option<Micros>> {
        self.writer.run(due_jobs::PromoteDue { now }).await
    }

    async fn flush(&self) -> Result<()> {
        self.writer.flush().await
    }

    fn back_up(&self, into: &Path, stop: &CancellationToken) -> Result<()> {
        backup::copy(&self.path, into, stop)
    }

    fn consolidate(&self) -> Result<()> {
        open::consolidate(&self.path)
    }

    async fn position(&self) -> Result<Cursor> {
        self.reader.position().await
    }

    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)> {
        self.reader.snapshot(topics).await
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>> {
        self.reader.events_after(seq, limit).await
    }

    async fn job(&self, job: JobId) -> Result<JobView> {
        self.reader.job(job).await
    }

    async fn last_job(&self) -> Result<JobId> {
        self.reader.last_job().await
    }

    async fn existing(&self, jobs: &[JobId]) -> Result<BTreeSet<JobId>> {
        self.reader.existing(jobs).await
    }

    async fn detail(&self, job: JobId) -> Result<JobDetail> {
        self.reader.detail(job).await
    }

    async fn checkpoint(&self, job: JobId) -> Result<Option<Checkpoint>> {
        self.reader.checkpoint(job).await
    }

    async fn page(&self, query: &ListQuery) -> Result<Page> {
        self.reader.page(query).await
    }

    async fn counts(&self) -> Result<Counts> {
        self.reader.counts().await
    }

    async fn active_counts(&self) -> Result<BTreeMap<String, Counts>> {
        self.reader.active_counts().await
    }

    async fn controls(&self) -> Result<Vec<QueueControl>> {
        self.reader.controls().await
    }

    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>> {
        self.reader.attempts(job).await
    }

    async fn activity(&self, job: JobId, limit: u32) -> Result<Vec<Activity>> {
        self.reader.activity(job, limit).await
    }

    async fn messages(&self, visibility: &Visibility, before: Option<Seq>, limit: u32) -> Result<MessagePage> {
        self.reader.messages(visibility, before, limit).await
    }

    async fn notes(&self, job: JobId, limit: u32) -> Result<Vec<MessageEvent>> {
        self.reader.notes(job, limit).await
    }

    async fn job_text(&self, job: JobId, which: JobText, from: u64) -> Result<Vec<u8>> {
        self.reader.job_text(job, which, from).await
    }

    async fn log_from(&self, job: JobId, from: u64) -> Result<Vec<(u64, LogLine)>> {
        self.reader.log_from(job, from).await
    }

    async fn log(&self, job: JobId, query: &LogQuery) -> Result<LogPage> {
        self.reader.log(job, query).await
    }

    async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>> {
        self.reader.artifacts(job).await
    }

    async fn attention(&self, limit: u32, visibility: &Visibility) -> Result<Vec<JobView>> {
        self.reader.attention(limit, visibility).await
    }

    async fn matching_counts(&self, query: &ListQuery) -> Result<Counts> {
        self.reader.matching_counts(query).await
    }

    async fn finished_per_hour(&self, hours: u32) -> Result<Vec<HourBucket>> {
        self.reader.finished_per_hour(hours).await
    }

    async fn kind_stats(&self, visibility: &Visibility) -> Result<Vec<KindStats>> {
        self.reader.kind_stats(visibility).await
    }

    async fn recent_runs(&self, kind: &str) -> Result<Vec<PastRun>> {
        self.reader.recent_runs(kind).await
    }

    async fn curve(&self, job: JobId, attempt: AttemptNo) -> Result<Option<Curve>> {
        self.reader.curve(job, attempt).await
    }

    async fn stage_weights(&self, kind: &str) -> Result<Option<Vec<f64>>> {
        self.reader.stage_weights(kind).await
    }

    async fn prunable(
        &self,
        what: Prunable,
        ended_before: &[(JobState, Micros)],
        after: JobId,
        limit: u32,
    ) -> Result<Vec<(JobId, Micros)>> {
        self.reader.prunable(what, ended_before, after, limit).await
    }

    async fn prunable_uploads(&self, before: Micros, after: &str, limit: u32) -> Result<Vec<String>> {
        self.reader.prunable_uploads(before, after, limit).await
    }

    async fn is_upkeep_done(&self) -> Result<bool> {
        self.reader.is_upkeep_done().await
    }

    async fn first_steps(&self, first: &str, backup: &str) -> Result<Option<FirstSteps>> {
        self.reader.first_steps(first, backup).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.reader.usage().await
    }

    async fn save_upload(&self, upload: UploadRow, by: &Attribution, quota: UploadQuota) -> Result<()> {
        self.writer.run(uploads::SaveUpload { upload, by: by.clone(), quota }).await
    }

    async fn bytes_sent_by(&self, by: &str) -> Result<u64> {
        self.reader.bytes_sent_by(by).await
    }

    async fn upload(&self, id: &str) -> Result<UploadRow> {
        self.reader.upload(id).await
    }

    async fn sweep_uploads(&self, before: Micros) -> Result<Vec<String>> {
        self.writer.run(uploads::SweepUploads { before }).await
    }
}
