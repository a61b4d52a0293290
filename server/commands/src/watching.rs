//! Whether the processes of a program are more, or have more in memory, than they may.

use std::time::Duration;

use engine::processes::{self, Group};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

/// Between two looks. A program can go beyond its limits for so long.
const LOOK: Duration = Duration::from_millis(100);

/// Too much of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// So many processes.
    Processes(usize),
    /// So many bytes in memory.
    Memory(u64),
}

/// Looks at a group again and again, until it has more than so many processes, or bytes in memory.
pub(crate) async fn excess(group: Group, processes: usize, memory: Option<u64>) -> Excess {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let members = spawn_blocking(move || processes::in_group(group.leader)).await.unwrap_or_default();
        if members.len() > processes {
            return Excess::Processes(members.len());
        }
        let resident = members.iter().map(|process| process.resident).sum();
        if memory.is_some_and(|most| resident > most) {
            return Excess::Memory(resident);
        }
    }
}
