//! Text of the queues page.

use std::fmt::Display;

// Queues
pub(super) const QUEUES: &str = "Queues";
pub(super) const QUEUE_PAUSED: &str = "Queue paused";
pub(super) const QUEUE_LIMIT_REACHED: &str = "Queue limit reached";
pub(super) const NO_WORKER_IS_RUNNING: &str = "No worker is running";
pub(super) const TASK: &str = "Task";
pub(super) const RUNNING: &str = "Running";
pub(super) const WAITING: &str = "Waiting";
pub(super) const LIMIT: &str = "Limit";
pub(super) const PAUSE: &str = "Pause";
pub(super) const LIMIT_REACHED: &str = "Limit reached";
pub(super) const PAUSED: &str = "Paused";
pub(super) const BY: &str = "by ";
pub(super) const RESUME: &str = "Resume";
pub(super) const AT_ONCE: &str = "at once";
pub(super) const SAVE: &str = "Save";
pub(super) const NO_LIMIT: &str = "no limit";
pub(super) const NO_QUEUED_JOBS: &str = "No queued jobs";
pub(super) const WAITING_FOR_A_FREE_SLOT: &str = "Waiting for a free slot";

pub(super) fn named(of: &dyn Display, name: &dyn Display) -> String {
    format!(" the {of} {name}")
}

pub(super) fn limit_of(of: &dyn Display, name: &dyn Display) -> String {
    format!("Limit of the {of} {name}")
}

pub(super) fn limit(count: &dyn Display) -> String {
    format!("limit {count}")
}

pub(super) fn running(count: &dyn Display) -> String {
    format!("{count} running")
}

pub(super) fn waiting(count: &dyn Display) -> String {
    format!("{count} waiting")
}

pub(super) fn running_and_waiting(running: &dyn Display, waiting: &dyn Display) -> String {
    format!("{running} running, {waiting} waiting")
}
