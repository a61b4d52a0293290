//! A worker that `strace` stops (SIGSTOP) at a chosen call of the system.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::support::process::{PROGRAM, TIMEOUT, WorkerProcess, report_skipped, signal, system_command};

/// Where a worker falls asleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopPoint {
    /// Right after this call of the system …
    pub(super) call: &'static str,
    /// … for this file in the data directory (`JOB` stands for the job) …
    pub(super) path: &'static str,
    /// … when it is this one.
    pub(super) nth: Nth,
    /// Whether it has published by then.
    pub(super) may_have_published: bool,
}

/// Which of several calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nth {
    /// The so many-th of one thread.
    Of(u32),
    /// The last one that has this among its arguments, as `strace` shows them.
    Last(&'static str),
}

impl StopPoint {
    /// In the middle.
    pub(super) const fn during(call: &'static str, path: &'static str, nth: Nth) -> Self {
        Self { call, path, nth, may_have_published: false }
    }

    /// At the end, when it may be that only the job does not know yet.
    pub(super) const fn after(call: &'static str, path: &'static str, nth: Nth) -> Self {
        Self { may_have_published: true, ..Self::during(call, path, nth) }
    }
}

/// Whether processes can be stopped so. If not, it is said.
pub(super) fn can_stop_processes() -> bool {
    let can =
        system_command("strace").args(["-qq", "-e", "trace=none", "true"]).status().is_ok_and(|run| run.success());
    if !can {
        report_skipped("there is no strace that may watch processes, so none can be stopped while it publishes");
    }
    can
}

/// Between two looks at what nobody tells of.
pub(super) fn poll_again(begun: Instant, what: &str) {
    assert!(begun.elapsed() < TIMEOUT, "{what}");
    thread::sleep(Duration::from_millis(5));
}

/// The worker.
pub(super) struct StoppedWorker {
    worker: WorkerProcess,
    /// What `strace` says.
    trace: PathBuf,
}

impl StoppedWorker {
    /// Starts one on `data`, for this job; it is stopped at the `nth` call of a thread, or only watched.
    pub(super) fn start(data: &Path, job: i64, point: StopPoint, nth: Option<u32>, arguments: &[&str]) -> Self {
        let StopPoint { call, path, .. } = point;
        let trace = data.join("trace");
        let mut strace = system_command("strace");
        // Not our child itself (-D): that is the worker.
        strace.args(["-D", "-f", "-qq", "-e", &format!("trace={call}"), "-o"]).arg(&trace);
        if let Some(nth) = nth {
            strace.args(["-e", &format!("inject={call}:signal=SIGSTOP:when={nth}")]);
        }
        strace.arg("-P").arg(data.join(path.replace("JOB", &job.to_string())));
        strace.args([PROGRAM, "worker", "--data-dir"]).arg(data).args(arguments);
        // It is heard by nobody, and strace has the same.
        strace.stderr(Stdio::from(File::create(data.join("said")).unwrap()));
        Self { worker: WorkerProcess::spawn(strace).ready(), trace }
    }

    /// Waits until it has been stopped, and lets `strace` go; `false` when `lost` says first that it will not be.
    pub(super) fn is_stopped(&self, lost: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        // The signal itself is seen before that: without strace, which hands it on, it would be lost.
        while !fs::read_to_string(&self.trace).unwrap_or_default().contains("--- stopped by SIGSTOP") {
            if lost() {
                return false;
            }
            poll_again(begun, "it is not stopped");
        }
        if let Some(tracer) = self.status("TracerPid").and_then(|pid| pid.parse().ok()) {
            signal(tracer, "KILL");
        }
        while !self.status("State").is_some_and(|state| state.starts_with('T')) {
            poll_again(begun, "it does not stay stopped");
        }
        true
    }

    /// Which call of its thread was the last one that had `argument`.
    pub(super) fn last_with(&self, argument: &str) -> Option<u32> {
        let trace = fs::read_to_string(&self.trace).unwrap();
        let calls: Vec<_> = trace.lines().filter(|line| line.contains('(')).collect();
        let last = calls.iter().rposition(|call| call.contains(argument))?;
        let thread = |call: &&str| call.split(' ').next().map(str::to_owned);
        Some(calls[..=last].iter().filter(|call| thread(call) == thread(&calls[last])).count() as u32)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.worker.signal("CONT");
    }

    fn status(&self, field: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.worker.pid())).unwrap();
        let mut fields = status.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned())
    }
}
