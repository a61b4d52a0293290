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

/// The engine's state. Attempts hold it too; it goes when the last of them has ended.
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
    /// Orphan files that the latest sweeps left.
    pub(crate) orphans: OrphanCounts,
    /// Whether a sweep takes orphan files however many there are.
    pub(crate) sweep_all_orphans: bool,
    pub(crate) pool: Pool,
    /// This process, since its start, as it has registered itself.
    pub(crate) node: Node,
    /// Time between two heartbeats.
    pub(crate) heartbeat: Duration,
    /// Where tasks run.
    pub(crate) tasks: Handle,
    /// Where the engine's own work runs: never held up by a task that blocks its thread.
    pub(crate) service: Handle,
    /// What the other processes run.
    pub(crate) other_nodes: OtherNodes,
    pub(crate) cancel_grace: Duration,
    /// How often a checkpoint is due.
    pub(crate) checkpoint_every: Duration,
    pub(crate) health: Arc<Health>,
    /// What runs.
    pub(crate) live: Arc<RunningAttempts>,
    /// Slots taken.
    pub(crate) running: AtomicU32,
    /// Wakes the dispatcher: it can claim what it could not.
    pub(crate) slot_freed: Notify,
    /// Wakes who waits for scheduled jobs: there is a new one.
    pub(crate) rescheduled: Notify,
    /// Wakes who starts what is due by schedule.
    pub(crate) scheduler_waker: Arc<SchedulerWaker>,
    /// Whether what is due by schedule starts only where its owner may start it.
    pub(crate) accounts: bool,
    /// Raised when no more work is to be taken …
    pub(crate) stopping: Flag,
    /// … when none is …
    pub(crate) dispatched: Flag,
    /// … when what runs is to stop for that …
    pub(crate) leaving: Flag,
    /// … and when nothing of it runs any more that could still end well.
    pub(crate) closed: Flag,
}

impl Shared {
    /// Ends the threads that follow what runs.
    pub(crate) fn close(&self) {
        self.health.expect_ends();
        self.live.close();
        self.closed.raise();
    }

    /// Takes a slot.
    pub(crate) fn take_slot(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    /// Gives it back, and lets the dispatcher know where it has no claim that waits, because there was no slot for one.
    pub(crate) fn free_slot(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) >= self.node.concurrency {
            self.slot_freed.notify_one();
        }
    }

    /// Removes what attempts of `job` up to `last` wrote.
    pub(crate) async fn remove_old_files(&self, job: JobId, last: AttemptNo) {
        for folder in [self.data.job(job), self.data.work(job)] {
            remove_attempts(&folder, last, "old files of a job").await;
        }
    }

    /// Removes everything that attempts of `job` wrote.
    pub(crate) async fn remove_files(&self, job: JobId) {
        remove_folder(&self.data.job(job), "the files of a deleted job").await;
    }
}
