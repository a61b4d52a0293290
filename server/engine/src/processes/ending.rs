//! Terminates processes and process groups, and never one that only reuses a process id.

use std::{thread, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, getpgrp, kill_process_group, pidfd_open, pidfd_send_signal};

use super::{Group, Mark, Process, table};

/// What was sent SIGKILL is looked at again after this …
const LOOK: Duration = Duration::from_millis(10);
/// … and how often; a process that is still there waits for a disk that does not respond, or may not be ended by this
/// process.
const LOOKS: usize = 100;

/// Sends a signal to a group that is certainly the one meant: its first process has been started by the caller, who has
/// not yet asked for its exit code.
pub fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = group_of(leader) {
        // It may have ended.
        let _ = kill_process_group(group, signal);
    }
}

/// Ends a group with SIGKILL, if it still is the one that was recorded: its first process began when the record says,
/// or, where that has ended, one of the others bears the mark. Answers how many processes it had.
pub fn end_group(group: Group, mark: &Mark) -> usize {
    let members = table::in_group(group.leader);
    let is_same = match table::find(group.leader) {
        Some(leader) => leader.started == group.started,
        // A number is not given away while a group is called so.
        None => members.iter().any(|process| process.bears(mark)),
    };
    if !is_same || members.is_empty() {
        return 0;
    }
    until_gone(|| table::in_group(group.leader), |_| signal_group(group.leader, Signal::KILL));
    members.len()
}

/// Ends with SIGKILL what is left of a group whose first process the caller has waited for, which was over at `ended`
/// ([`table::now`]): every process in it since then is meant, with or without a mark, because the number cannot have
/// been given away. Answers how many processes that were.
pub fn end_rest_of_group(leader: u32, ended: u64) -> usize {
    let members = table::in_group(leader);
    if members.iter().any(|process| process.started <= ended) {
        until_gone(|| table::in_group(leader), |_| signal_group(leader, Signal::KILL));
        return members.len();
    }
    0
}

/// Ends all that bear the mark, wherever they have gone. Answers how many there were.
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

/// Sends SIGKILL until there are none: one that forks meanwhile has children.
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

/// Ends one process, and its group if it leads one: this also ends processes that fork faster than they are ended.
fn end(process: &Process) {
    if process.pid == process.group {
        return signal_group(process.pid, Signal::KILL);
    }
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return };
    // Held by its handle before it is looked at again, so that nothing can take its number in between.
    if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
        && table::find(process.pid).is_some_and(|now| now.started == process.started)
    {
        let _ = pidfd_send_signal(&handle, Signal::KILL);
    }
}

/// The number of a group as the system takes it; never that of this process, nor 0 and 1, which mean others.
fn group_of(leader: u32) -> Option<Pid> {
    let group = i32::try_from(leader).ok().filter(|leader| *leader > 1).and_then(Pid::from_raw)?;
    (group != getpgrp()).then_some(group)
}
