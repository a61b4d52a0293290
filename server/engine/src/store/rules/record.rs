//! Records: the words for what happened to a job, in its state event, its activity and the audit log.

use crate::store::CANCEL_REQUESTED;

/// Something that a user did to a job.
#[derive(Clone, Copy)]
pub(in crate::store) struct UserAction {
    /// In the job's activity.
    pub(in crate::store) activity: &'static str,
    /// In the audit log.
    pub(in crate::store) audit: &'static str,
    /// The code of the state event.
    pub(in crate::store) code: &'static str,
}

const fn action(activity: &'static str, audit: &'static str, code: &'static str) -> UserAction {
    UserAction { activity, audit, code }
}

/// A waiting job was cancelled.
pub(in crate::store) const CANCEL: UserAction = action("cancelled", "job_cancelled", "cancelled");
/// A running job was asked to stop.
pub(in crate::store) const REQUEST_CANCEL: UserAction =
    action("cancel_requested", "job_cancel_requested", CANCEL_REQUESTED);
/// A waiting job was paused.
pub(in crate::store) const PAUSE: UserAction = action("set_aside", "job_paused", "paused");
/// A running job was asked to pause at its next checkpoint.
pub(in crate::store) const REQUEST_PAUSE: UserAction =
    action("pause_requested", "job_pause_requested", "pause_requested");
/// A paused job was resumed, or a pause request withdrawn.
pub(in crate::store) const RESUME: UserAction = action("resumed", "job_resumed", "resumed");
pub(in crate::store) const RETRY: UserAction = action("retried", "job_retried", "retried");
/// A failed or interrupted job needs no more attention.
pub(in crate::store) const DISMISS: UserAction = action("dismissed", "job_dismissed", "dismissed");
/// A scheduled job was queued before its time.
pub(in crate::store) const START_NOW: UserAction = action("started_now", "job_started_now", DUE);

// Codes of state events that no user causes.
pub(in crate::store) const CREATED: &str = "created";
pub(in crate::store) const DUE: &str = "due";
pub(in crate::store) const STARTED: &str = "started";
/// The grace period after a cancel request is over and the task still runs. In the activity, too.
pub(in crate::store) const NOT_RESPONDING: &str = "not_responding";
/// The worker died.
pub(in crate::store) const INTERRUPTED: &str = "interrupted";
pub(in crate::store) const DELETED: &str = "deleted";
