//! A one-shot flag that can be awaited.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Never lowered once raised. A check costs one atomic load, unlike a `CancellationToken`, which takes a lock: tasks
/// check it in their innermost loops.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    raised: AtomicBool,
    waiting: Notify,
}

impl Flag {
    /// Raises it and wakes all waiters. Returns whether it was down.
    pub(crate) fn raise(&self) -> bool {
        let was_down = !self.raised.swap(true, Ordering::AcqRel);
        if was_down {
            self.waiting.notify_waiters();
        }
        was_down
    }

    /// Whether it is up.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Waits until it is up.
    pub(crate) async fn raised(&self) {
        if self.is_raised() {
            return;
        }
        let mut waiting = std::pin::pin!(self.waiting.notified());
        // Registered before the second check, so that a raise in between is not missed.
        waiting.as_mut().enable();
        if !self.is_raised() {
            waiting.await;
        }
    }
}
