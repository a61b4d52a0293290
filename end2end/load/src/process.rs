//! Server process: start, kill, and its processor time and memory.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

/// A running server and its children, terminated on drop.
pub(crate) struct Process {
    child: Child,
    /// Kept open, because a write to a closed pipe kills the server.
    _stdout: Option<BufReader<ChildStdout>>,
}

/// Resource usage of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Processor time (user and kernel) of all threads and children, with a resolution of 10 ms.
    pub(crate) processor: Duration,
    /// Resident memory, bytes; shared memory counts once.
    pub(crate) memory: u64,
}

impl Process {
    /// Starts a program. With `has_output`, waits for its first line and returns it.
    pub(crate) fn start(command: &mut Command, has_output: bool) -> Result<(Self, String)> {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::null()).stderr(Stdio::null());
        let command = if has_output { command.stdout(Stdio::piped()) } else { command.stdout(Stdio::null()) };
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut first_line = String::new();
        let mut stdout = child.stdout.take().map(BufReader::new);
        if let Some(stdout) = &mut stdout {
            stdout.read_line(&mut first_line)?;
            anyhow::ensure!(!first_line.is_empty(), "{name} ended before it was ready");
        }
        Ok((Self { child, _stdout: stdout }, first_line.trim().to_owned()))
    }

    /// Returns the resource usage of the process and its children.
    pub(crate) fn cost(&self) -> Result<Cost> {
        let main = self.child.id();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap_or_default();
        let all = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([main]);
        let mut sum = Cost::default();
        for id in all {
            let cost = of(id).with_context(|| format!("cannot read the resource usage of process {id}"))?;
            sum.processor += cost.processor;
            sum.memory += cost.memory;
        }
        Ok(sum)
    }

    /// Sends SIGKILL and waits for the end of the process.
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
        // SIGTERM, so that the locks are free for the next start.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn of(process: u32) -> Result<Cost> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program name is before the last bracket and may contain any character.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let memory = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let kib = memory.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    let kib: u64 = kib.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(Cost { processor: Duration::from_millis(ticks * 10), memory: kib * 1024 })
}
