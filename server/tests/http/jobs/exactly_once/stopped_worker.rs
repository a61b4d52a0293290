//! A worker that `strace` stops (SIGSTOP) at a chosen system call.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::support::process::{PROGRAM, TIMEOUT, WorkerProcess, report_skipped, signal, system_command};

/// The point at which a worker is stopped: after one of its calls for a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopPoint {
    /// The system call.
    pub(super) call: &'static str,
    /// The file in the data directory; `JOB` is replaced by the job ID.
    pub(super) path: &'static str,
    pub(super) nth: Nth,
    /// Whether the output may already be published.
    pub(super) may_have_published: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Nth {
    /// The n-th call of one thread.
    Of(u32),
    /// The last call with this argument, as `strace` shows it.
    Last(&'static str),
}

impl StopPoint {
    /// A point before the publication.
    pub(super) const fn during(call: &'static str, path: &'static str, nth: Nth) -> Self {
        Self { call, path, nth, may_have_published: false }
    }

    /// A point after the publication, which only the job may not have recorded yet.
    pub(super) const fn after(call: &'static str, path: &'static str, nth: Nth) -> Self {
        Self { may_have_published: true, ..Self::during(call, path, nth) }
    }
}

/// Whether `strace` can stop processes here; if not, reports that the test is skipped.
pub(super) fn can_stop_processes() -> bool {
    let can =
        system_command("strace").args(["-qq", "-e", "trace=none", "true"]).status().is_ok_and(|run| run.success());
    if !can {
        report_skipped("there is no strace that may watch processes, so none can be stopped while it publishes");
    }
    can
}

/// Pauses between two checks; fails after [`TIMEOUT`].
pub(super) fn poll_again(started_at: Instant, what: &str) {
    assert!(started_at.elapsed() < TIMEOUT, "{what}");
    thread::sleep(Duration::from_millis(5));
}

pub(super) struct StoppedWorker {
    worker: WorkerProcess,
    /// The output file of `strace`.
    trace: PathBuf,
}

impl StoppedWorker {
    /// Starts a worker on `data` that is stopped at the `nth` call of a thread, or only traced.
    pub(super) fn start(data: &Path, job: i64, point: StopPoint, nth: Option<u32>, arguments: &[&str]) -> Self {
        let StopPoint { call, path, .. } = point;
        let trace = data.join("trace");
        let mut strace = system_command("strace");
        // With -D, strace is a grandchild: our child is the worker.
        strace.args(["-D", "-f", "-qq", "-e", &format!("trace={call}"), "-o"]).arg(&trace);
        if let Some(nth) = nth {
            strace.args(["-e", &format!("inject={call}:signal=SIGSTOP:when={nth}")]);
        }
        strace.arg("-P").arg(data.join(path.replace("JOB", &job.to_string())));
        strace.args([PROGRAM, "worker", "--data-dir"]).arg(data).args(arguments);
        // Not a pipe, because no one reads it and strace inherits it.
        strace.stderr(Stdio::from(File::create(data.join("stderr.log")).unwrap()));
        Self { worker: WorkerProcess::spawn(strace).ready(), trace }
    }

    /// Waits until the worker is stopped, and detaches `strace`; `false` when `lost` becomes true first.
    pub(super) fn wait_until_stopped(&self, lost: impl Fn() -> bool) -> bool {
        let started_at = Instant::now();
        // The line of the signal itself comes earlier: if strace ended then, the signal would be lost.
        while !fs::read_to_string(&self.trace).unwrap_or_default().contains("--- stopped by SIGSTOP") {
            if lost() {
                return false;
            }
            poll_again(started_at, "it is not stopped");
        }
        if let Some(tracer) = self.status("TracerPid").and_then(|pid| pid.parse().ok()) {
            signal(tracer, "KILL");
        }
        while !self.status("State").is_some_and(|state| state.starts_with('T')) {
            poll_again(started_at, "it does not stay stopped");
        }
        true
    }

    /// The number of the last call with `argument`, counted within its thread.
    pub(super) fn last_with(&self, argument: &str) -> Option<u32> {
        let trace = fs::read_to_string(&self.trace).unwrap();
        let calls: Vec<_> = trace.lines().filter(|line| line.contains('(')).collect();
        let last = calls.iter().rposition(|call| call.contains(argument))?;
        let thread = |call: &&str| call.split(' ').next().map(str::to_owned);
        Some(calls[..=last].iter().filter(|call| thread(call) == thread(&calls[last])).count() as u32)
    }

    /// Resumes the worker (SIGCONT).
    pub(super) fn resume(&self) {
        self.worker.signal("CONT");
    }

    fn status(&self, field: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.worker.pid())).unwrap();
        let mut fields = status.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned())
    }
}
