//! Terminates processes and process groups, and never one that only reuses a process id.

use std::{thread, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, getpgrp, kill_process_group, pidfd_open, pidfd_send_signal};

use super::{Group, Mark, Process, table};

/// Pause before processes that were sent SIGKILL are checked again …
const LOOK: Duration = Duration::from_millis(10);
/// … and number of checks. A process that remains waits for a disk that does not respond, or this process may not kill
/// it.
const LOOKS: usize = 100;

/// Sends a signal to a group that cannot have been replaced: the caller started its leader and has not yet waited for
/// it.
pub fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = group_of(leader) {
        // It may have ended.
        let _ = kill_process_group(group, signal);
    }
}

/// Kills a group with SIGKILL if it is still the recorded one: the start time of its leader matches, or, if the
/// leader has ended, another member has the mark. Returns the number of its processes.
pub fn end_group(group: Group, mark: &Mark) -> usize {
    let members = table::in_group(group.leader);
    let is_same = match table::find(group.leader) {
        Some(leader) => leader.started == group.started,
        // An id is not reused while a group has it.
        None => members.iter().any(|process| process.bears(mark)),
    };
    if !is_same || members.is_empty() {
        return 0;
    }
    until_gone(|| table::in_group(group.leader), |_| signal_group(group.leader, Signal::KILL));
    members.len()
}

/// Kills with SIGKILL what is left of a group whose leader was waited for and had ended at `ended` ([`table::now`]).
/// Every process in the group since then belongs to it, with or without a mark, because the id cannot have been reused.
/// Returns their number.
pub fn end_rest_of_group(leader: u32, ended: u64) -> usize {
    let members = table::in_group(leader);
    if members.iter().any(|process| process.started <= ended) {
        until_gone(|| table::in_group(leader), |_| signal_group(leader, Signal::KILL));
        return members.len();
    }
    0
}

/// Kills all processes with the mark, in any group. Returns their number.
pub fn end_marked(mark: &Mark) -> usize {
    let own = std::process::id();
    let marked = || {
        let mut found = table::all();
        found.retain(|process| !process.ended && process.pid != own && process.bears(mark));
        found
    };
    let before = marked();
    if !before.is_empty() {
        until_gone(marked, |left| left.iter().for_each(end));
    }
    before.len()
}

/// Sends SIGKILL until none is left: a process may fork in between.
fn until_gone(left: impl Fn() -> Vec<Process>, kill: impl Fn(&[Process])) {
    for _ in 0..LOOKS {
        let left = left();
        if left.is_empty() {
            return;
        }
        kill(&left);
        thread::sleep(LOOK);
    }
    tracing::warn!("processes that were sent SIGKILL are still there");
}

/// Kills one process, and its group if it is the leader, so that processes that fork quickly are killed too.
fn end(process: &Process) {
    if process.pid == process.group {
        return signal_group(process.pid, Signal::KILL);
    }
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return };
    // Opened as a pidfd before the second check, so that its id cannot be reused in between.
    if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
        && table::find(process.pid).is_some_and(|now| now.started == process.started)
    {
        let _ = pidfd_send_signal(&handle, Signal::KILL);
    }
}

/// The id of a group for the system; never that of this process, nor 0 and 1, which mean others.
fn group_of(leader: u32) -> Option<Pid> {
    let group = i32::try_from(leader).ok().filter(|leader| *leader > 1).and_then(Pid::from_raw)?;
    (group != getpgrp()).then_some(group)
}
