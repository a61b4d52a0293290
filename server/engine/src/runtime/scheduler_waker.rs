//! Wakes the scheduler when a schedule has changed or a job has ended.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Wakes the scheduler early.
#[derive(Default)]
pub(crate) struct SchedulerWaker {
    pub(crate) woken: Notify,
    /// Whether a run waits for another to end.
    pub(crate) ends_matter: AtomicBool,
}

impl SchedulerWaker {
    /// A schedule has changed.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// A job has ended, in any process.
    pub(crate) fn job_ended(&self) {
        if self.ends_matter.load(Ordering::SeqCst) {
            self.wake();
        }
    }
}
