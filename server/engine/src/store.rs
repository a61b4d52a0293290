//! Store: what the engine keeps, as methods named after its domain. The SQL is in `sqlite`; what another database would
//! share with it is in `rules` (decisions) and `writing` (group commit).
//!
//! An `async` method that changes something returns after the commit that made the change durable (`synchronous=FULL`).
//! *Buffered* methods return at once, and are committed with the next transaction, 100 ms later at most.

mod accounts;
mod messages;
mod reports;
pub(crate) mod rules;
mod schedules;
mod sqlite;
mod types;
mod writing;

use async_trait::async_trait;
use model::{
    AttemptNo, ControlTarget, Counts, Cursor, JobId, JobState, JobView, LogLine, MessageEvent, Micros, ProgressEvent,
    QueueControl, Seq, Snapshot,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub use accounts::*;
pub use messages::*;
pub use reports::*;
pub(crate) use rules::limits::SMALL_INPUT;
pub use schedules::*;
pub(crate) use sqlite::is_new_database;
pub use sqlite::{OtherProcesses, SqliteOptions, SqliteStore, sqlite_version};
pub use types::*;

use crate::{
    Curve, Result,
    processes::{Group, GroupRow},
    types::visibility::Visibility,
};

/// The code of the state event by which a running job is asked to stop.
pub const CANCEL_REQUESTED: &str = "cancel_requested";
/// The entry of the audit log that hides the first steps, for all users.
pub const FIRST_STEPS_HIDDEN: &str = "first_steps_hidden";

/// Receives the events of this process and of all others that work on the same data. Called in order, by the store's
/// writer (durable events, and progress of jobs that run elsewhere) or by the sampler (progress of jobs that run here).
/// Must not block.
pub trait Listener: Send + Sync + 'static {
    /// Committed events, in rising `seq`, without a gap. A gap means that the process was stopped for so long that the
    /// missing events are no longer kept.
    fn durable(&self, events: &[Arc<DurableEvent>]);
    /// The newest progress of jobs whose progress changed.
    fn progress(&self, events: &[Arc<ProgressEvent>]);
}

/// Jobs, attempts, events, logs, artifacts and uploads, and what [`Accounts`], [`Reports`] and [`Schedules`] keep.
#[async_trait]
pub trait Store: Accounts + Reports + Schedules {
    // Jobs. Every write by a worker carries its fence and fails with `Error::Fenced` once that is stale.

    /// Accepts a job: `queued`, or `scheduled` if `run_at` is in the future. The uploads that it names are kept from
    /// then on. Returns an existing job instead if its kind has an active one with the same unique key, or if one was
    /// accepted under the same idempotency key within the last 24 h; `Error::Conflict` if that one has another kind or
    /// input.
    async fn enqueue(&self, job: NewJob) -> Result<JobId>;
    /// Claims the first jobs of the queue, within the free slots, for a registered worker. Empty if there are none, and
    /// the claim does not wait, or was withdrawn.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>>;
    /// Buffered: the latest progress of running attempts. Stale fences are ignored.
    fn save_progress(&self, saves: Vec<(Fence, model::Progress)>);
    /// Buffered: the curves of running attempts so far. Stale fences are ignored.
    fn save_curves(&self, curves: Vec<(Fence, Curve)>);
    /// Buffered: more lines for the logs of running attempts, in order.
    fn append_logs(&self, appends: Vec<LogAppend>);
    /// Replaces the checkpoint of a job. Log lines that were appended before are committed no later. Returns whether a
    /// user has asked to pause the job.
    async fn save_checkpoint(&self, save: SaveCheckpoint) -> Result<CheckpointOutcome>;
    /// Ends an attempt: state, final progress, last log lines, artifacts, result or failure, in one transaction.
    async fn finish(&self, finish: Finish) -> Result<JobView>;
    /// Records that the grace period after a cancel request is over and the task still runs.
    async fn mark_not_responding(&self, fence: Fence) -> Result<()>;
    /// Cancels a waiting job, or asks a running one to stop.
    async fn request_cancel(&self, job: JobId, by: &Attribution) -> Result<CancelOutcome>;
    /// Pauses a waiting job, or asks a running one to pause at its next checkpoint. `Error::Conflict` if it was asked
    /// before, is paused already, or is over.
    async fn pause(&self, job: JobId, by: &Attribution) -> Result<PauseOutcome>;
    /// Queues a paused job, or lets it wait for its time if that is in the future. Withdraws the request to pause a
    /// running job.
    async fn resume(&self, job: JobId, by: &Attribution) -> Result<()>;
    /// Queues an ended job again. Returns the number of its next attempt.
    async fn retry(&self, job: JobId, by: &Attribution) -> Result<AttemptNo>;
    /// Marks failed and interrupted jobs as dismissed, so that they need no attention until they are retried. Skips
    /// those that need none. Returns how many it marked.
    async fn dismiss(&self, jobs: Vec<JobId>, by: &Attribution) -> Result<usize>;
    /// Queues a scheduled job before its time.
    async fn start_now(&self, job: JobId, by: &Attribution) -> Result<()>;
    /// Deletes an ended job with its log, attempts and artifact rows. The caller deletes the files.
    async fn delete(&self, job: JobId, by: &Attribution) -> Result<()>;
    /// Pauses, resumes or limits a queue or a kind.
    async fn change_control(
        &self,
        of: ControlTarget,
        name: &str,
        change: ControlChange,
        by: &Attribution,
    ) -> Result<()>;
    /// Sends a message or a note, as one event, and keeps it: messages for 30 days and at most [`MAX_MESSAGES_KEPT`] of
    /// them, notes as long as their job. `Error::Refused` if the key was used for another text, or the job has
    /// [`MAX_NOTES_PER_JOB`] notes.
    async fn send_message(&self, message: NewMessage) -> Result<SentMessage>;
    /// Retention: removes jobs, or a part of each, that ended before the time beside them. Goes through them until it
    /// has occupied the writer for `time_limit`, but handles at least one. The caller deletes the files.
    async fn prune(&self, what: Prunable, jobs: Vec<(JobId, Micros)>, time_limit: Duration) -> Result<Pruned>;
    /// Retention: removes those of `uploads` to which no schedule refers, and only jobs that ended before `before`.
    /// Bounded like [`Store::prune`]. The caller deletes the files.
    async fn prune_uploads(&self, uploads: Vec<String>, before: Micros, time_limit: Duration) -> Result<PrunedUploads>;
    /// Settles the running jobs of dead workers, which are no longer registered then: interrupted, or, if an attempt is
    /// left, queued again or paused as a user had asked.
    async fn settle(&self, dead: &[WorkerId]) -> Result<Vec<JobId>>;
    /// The workers that hold running jobs.
    async fn workers_with_jobs(&self) -> Result<Vec<WorkerId>>;
    /// The running attempts that a worker holds.
    async fn held_attempts(&self, worker: &WorkerId) -> Result<BTreeSet<(JobId, AttemptNo)>>;
    /// Queues the jobs that were scheduled for `now` or before. Returns when the next is due.
    async fn promote_due(&self, now: Micros) -> Result<Option<Micros>>;
    /// Returns once everything that was buffered before is committed.
    async fn flush(&self) -> Result<()>;

    /// Backup: writes a consistent copy to the new file `into`, checked, durable, and under an epoch of its own, so
    /// that clients of the original start over. Blocks the thread for some seconds a gigabyte. There is no file if it
    /// fails or `stop` is cancelled.
    fn back_up(&self, into: &Path, stop: &CancellationToken) -> Result<()>;

    /// Moves the write-ahead log into the database file, which is then a complete copy until the next write. Waits up
    /// to 1 s for other processes. Blocks the thread.
    ///
    /// # Errors
    /// `Error::Busy` if other processes prevent it. Nothing is lost then.
    fn consolidate(&self) -> Result<()>;

    // The processes that work on this store. None of these changes is an event.

    /// Registers a process, or registers it again.
    async fn register(&self, node: Node) -> Result<()>;
    /// Heartbeat. `false` if the process is no longer registered: its jobs have been settled.
    async fn heartbeat(&self, worker: &WorkerId) -> Result<bool>;
    /// Removes a process that ends, unless it still holds jobs.
    async fn unregister(&self, worker: &WorkerId) -> Result<()>;
    /// All registered processes.
    async fn nodes(&self) -> Result<Vec<Node>>;
    /// Settles the jobs of processes that have been silent for too long, except those whose heartbeat is no longer that
    /// of `silent`.
    async fn expire(&self, silent: &[Node]) -> Result<Vec<JobId>>;

    // Programs that attempts start beside their worker, and declared rules. None of these changes is an event.

    /// Records a process group that an attempt has started on the host with this boot id. `Error::Fenced` if it has lost
    /// its job.
    async fn record_process_group(&self, fence: Fence, group: Group, host_boot_id: &str) -> Result<()>;
    /// Deletes a process group that has ended.
    async fn delete_process_group(&self, worker: &WorkerId, group: Group) -> Result<()>;
    /// The process groups of some workers.
    async fn process_groups(&self, workers: &[WorkerId]) -> Result<Vec<GroupRow>>;
    /// Deletes the process groups of some workers.
    async fn delete_process_groups(&self, workers: &[WorkerId]) -> Result<()>;
    /// Records who may start the tasks of this build and see their jobs. Rules of tasks that no longer exist stay.
    async fn declare_rules(&self, rules: Vec<DeclaredRule>) -> Result<()>;
    /// The rules of all tasks that ever declared any.
    async fn declared_rules(&self) -> Result<Vec<DeclaredRule>>;

    // Reads. None of them holds a read transaction after it returns.

    /// The newest durable event.
    async fn position(&self) -> Result<Cursor>;
    /// What `topics` show, and the position at which it is true, read in one transaction.
    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)>;
    /// Durable events after `seq` in order, at most `limit`; `None` if some of them are no longer kept.
    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>>;
    /// One job.
    async fn job(&self, job: JobId) -> Result<JobView>;
    /// The highest number that a job has been given, even if that job was deleted.
    async fn last_job(&self) -> Result<JobId>;
    /// Those of `jobs` that exist.
    async fn existing(&self, jobs: &[JobId]) -> Result<BTreeSet<JobId>>;
    /// One job with its input and result.
    async fn detail(&self, job: JobId) -> Result<JobDetail>;
    /// The checkpoint of a job.
    async fn checkpoint(&self, job: JobId) -> Result<Option<Checkpoint>>;
    /// A page of jobs, newest first.
    async fn page(&self, query: &ListQuery) -> Result<Page>;
    /// The number of jobs in each state. All totals include jobs that the user cannot see.
    async fn counts(&self) -> Result<Counts>;
    /// The number of `scheduled`, `queued`, `running` and `paused` jobs of each kind; the other counts are 0. Takes
    /// time proportional to their number.
    async fn active_counts(&self) -> Result<BTreeMap<String, Counts>>;
    /// The controls of queues and kinds that users have changed.
    async fn controls(&self) -> Result<Vec<QueueControl>>;
    /// Attempts of a job, newest first.
    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>>;
    /// What happened to a job, newest first, at most `limit`.
    async fn activity(&self, job: JobId, limit: u32) -> Result<Vec<Activity>>;
    /// Messages to everyone, to or from the user `visibility.own`, and to the watchers of visible jobs: those before a
    /// number, newest first, at most `limit`.
    async fn messages(&self, visibility: &Visibility, before: Option<Seq>, limit: u32) -> Result<MessagePage>;
    /// The notes on a job, newest first, at most `limit`.
    async fn notes(&self, job: JobId, limit: u32) -> Result<Vec<MessageEvent>>;
    /// The bytes of one of a job's texts from `from` on: 1 MiB at most; none at its end, or if there is no such text.
    async fn job_text(&self, job: JobId, which: JobText, from: u64) -> Result<Vec<u8>>;
    /// Lines of a job's log from number `from` on, with their numbers: at most 128 KiB or one write of its task,
    /// whichever is more. Empty at the end of the log.
    async fn log_from(&self, job: JobId, from: u64) -> Result<Vec<(u64, LogLine)>>;
    /// Part of a job's log.
    async fn log(&self, job: JobId, query: &LogQuery) -> Result<LogPage>;
    /// Artifacts of the job's latest attempt that has any, by name.
    async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>>;
    /// Visible jobs that failed or were interrupted within a week and have not been retried, repeated or dismissed
    /// since, newest first, at most `limit`.
    async fn attention(&self, limit: u32, visibility: &Visibility) -> Result<Vec<JobView>>;
    /// The visible jobs that match a query, in each state; its states and page are ignored. Above
    /// [`COUNTED_MATCHES`] a count may be too low.
    async fn matching_counts(&self, query: &ListQuery) -> Result<Counts>;
    /// The jobs that ended in each of the last `hours` hours, oldest first, the current hour last.
    async fn finished_per_hour(&self, hours: u32) -> Result<Vec<HourBucket>>;
    /// One row per kind that ever ran: last runs, usual duration, success rate. Without kinds whose jobs of other users
    /// are not visible.
    async fn kind_stats(&self, visibility: &Visibility) -> Result<Vec<KindStats>>;
    /// Recent runs of the kind that succeeded in their first attempt, newest first.
    async fn recent_runs(&self, kind: &str) -> Result<Vec<PastRun>>;
    /// The curve of an attempt so far; `None` if it was too short to have one.
    async fn curve(&self, job: JobId, attempt: AttemptNo) -> Result<Option<Curve>>;
    /// Mean share of each stage in recent successful runs of the kind; `None` without such runs.
    async fn stage_weights(&self, kind: &str) -> Result<Option<Vec<f64>>>;
    /// Retention: the first `limit` jobs after `after` that have something to remove and ended before the time set for
    /// their state, each with that time.
    async fn prunable(
        &self,
        what: Prunable,
        ended_before: &[(JobState, Micros)],
        after: JobId,
        limit: u32,
    ) -> Result<Vec<(JobId, Micros)>>;
    /// Retention: the next uploads after the id `after` to which only jobs refer that ended before `before`, by id, at
    /// most `limit`.
    async fn prunable_uploads(&self, before: Micros, after: &str, limit: u32) -> Result<Vec<String>>;
    /// Whether nothing is left to remove of deleted or pruned jobs, and their space has been given back.
    async fn is_upkeep_done(&self) -> Result<bool>;
    /// The first steps of an installation: a job of the kind `first`, users, and a schedule of the kind `backup`. `None`
    /// once [`FIRST_STEPS_HIDDEN`] is in the audit log.
    async fn first_steps(&self, first: &str, backup: &str) -> Result<Option<FirstSteps>>;
    /// Bytes used.
    async fn usage(&self) -> Result<Usage>;

    // Uploads.

    /// Registers a finished upload, with a line in the audit log. `Error::Quota` or `Error::Refused` if its sender
    /// would exceed the `quota`.
    async fn save_upload(&self, upload: UploadRow, by: &Attribution, quota: UploadQuota) -> Result<()>;
    /// Bytes of uploads and of inputs over 4 KiB that a user has sent and that are still kept.
    async fn bytes_sent_by(&self, by: &str) -> Result<u64>;
    /// One upload.
    async fn upload(&self, id: &str) -> Result<UploadRow>;
    /// Deletes uploads that are older than `before` and to which neither a job nor a schedule refers. Returns their
    /// ids.
    async fn sweep_uploads(&self, before: Micros) -> Result<Vec<String>>;
}
