//! Child processes of attempts: marks them, finds them again after a crash, and terminates them.
//!
//! An attempt that starts a program makes it the leader of a group of its own, gives it the [`Mark`] of the attempt in
//! its environment, and has the group recorded ([`Ctx::record_group`](crate::Ctx::record_group)) before the program
//! does anything. When the process that ran the attempt is found dead, the others end what it left before they settle
//! its jobs: the groups that are recorded, and whatever bears its mark, in whichever group.
//!
//! All of it rests on `/proc` (Linux). Where there is none, nothing is found and nothing harmed.

mod ending;
mod table;

use std::fmt;

use model::{AttemptNo, JobId};

use crate::types::ids::{Fence, WorkerId};

pub use ending::{end_group, end_marked, end_rest_of_group, signal_group};
pub use rustix::process::Signal;
pub use table::{Process, all, find, in_group, now};

/// In the environment of a program: the process that started it, since its start.
pub const BOOT: &str = "MILEPOST_BOOT";
/// The job it was started for.
pub const JOB: &str = "MILEPOST_JOB";
/// The attempt.
pub const ATTEMPT: &str = "MILEPOST_ATTEMPT";

/// A group of processes, named by its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The number of the first process, and so of the group.
    pub leader: u32,
    /// When that process began, in ticks of the kernel since it did. Numbers come again; both together do not.
    pub started: u64,
}

/// By which the processes of an attempt, or of all attempts of a process of ours, are known: variables of their
/// environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Vec<(&'static str, String)>);

impl Mark {
    /// That of one attempt.
    pub(crate) fn of_attempt(fence: &Fence) -> Self {
        let Fence { job, attempt, worker } = fence;
        Self(vec![(BOOT, worker.0.clone()), (JOB, job.to_string()), (ATTEMPT, attempt.to_string())])
    }

    /// That of all attempts that a process of ours runs, by its boot id.
    pub fn of(worker: &str) -> Self {
        Self(vec![(BOOT, worker.to_owned())])
    }

    /// The variables, to be set in the environment of a program.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Whether an environment, as in `/proc/PID/environ`, contains all of it.
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

/// A group and whose it is, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: Group,
    /// Who started it.
    pub worker: WorkerId,
    /// The kernel it was started on, by its boot id.
    pub kernel: String,
    /// The job it was started for.
    pub job: JobId,
    /// The attempt.
    pub attempt: AttemptNo,
}

/// Ends what dead processes of ours have left on the kernel `here`: the groups recorded, if they are still the same,
/// and whatever bears the mark of one of them. Blocks for some milliseconds, at most for a second or so. Answers how
/// many processes there were.
pub(crate) fn terminate_orphans(dead: &[WorkerId], recorded: &[GroupRow], here: &str) -> usize {
    let mut ended = 0;
    for row in recorded {
        // On another kernel the numbers mean nothing, and all of it died with that one.
        if row.kernel == here && !here.is_empty() {
            ended += end_group(row.group, &Mark::of(&row.worker.0));
        }
    }
    ended + dead.iter().map(|worker| end_marked(&Mark::of(&worker.0))).sum::<usize>()
}
