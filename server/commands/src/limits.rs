//! Limits of a program: number of processes and memory of its process group.

use std::time::Duration;

use engine::processes::{self, Group};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

/// Time between two checks: how long a program can exceed its limits.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// An exceeded limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitExceeded {
    /// The number of processes.
    Processes(usize),
    /// Resident memory, bytes.
    Memory(u64),
}

/// Checks a process group every [`CHECK_INTERVAL`] until it exceeds `max_processes` or `max_memory` (bytes).
pub(crate) async fn until_exceeded(group: Group, max_processes: usize, max_memory: Option<u64>) -> LimitExceeded {
    let mut checks = interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        checks.tick().await;
        let members = spawn_blocking(move || processes::in_group(group.leader)).await.unwrap_or_default();
        if members.len() > max_processes {
            return LimitExceeded::Processes(members.len());
        }
        let resident = members.iter().map(|process| process.resident).sum();
        if max_memory.is_some_and(|max| resident > max) {
            return LimitExceeded::Memory(resident);
        }
    }
}
