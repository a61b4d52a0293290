//! Table of the attempts that run in this process.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{AttemptNo, JobId};
use tokio::sync::Notify;

use crate::attempt::Attempt;

/// How many early cancels are remembered. One counts only for the moment between a claim and its start.
const CANCELLED_EARLY: usize = 1_000;

/// Finds running attempts by their job.
#[derive(Default)]
pub(crate) struct RunningAttempts {
    table: Mutex<Table>,
    /// Wakes the sampler when there is something to look at again, or when it should end.
    stir: Condvar,
    /// Wakes who waits for there to be none.
    empty: Notify,
}

#[derive(Default)]
struct Table {
    attempts: HashMap<JobId, Arc<Attempt>>,
    /// Cancelled while they did not run here: between their claim and their start, or in another process.
    cancelled_early: VecDeque<(JobId, AttemptNo)>,
    closed: bool,
    /// Whether the sampler should wake although nothing runs.
    knocked: bool,
}

impl RunningAttempts {
    /// Takes in what was claimed in one go; answers which of them were cancelled meanwhile.
    pub(crate) fn enter(&self, attempts: &[Arc<Attempt>]) -> Vec<Arc<Attempt>> {
        let mut table = self.table();
        if table.attempts.is_empty() {
            self.stir.notify_all();
        }
        let mut cancelled = Vec::new();
        for attempt in attempts {
            if table.cancelled_early.contains(&(attempt.fence.job, attempt.fence.attempt)) {
                cancelled.push(Arc::clone(attempt));
            }
            table.attempts.insert(attempt.fence.job, Arc::clone(attempt));
        }
        // There is one claim at a time: whatever is left here belongs to attempts that have ended, or run elsewhere.
        table.cancelled_early.clear();
        cancelled
    }

    /// Removes an attempt that has ended.
    pub(crate) fn leave(&self, attempt: &Attempt) {
        let mut table = self.table();
        // The job's next attempt may be here already.
        if table.attempts.get(&attempt.fence.job).is_some_and(|live| live.fence == attempt.fence) {
            table.attempts.remove(&attempt.fence.job);
        }
        if table.attempts.is_empty() {
            self.empty.notify_waiters();
        }
    }

    /// The running attempt of `job`.
    pub(crate) fn find(&self, job: JobId) -> Option<Arc<Attempt>> {
        self.table().attempts.get(&job).cloned()
    }

    /// The running attempt, to be cancelled; if it is about to start, [`RunningAttempts::enter`] returns it.
    pub(crate) fn find_to_cancel(&self, job: JobId, attempt: AttemptNo) -> Option<Arc<Attempt>> {
        let mut table = self.table();
        let found = table.attempts.get(&job).filter(|live| live.fence.attempt == attempt).cloned();
        if found.is_none() {
            table.cancelled_early.push_back((job, attempt));
            if table.cancelled_early.len() > CANCELLED_EARLY {
                table.cancelled_early.pop_front();
            }
        }
        found
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Attempt>> {
        self.table().attempts.values().cloned().collect()
    }

    /// Those of some jobs, in their order.
    pub(crate) fn of(&self, some: impl Fn(JobId) -> bool) -> Vec<Arc<Attempt>> {
        let mut attempts: Vec<_> =
            self.table().attempts.values().filter(|attempt| some(attempt.fence.job)).cloned().collect();
        attempts.sort_unstable_by_key(|attempt| attempt.fence.job);
        attempts
    }

    /// Waits until none is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let mut empty = std::pin::pin!(self.empty.notified());
            empty.as_mut().enable();
            if self.table().attempts.is_empty() {
                return;
            }
            empty.await;
        }
    }

    /// Blocks the thread until there is one, and answers each [`RunningAttempts::knock`] meanwhile; `false` once
    /// closed.
    pub(crate) fn wait_for_any(&self, answer: impl Fn()) -> bool {
        let mut table = self.table();
        loop {
            if table.knocked {
                table.knocked = false;
                answer();
            }
            if table.closed || !table.attempts.is_empty() {
                return !table.closed;
            }
            table = self.stir.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks the thread for `pause`, or until closed; `false` once closed.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let table = self.table();
        let waited = self.stir.wait_timeout_while(table, pause, |table| !table.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Wakes the sampler once.
    pub(crate) fn knock(&self) {
        self.table().knocked = true;
        self.stir.notify_all();
    }

    /// Ends the sampler.
    pub(crate) fn close(&self) {
        self.table().closed = true;
        self.stir.notify_all();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
