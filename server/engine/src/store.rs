//! What the engine keeps, as verbs of its domain. The one place with SQL.
//!
//! A method that is `async` and changes something returns after the commit that made the change durable
//! (`synchronous=FULL`). The `soft` ones return at once and ride along with the next commit, 100 ms at most.

mod accounts;
mod messages;
mod rules;
mod schedules;
mod sqlite;
mod types;
mod writing;

use async_trait::async_trait;
use model::{
    AttemptNo, Counts, Cursor, Gate, GateOf, JobId, JobState, JobView, LogLine, MessageEvent, Micros, ProgressEvent,
    Seq, Snapshot,
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
pub(crate) use rules::limits::SMALL_INPUT;
pub use schedules::*;
pub(crate) use sqlite::is_new_database;
pub use sqlite::{Others, SqliteOptions, SqliteStore};
pub use types::*;

use crate::{
    Curve, Result,
    access::Sight,
    processes::{Group, GroupRow},
};

/// The code of the state event by which a running job is asked to stop.
pub const CANCEL_REQUESTED: &str = "cancel_requested";

/// Hears what happened, in this process and in all others that work on the same data. Called in order, by the store's
/// writer (durable, and progress of jobs that run elsewhere) or the sampler (progress of those that run here). Must not
/// block.
pub trait Listener: Send + Sync + 'static {
    /// Committed events, in rising `seq`, none left out: a hole means that the process slept for so long that the events
    /// in it are no longer kept.
    fn durable(&self, events: &[Arc<DurableEvent>]);
    /// The newest progress of jobs that moved.
    fn progress(&self, events: &[Arc<ProgressEvent>]);
}

/// Everything that is kept: jobs, attempts, events, logs, artifacts, uploads; [`Accounts`] and [`Schedules`].
#[async_trait]
pub trait Store: Accounts + Schedules {
    // The life of a job. Every write by a worker carries its fence and fails with `Error::Fenced` once it is stale.

    /// Accepts a job: `queued`, or `scheduled` where `run_at` lies ahead. Uploads it names are kept from then on. Answers
    /// the job that is there already where its kind has one under way with the same unique key, or where it was
    /// accepted under the same idempotency key within the last 24 h; `Error::Conflict` where that key meant another
    /// kind or input.
    async fn enqueue(&self, job: NewJob) -> Result<JobId>;
    /// Takes the first in line, within the free slots, for the process `claim.boot`, which must be registered. Empty when
    /// there are none, and it does not wait, or no longer.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>>;
    /// Soft: the latest progress of running attempts. Stale fences are dropped in silence.
    fn save_progress(&self, saves: Vec<(Fence, model::Progress)>);
    /// Soft: how running attempts have gone so far. Stale fences are dropped in silence.
    fn save_curves(&self, curves: Vec<(Fence, Curve)>);
    /// Soft: more lines for the logs of running attempts, in order.
    fn append_logs(&self, appends: Vec<LogAppend>);
    /// Keeps where a job can go on from, in place of what was kept before. What was appended to its log before is
    /// committed no later. Answers whether a person wants the job set aside.
    async fn save_checkpoint(&self, save: SaveCheckpoint) -> Result<CheckpointAnswer>;
    /// Ends an attempt: state, final progress, last log lines, artifacts, result or failure, all in one transaction.
    async fn finish(&self, finish: Finish) -> Result<JobView>;
    /// Notes that the grace after a cancel request is over and the task still runs.
    async fn mark_not_responding(&self, fence: Fence) -> Result<()>;
    /// Cancels what waits; asks what runs. Says clearly when it was asked before or is over.
    async fn request_cancel(&self, job: JobId, by: &By) -> Result<CancelAnswer>;
    /// Sets aside what waits; asks what runs, which is told so by its next checkpoint. `Error::Conflict` where it was
    /// asked before, is set aside already, or is over.
    async fn pause(&self, job: JobId, by: &By) -> Result<PauseAnswer>;
    /// Queues what was set aside, or lets it wait for its time where that has not come; takes back the wish that a running
    /// job be.
    async fn resume(&self, job: JobId, by: &By) -> Result<()>;
    /// Queues an ended job anew, as its next attempt, whose number it answers.
    async fn retry(&self, job: JobId, by: &By) -> Result<AttemptNo>;
    /// Queues a scheduled job before its time.
    async fn start_now(&self, job: JobId, by: &By) -> Result<()>;
    /// Removes an ended job with its log, attempts and artifact rows; the files are the caller's.
    async fn delete(&self, job: JobId, by: &By) -> Result<()>;
    /// Changes what stands between the line and the workers for a queue or a kind. What is so already stays as it is.
    async fn change_gate(&self, of: GateOf, name: &str, change: GateChange, by: &By) -> Result<()>;
    /// Tells people something, as one event, and keeps it: messages for thirty days and at most [`MESSAGES_KEPT`] of them,
    /// notes for as long as their job. `Error::Refused` where the key meant another text, or the job has
    /// [`NOTES_PER_JOB`] notes.
    async fn tell(&self, message: NewMessage) -> Result<Told>;
    /// Removes part of jobs, or all of them, unless they are not over since before the time beside them. Looks at them in
    /// turn until it has held the writer `most` long, at one of them at least. The files are the caller's.
    async fn prune(&self, what: Prunable, jobs: Vec<(JobId, Micros)>, most: Duration) -> Result<Pruned>;
    /// Forgets those of `uploads` that only jobs refer to which ended before then, and no schedule; looks at them as [`Store::prune`] does at
    /// jobs. The files are the caller's.
    async fn prune_uploads(&self, uploads: Vec<String>, before: Micros, most: Duration) -> Result<PrunedUploads>;
    /// Settles the running jobs of processes known to be dead: interrupted, or, where the kind allows, queued again or set
    /// aside as a person had asked. They are registered no longer.
    async fn settle(&self, dead: &[BootId]) -> Result<Vec<JobId>>;
    /// The processes that hold running jobs.
    async fn holders(&self) -> Result<Vec<BootId>>;
    /// The running attempts that `boot` holds.
    async fn held(&self, boot: &BootId) -> Result<BTreeSet<(JobId, AttemptNo)>>;
    /// Queues what was scheduled for `now` or before; answers when the next is due.
    async fn promote_due(&self, now: Micros) -> Result<Option<Micros>>;
    /// Returns once everything soft that was given before is committed.
    async fn flush(&self) -> Result<()>;

    /// Writes a copy of all of it, as it is at one moment, to the new file `into`: checked, durable, and under an epoch
    /// of its own, so that whoever knew the original starts over. Blocks the thread, for some seconds a gigabyte.
    /// Where it fails or `stop` is cancelled, there is no file.
    fn back_up(&self, into: &Path, stop: &CancellationToken) -> Result<()>;

    /// Moves all that is kept into the database's own file, which is then a complete copy until the next write. Waits a
    /// moment for other processes that read or write. Blocks the thread.
    ///
    /// # Errors
    /// `Error::Busy` where others did not let it; nothing is lost then.
    fn consolidate(&self) -> Result<()>;

    // The processes that work on this store. None of these is an event.

    /// Enters a process, or enters it again.
    async fn register(&self, node: Node) -> Result<()>;
    /// Shows that it lives. `false` where it no longer counts as living: its jobs have been settled.
    async fn beat(&self, boot: &BootId) -> Result<bool>;
    /// Takes a process out that ends, unless it still holds jobs.
    async fn unregister(&self, boot: &BootId) -> Result<()>;
    /// All that are registered.
    async fn nodes(&self) -> Result<Vec<Node>>;
    /// Settles the jobs of processes that have been silent for too long, but of none that has beaten since it was seen
    /// like this.
    async fn expire(&self, silent: &[Node]) -> Result<Vec<JobId>>;

    // Programs that attempts start beside their process, and what tasks say of their jobs. None of these is an event.

    /// Records a group of processes that an attempt has started on `kernel`; `Error::Fenced` where it has lost its job.
    async fn record_group(&self, fence: Fence, group: Group, kernel: &str) -> Result<()>;
    /// Forgets a group of which nothing is left.
    async fn forget_group(&self, boot: &BootId, group: Group) -> Result<()>;
    /// The groups recorded of some processes.
    async fn groups(&self, boots: &[BootId]) -> Result<Vec<GroupRow>>;
    /// Forgets those.
    async fn forget_groups(&self, boots: &[BootId]) -> Result<()>;
    /// Notes what the tasks that there are say of who may start them and see their jobs. What others said, which there are
    /// no more, stays.
    async fn declare_rules(&self, rules: Vec<DeclaredRule>) -> Result<()>;
    /// What tasks say, or said when there were.
    async fn declared_rules(&self) -> Result<Vec<DeclaredRule>>;

    // Reading. None of these holds a read transaction after it returns.

    /// The newest durable event.
    async fn position(&self) -> Result<Cursor>;
    /// What `topics` show, and the position it is true at, read in one transaction.
    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)>;
    /// Durable events after `seq` in order, at most `limit`; `None` where some of them are no longer kept.
    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>>;
    /// One job.
    async fn job(&self, job: JobId) -> Result<JobView>;
    /// The highest number that a job has been given, whether or not it is still there.
    async fn last_job(&self) -> Result<JobId>;
    /// Which of `jobs` there are.
    async fn existing(&self, jobs: &[JobId]) -> Result<BTreeSet<JobId>>;
    /// One job with its input and result.
    async fn detail(&self, job: JobId) -> Result<JobDetail>;
    /// Where a job can go on from; `None` without a checkpoint.
    async fn checkpoint(&self, job: JobId) -> Result<Option<Checkpoint>>;
    /// A page of jobs, newest first.
    async fn page(&self, query: &ListQuery) -> Result<Page>;
    /// How many there are in each state: all jobs, those out of somebody's sight as well, like all totals.
    async fn counts(&self) -> Result<Counts>;
    /// How many jobs of each kind are `scheduled`, `queued`, `running` and `paused`; the other counts are 0. Takes time
    /// with the length of the line.
    async fn under_way(&self) -> Result<BTreeMap<String, Counts>>;
    /// What people have decided about queues and kinds.
    async fn gates(&self) -> Result<Vec<Gate>>;
    /// Attempts of a job, newest first.
    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>>;
    /// What happened to a job, newest first, at most `limit`.
    async fn activity(&self, job: JobId, limit: u32) -> Result<Vec<Activity>>;
    /// What was said to everyone, to or by the person `sight.own`, and to the watchers of jobs in sight: those before a
    /// number, newest first, at most `limit`.
    async fn messages(&self, sight: &Sight, before: Option<Seq>, limit: u32) -> Result<MessagePage>;
    /// The notes on a job, newest first, at most `limit`.
    async fn notes(&self, job: JobId, limit: u32) -> Result<Vec<MessageEvent>>;
    /// The bytes of one of a job's texts from `from` on: 1 MiB at most, none at its end, or where there is no such text.
    async fn job_text(&self, job: JobId, which: JobText, from: u64) -> Result<Vec<u8>>;
    /// Lines of a job's log from number `from` on, with their numbers: at most 128 KiB or one write of its task, whichever is
    /// more. Empty at the end of the log. Reading a whole log takes time with its length, and memory for one such part.
    async fn log_from(&self, job: JobId, from: u64) -> Result<Vec<(u64, LogLine)>>;
    /// Part of a job's log.
    async fn log(&self, job: JobId, query: &LogQuery) -> Result<LogPage>;
    /// Artifacts of the job's latest attempt that has any, by name.
    async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>>;
    /// Jobs that went wrong and nobody has retried or repeated since, newest first, at most `limit`, and only
    /// what is in sight.
    async fn attention(&self, limit: u32, sight: &Sight) -> Result<Vec<JobView>>;
    /// What ended in each of the last `hours` hours, oldest first, the current one last: all jobs.
    async fn finished_per_hour(&self, hours: u32) -> Result<Vec<HourBucket>>;
    /// One row per kind that ever ran: last runs, usual duration, success rate. Not of kinds of which others' jobs are out
    /// of sight.
    async fn kind_stats(&self, sight: &Sight) -> Result<Vec<KindStats>>;
    /// Recent successful runs of the kind that went through in one attempt, newest first.
    async fn recent_runs(&self, kind: &str) -> Result<Vec<PastRun>>;
    /// How an attempt went, as far as it is known; `None` where it was over in a moment.
    async fn curve(&self, job: JobId, attempt: AttemptNo) -> Result<Option<Curve>>;
    /// Mean share of each stage in recent successful runs of the kind; `None` without any.
    async fn stage_weights(&self, kind: &str) -> Result<Option<Vec<f64>>>;
    /// The first `limit` jobs after `after` that have something to remove and ended before the time set for their
    /// state, each with that time.
    async fn prunable(
        &self,
        what: Prunable,
        ended_before: &[(JobState, Micros)],
        after: JobId,
        limit: u32,
    ) -> Result<Vec<(JobId, Micros)>>;
    /// The next uploads after the id `after` that only jobs refer to which ended before then, by id, at most `limit`.
    async fn prunable_uploads(&self, before: Micros, after: &str, limit: u32) -> Result<Vec<String>>;
    /// Whether nothing is left to remove of what was deleted or pruned, and its space has been given back.
    async fn is_tidy(&self) -> Result<bool>;
    /// Bytes used.
    async fn usage(&self) -> Result<Usage>;

    // Uploads.

    /// Registers a finished upload, with a line in the audit log. `Error::Quota` and `Error::Refused` where its sender
    /// would have more than the `quota`.
    async fn save_upload(&self, upload: UploadRow, by: &By, quota: UploadQuota) -> Result<()>;
    /// Bytes of uploads and of inputs over 4 KiB that a user has sent and that are still kept.
    async fn sent_by(&self, by: &str) -> Result<u64>;
    /// One upload.
    async fn upload(&self, id: &str) -> Result<UploadRow>;
    /// Forgets uploads that neither a job nor a schedule refers to and that are older than `before`; answers their ids.
    async fn sweep_uploads(&self, before: Micros) -> Result<Vec<String>>;
}
