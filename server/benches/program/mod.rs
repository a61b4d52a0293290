//! The built program as benches run it, and the rows they print.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A process of `target/production/milepost` (`make bench` builds it); ended when dropped.
pub(crate) struct Program {
    child: Child,
    /// What it says once it is ready: a server where it listens.
    said: String,
}

impl Program {
    /// A server on a free port, with more arguments.
    pub(crate) fn server(data: &Path, more: &[&str]) -> anyhow::Result<Self> {
        Self::start(data, &[&["serve", "--addr", "127.0.0.1:0", "--no-auth"], more].concat())
    }

    /// Any process on `data`, once it has said that it is ready.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/production/milepost");
        let command = Command::new(binary)
            .args(arguments)
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = command?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut said)?;
        Ok(Self { child, said })
    }

    /// The address of a path of a server.
    pub(crate) fn url(&self, path: &str) -> String {
        let address = self.said.trim().strip_prefix("listening on ").unwrap_or_default();
        format!("{}{path}", address.trim_end_matches('/'))
    }

    /// Resident set, bytes, as the kernel counts it.
    #[allow(dead_code, reason = "not every bench asks for it")]
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        let kib: u64 = line.split_whitespace().nth(1).unwrap_or_default().parse()?;
        Ok(kib * 1024)
    }

    /// Processor time used so far, of all its threads, to a hundredth of a second.
    #[allow(dead_code, reason = "not every bench asks for it")]
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Before the last bracket is the program's name, which can contain anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGTERM is what an operator sends; the lock must be free for the next start.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Prints a row: what, the median, the least and the most.
pub(crate) fn row<T: Copy + Ord>(what: &str, runs: &mut [T], show: impl Fn(T) -> String) {
    runs.sort_unstable();
    println!("| {what} | {} | {} to {} |", show(runs[runs.len() / 2]), show(runs[0]), show(runs[runs.len() - 1]));
}

/// `1.24 ms`.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
