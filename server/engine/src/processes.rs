//! Child processes of attempts: marks them, finds them again after a crash, and terminates them.
//!
//! An attempt that starts a program makes it the leader of a new process group, sets the [`Mark`] of the attempt in its
//! environment, and records the group ([`Ctx::record_group`](crate::Ctx::record_group)) before the program does
//! anything. If the process that ran the attempt dies, the others terminate what it left before they settle its jobs:
//! the recorded groups, and every process with its mark, in any group.
//!
//! All of it needs `/proc` (Linux). Without it, nothing is found or terminated.

mod ending;
mod table;

use std::fmt;

use model::{AttemptNo, JobId};

use crate::types::ids::{Fence, WorkerId};

pub use ending::{end_group, end_marked, end_rest_of_group, signal_group};
pub use rustix::process::Signal;
pub use table::{Process, all, find, in_group, now};

/// Environment variable: worker id of the process that started the program.
pub const BOOT: &str = "MILEPOST_BOOT";
/// Environment variable: the job.
pub const JOB: &str = "MILEPOST_JOB";
/// Environment variable: the attempt.
pub const ATTEMPT: &str = "MILEPOST_ATTEMPT";

/// A process group, identified by its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Process id of the leader, and so the id of the group.
    pub leader: u32,
    /// Start time of the leader, in kernel ticks since boot. Process ids are reused; both together are unique.
    pub started: u64,
}

/// Environment variables that mark the processes of one attempt, or of all attempts of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Vec<(&'static str, String)>);

impl Mark {
    /// The mark of one attempt.
    pub(crate) fn of_attempt(fence: &Fence) -> Self {
        let Fence { job, attempt, worker } = fence;
        Self(vec![(BOOT, worker.0.clone()), (JOB, job.to_string()), (ATTEMPT, attempt.to_string())])
    }

    /// The mark of all attempts of a worker.
    pub fn of(worker: &str) -> Self {
        Self(vec![(BOOT, worker.to_owned())])
    }

    /// The variables to set in the environment of a program.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Whether an environment, as in `/proc/PID/environ`, contains the mark.
    fn is_in(&self, environment: &[u8]) -> bool {
        self.0.iter().all(|(name, value)| {
            let wanted = format!("{name}={value}");
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        })
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.leader.fmt(f)
    }
}

/// A recorded process group and its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: Group,
    /// The worker that started it.
    pub worker: WorkerId,
    /// Boot id of its host.
    pub host_boot_id: String,
    /// The job that it belongs to.
    pub job: JobId,
    /// The attempt.
    pub attempt: AttemptNo,
}

/// Terminates what dead workers left on the boot `here`: the recorded groups, if they are unchanged, and all processes
/// with their marks. Returns the number of processes. Blocks for some milliseconds, at most about a second.
pub(crate) fn terminate_orphans(dead: &[WorkerId], recorded: &[GroupRow], here: &str) -> usize {
    let mut ended = 0;
    for row in recorded {
        // After a reboot the ids are meaningless, and the processes are gone.
        if row.host_boot_id == here && !here.is_empty() {
            ended += end_group(row.group, &Mark::of(&row.worker.0));
        }
    }
    ended + dead.iter().map(|worker| end_marked(&Mark::of(&worker.0))).sum::<usize>()
}
