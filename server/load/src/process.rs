//! A server as a child process, and what it costs, seen from outside.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

/// A running server and its children; ended when dropped.
pub(crate) struct Process {
    child: Child,
    /// Open as long as it runs: whoever writes to a closed one is ended.
    _stdout: Option<BufReader<ChildStdout>>,
}

/// What it has used so far, or holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Processor time in user and kernel, of all threads and children, to a hundredth of a second.
    pub(crate) processor: Duration,
    /// Resident memory, bytes; what processes share is counted once.
    pub(crate) memory: u64,
}

impl Process {
    /// Starts a program and waits for the first line it says where `speaks`; answers that too.
    pub(crate) fn start(command: &mut Command, speaks: bool) -> Result<(Self, String)> {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::null()).stderr(Stdio::null());
        let command = if speaks { command.stdout(Stdio::piped()) } else { command.stdout(Stdio::null()) };
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut said = String::new();
        let mut stdout = child.stdout.take().map(BufReader::new);
        if let Some(stdout) = &mut stdout {
            stdout.read_line(&mut said)?;
            anyhow::ensure!(!said.is_empty(), "{name} ended before it was ready");
        }
        Ok((Self { child, _stdout: stdout }, said.trim().to_owned()))
    }

    /// What it and its children cost.
    pub(crate) fn cost(&self) -> Result<Cost> {
        let main = self.child.id();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap_or_default();
        let all = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([main]);
        let mut sum = Cost::default();
        for id in all {
            let cost = of(id).with_context(|| format!("cannot see what process {id} costs"))?;
            sum.processor += cost.processor;
            sum.memory += cost.memory;
        }
        Ok(sum)
    }

    /// SIGKILL, and the wait for its end.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // As an operator ends it: locks must be free for the next start.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn of(process: u32) -> Result<Cost> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // What stands before the last bracket is the program's name, which may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let memory = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let kib = memory.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    let kib: u64 = kib.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(Cost { processor: Duration::from_millis(ticks * 10), memory: kib * 1024 })
}
