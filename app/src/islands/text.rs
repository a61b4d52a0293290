//! Text of the islands.

pub(super) const PROGRESS: &str = "Progress";
pub(super) const NOTHING_IS_RUNNING: &str = "Nothing is running.";
pub(super) const RUNNING: &str = " running";
pub(super) const NEED_ATTENTION: &str = " need attention";
pub(super) const PINNED: &str = "Pinned";
pub(super) const STATE: &str = "State";
pub(super) const PAGES: &str = "Pages";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const RETRY: &str = "Retry";
pub(super) const RUN_AGAIN: &str = "Run again";
pub(super) const DELETE: &str = "Delete";
pub(super) const NOTIFY_WHEN_PINNED_JOB_FINISHES: &str = "Notify me when a pinned job finishes";
