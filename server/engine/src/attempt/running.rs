//! Table of the attempts that run in this process.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{AttemptNo, JobId};
use tokio::sync::Notify;

use crate::attempt::Attempt;

/// Number of early cancels kept. Each matters only between a claim and the start of its attempt.
const CANCELLED_EARLY: usize = 1_000;

/// Finds running attempts by job.
#[derive(Default)]
pub(crate) struct RunningAttempts {
    table: Mutex<Table>,
    /// Wakes the sampler when an attempt starts, or when it should end.
    wake: Condvar,
    /// Notifies when no attempt is left.
    empty: Notify,
}

#[derive(Default)]
struct Table {
    attempts: HashMap<JobId, Arc<Attempt>>,
    /// Cancelled while not running here: between claim and start, or in another process.
    cancelled_early: VecDeque<(JobId, AttemptNo)>,
    closed: bool,
    /// Whether the sampler should wake although nothing runs.
    knocked: bool,
}

impl RunningAttempts {
    /// Adds the attempts of one claim; returns those that were cancelled since.
    pub(crate) fn enter(&self, attempts: &[Arc<Attempt>]) -> Vec<Arc<Attempt>> {
        let mut table = self.table();
        if table.attempts.is_empty() {
            self.wake.notify_all();
        }
        let mut cancelled = Vec::new();
        for attempt in attempts {
            if table.cancelled_early.contains(&(attempt.fence.job, attempt.fence.attempt)) {
                cancelled.push(Arc::clone(attempt));
            }
            table.attempts.insert(attempt.fence.job, Arc::clone(attempt));
        }
        // There is one claim at a time, so the remaining cancels belong to attempts that have ended or run elsewhere.
        table.cancelled_early.clear();
        cancelled
    }

    /// Adds a reported attempt; returns whether it was cancelled since its start.
    pub(crate) fn host(&self, attempt: &Arc<Attempt>) -> bool {
        let mut table = self.table();
        if table.attempts.is_empty() {
            self.wake.notify_all();
        }
        table.attempts.insert(attempt.fence.job, Arc::clone(attempt));
        let own = (attempt.fence.job, attempt.fence.attempt);
        let before = table.cancelled_early.len();
        // Those of other attempts stay: a claim may be about to return them.
        table.cancelled_early.retain(|cancelled| *cancelled != own);
        table.cancelled_early.len() < before
    }

    /// Removes an attempt that has ended.
    pub(crate) fn leave(&self, attempt: &Attempt) {
        let mut table = self.table();
        // The job's next attempt may already be running here.
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

    /// The running attempt, to be cancelled. If it is about to start, [`RunningAttempts::enter`] returns it.
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

    pub(crate) fn all(&self) -> Vec<Arc<Attempt>> {
        self.table().attempts.values().cloned().collect()
    }

    /// The attempts of some jobs, in the order of their ids.
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

    /// Blocks the thread until an attempt runs; calls `answer` after each [`RunningAttempts::knock`]. Returns `false`
    /// once closed.
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
            table = self.wake.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks the thread for `pause`, or until closed; `false` once closed.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let table = self.table();
        let waited = self.wake.wait_timeout_while(table, pause, |table| !table.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Wakes the sampler once.
    pub(crate) fn knock(&self) {
        self.table().knocked = true;
        self.wake.notify_all();
    }

    /// Ends the sampler.
    pub(crate) fn close(&self) {
        self.table().closed = true;
        self.wake.notify_all();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
