//! Cancel, time-out and loss of an attempt: asks the task to stop, waits out the grace, then drops it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::timeout;

use crate::attempt::{Attempt, TimeOut};

/// Time for a dropped future to go. It normally goes at its next await; after this time it is known to hold its thread.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// Cancels a running attempt on behalf of a user.
pub(crate) fn cancel(attempt: Arc<Attempt>) {
    attempt.cancelled.store(true, Ordering::Release);
    stop(attempt);
}

/// Stops an attempt that has exceeded a time limit; only the first call counts.
pub(crate) fn time_out(attempt: &Arc<Attempt>, passed: TimeOut) {
    if attempt.timed_out.set(passed).is_ok() {
        stop(Arc::clone(attempt));
    }
}

fn stop(attempt: Arc<Attempt>) {
    attempt.stop.raise();
    attempt.shared.service.clone().spawn(enforce(attempt));
}

/// Stops an attempt that was fenced off: another process has settled its job. The store rejects its writes, so its end
/// is not reported. Its child processes are terminated too.
pub(crate) fn stop_fenced(attempt: Arc<Attempt>) {
    let number = attempt.fence.attempt;
    tracing::warn!(job = %attempt.job(), attempt = number, "another process has settled this job; stopping its attempt");
    attempt.stop.raise();
    attempt.shared.service.clone().spawn(async move {
        if timeout(attempt.shared.cancel_grace, attempt.ended.raised()).await.is_err() {
            attempt.dropped.raise();
        }
    });
}

/// Waits out the grace of an attempt that was asked to stop. Then an async task is dropped. Blocking work cannot be: it
/// keeps its slot and is shown as not responding until it returns, and gets another grace to end by itself after that.
async fn enforce(attempt: Arc<Attempt>) {
    let grace = attempt.shared.cancel_grace;
    let mut told = false;
    while timeout(grace, attempt.ended.raised()).await.is_err() {
        if !attempt.blocking.is_busy() {
            attempt.dropped.raise();
            if timeout(DROP_GRACE, attempt.ended.raised()).await.is_ok() {
                return;
            }
        }
        if !told {
            told = true;
            if let Err(error) = attempt.shared.store.mark_not_responding(attempt.fence.clone()).await {
                tracing::warn!(job = %attempt.job(), %error, "cannot note that a task does not respond");
            }
        }
        tokio::select! {
            () = attempt.ended.raised() => return,
            () = attempt.blocking.idle() => {}
        }
    }
}
