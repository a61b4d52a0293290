//! State that all parts of a running engine share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use model::{AttemptNo, JobId};
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    Clock, DataDir, Listener, Roots, Uploads,
    attempt::running::RunningAttempts,
    files::{
        data_dir::{remove_attempts, remove_folder},
        disk::Disk,
        orphan_counts::OrphanCounts,
    },
    nodes::other_nodes::OtherNodes,
    runtime::{blocking_pool::Pool, flag::Flag, health::Health, scheduler_waker::SchedulerWaker},
    store::{Node, Store},
    task::registry::Registry,
};

/// The engine's state. Attempts hold it too, so it is dropped after the last of them.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Registry,
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data: DataDir,
    pub(crate) disk: Arc<Disk>,
    /// Bytes that one attempt may write.
    pub(crate) write_limit: u64,
    pub(crate) roots: Roots,
    pub(crate) uploads: Uploads,
    /// Orphan files that the latest sweeps left in place.
    pub(crate) orphans: OrphanCounts,
    /// Whether a sweep moves all orphan files.
    pub(crate) sweep_all_orphans: bool,
    pub(crate) pool: Pool,
    /// This process, as registered.
    pub(crate) node: Node,
    /// Time between two heartbeats.
    pub(crate) heartbeat: Duration,
    /// Runtime of the tasks.
    pub(crate) tasks: Handle,
    /// Runtime of the engine's own work, which no task can block.
    pub(crate) service: Handle,
    /// Slots and kinds of the other processes.
    pub(crate) other_nodes: OtherNodes,
    pub(crate) cancel_grace: Duration,
    /// Interval of checkpoints.
    pub(crate) checkpoint_every: Duration,
    pub(crate) health: Arc<Health>,
    /// The running attempts.
    pub(crate) live: Arc<RunningAttempts>,
    /// Slots taken.
    pub(crate) running: AtomicU32,
    /// Wakes the dispatcher after a slot was freed.
    pub(crate) slot_freed: Notify,
    /// Wakes the promotion of scheduled jobs: there is a new one.
    pub(crate) rescheduled: Notify,
    /// Wakes the scheduler.
    pub(crate) scheduler_waker: Arc<SchedulerWaker>,
    /// Whether runs start only if the schedule's owner may start them.
    pub(crate) accounts: bool,
    /// Raised when no more work is accepted …
    pub(crate) stopping: Flag,
    /// … when the dispatcher has stopped …
    pub(crate) dispatched: Flag,
    /// … when running tasks should stop …
    pub(crate) leaving: Flag,
    /// … and when no attempt can end normally any more.
    pub(crate) closed: Flag,
}

impl Shared {
    /// Ends the threads that follow running attempts.
    pub(crate) fn close(&self) {
        self.health.expect_ends();
        self.live.close();
        self.closed.raise();
    }

    /// Takes a slot.
    pub(crate) fn take_slot(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    /// Frees a slot; wakes the dispatcher if it has no waiting claim because no slot was free.
    pub(crate) fn free_slot(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) >= self.node.concurrency {
            self.slot_freed.notify_one();
        }
    }

    /// Removes the files of attempts of `job` up to `last`.
    pub(crate) async fn remove_old_files(&self, job: JobId, last: AttemptNo) {
        for folder in [self.data.job(job), self.data.work(job)] {
            remove_attempts(&folder, last, "old files of a job").await;
        }
    }

    /// Removes all files of `job`.
    pub(crate) async fn remove_files(&self, job: JobId) {
        remove_folder(&self.data.job(job), "the files of a deleted job").await;
    }
}
