//! The process table of the kernel, read from `/proc`.

use std::fs;

use super::Mark;

/// A process in the kernel's process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Id of its group.
    pub group: u32,
    /// Start time, in kernel ticks since boot.
    pub started: u64,
    /// Resident memory, bytes; shared memory counts for each process.
    pub resident: u64,
    /// Whether it has ended and its parent has not waited for it (a zombie).
    pub ended: bool,
}

impl Process {
    /// Whether it was started with the mark in its environment. `false` if this process may not read it.
    pub fn bears(&self, mark: &Mark) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid));
        environment.is_ok_and(|environment| mark.is_in(&environment))
    }
}

/// The current time in kernel ticks since boot, as [`Process::started`]; 0 if unknown.
pub fn now() -> u64 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    (seconds * rustix::param::clock_ticks_per_second() as f64).round() as u64
}

/// All processes that this one can see.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(find).collect()
}

/// One process.
pub fn find(pid: u32) -> Option<Process> {
    read(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The members of a group that have not ended.
pub fn in_group(group: u32) -> Vec<Process> {
    let mut found = all();
    found.retain(|process| process.group == group && !process.ended);
    found
}

/// Parses `/proc/PID/stat` (`proc_pid_stat(5)`). The second field is the program's name, which may contain any
/// character; it ends at the last bracket.
fn read(pid: u32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        pid,
        group: u32::try_from(number(2)?).ok()?,
        started: number(19)?,
        resident: number(21)? * rustix::param::page_size() as u64,
        ended: matches!(*fields.first()?, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_name_with_any_characters_is_parsed() {
        let fields = "S 1 77 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 4096 10 18446744073709551615";
        let found = read(5, &format!("5 (a) b) R 9 9) {fields}")).expect("readable");
        assert_eq!((found.pid, found.group, found.started, found.ended), (5, 77, 123_456, false));
        assert_eq!(found.resident, 10 * rustix::param::page_size() as u64);
    }

    #[test]
    fn own_process_is_found() {
        let own = find(std::process::id()).expect("there");
        assert!(own.resident > 0);
        assert!(all().contains(&Process { resident: own.resident, ..own }) || !all().is_empty());
    }
}
