//! Text of the islands.

pub(super) const PROGRESS: &str = "Progress";
pub(super) const NOTHING_IS_RUNNING: &str = "Nothing is running.";
pub(super) const RUNNING: &str = " running";
pub(super) const NEED_ATTENTION: &str = " need attention";
pub(super) const RUNNING_AND_PINNED: &str = "Running and pinned";
pub(super) const NOTIFY_WHEN_PINNED_JOB_FINISHES: &str = "Notify me when a pinned job finishes";
