//! Scenario: one data directory, from its first process to its last.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    TIMEOUT,
    audit::{Audit, Statistics},
    child::{ChildProcess, KillTime},
    worker::WorkerConfig,
};

/// Time between two queries of the database.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Wait for a suspended process before checking whether it holds the write lock.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries to suspend a process between two of its writes.
const SUSPEND_TRIES: u32 = 20;

/// A fault of one of several processes on the same data.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is killed, and the others run on.
    Killed,
    /// It is killed and replaced.
    Replaced,
    /// It is suspended until the others have settled its jobs, and then continues.
    Suspended,
}

/// A round with several processes.
#[derive(Debug)]
pub(crate) struct MultiWorkerRound {
    /// Workers in addition to the server.
    workers: u32,
    /// Index of the process among the running ones, time, and fault.
    faults: Vec<(usize, KillTime, Fault)>,
}

impl MultiWorkerRound {
    /// Draws a random round; with `sleep`, the first fault is a suspension.
    pub(crate) fn choose(rng: &mut StdRng, sleep: bool) -> Self {
        let workers = rng.random_range(1..=2);
        let faults = (0..workers).map(|number| {
            let time = KillTime::choose(rng, workers + 1);
            let replaced = rng.random_bool(0.4);
            let fault = match (number, replaced) {
                (0, _) if sleep => Fault::Suspended,
                (_, false) => Fault::Killed,
                (_, true) => Fault::Replaced,
            };
            (rng.random_range(0..6), time, fault)
        });
        Self { workers, faults: faults.collect() }
    }
}

/// A data directory and the audit of it.
pub(crate) struct Scenario {
    folder: Option<TempDir>,
    audit: Audit,
    seed: u64,
    pub(crate) round: u32,
    /// Number of processes so far.
    processes: u32,
    users: u32,
}

impl Scenario {
    /// Starts a scenario with `users` simulated users per process.
    pub(crate) fn new(seed: u64, round: u32, users: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let audit = Audit::new(folder.path());
        Self { folder: Some(folder), audit, seed, round, processes: 0, users }
    }

    fn data(&self) -> &Path {
        self.folder.as_ref().expect("it is kept until the end").path()
    }

    fn start(&mut self, joins: bool, seed: u64, users: u32) -> ChildProcess {
        self.processes += 1;
        let number = self.processes;
        self.audit.process_started(number);
        ChildProcess::start(&WorkerConfig { data: self.data().to_owned(), seed, number, joins, users })
    }

    /// Starts a server and kills it.
    pub(crate) fn kill_one(&mut self, time: &KillTime, rng: &mut StdRng) {
        let mut child = self.start(false, rng.random(), self.users);
        child.wait_for(time);
        self.kill(child);
        self.audit.check();
        self.round += 1;
    }

    /// Starts a server and workers, and kills one after another while the rest continues and settles their jobs.
    pub(crate) fn kill_several(&mut self, setup: &MultiWorkerRound, rng: &mut StdRng) {
        // The same total number of users as with one server.
        let users = self.users / (setup.workers + 1);
        let mut living = Vec::new();
        for number in 0..=setup.workers {
            living.push(self.start(number > 0, rng.random(), users));
        }
        for (whom, time, fault) in &setup.faults {
            let seed = rng.random();
            let mut child = living.remove(whom % living.len());
            child.wait_for(time);
            let survivor = living.first_mut().expect("there is one more process than blows");
            survivor.wait_until_ready();
            match fault {
                Fault::Suspended => {
                    child.wait_until_ready();
                    self.suspend(&child);
                    living.push(child);
                }
                Fault::Killed | Fault::Replaced => {
                    let (number, pid, joins) = (child.number, child.pid(), child.joins);
                    self.kill(child);
                    self.wait_until_settled(number, pid);
                    self.audit.death_survived(number);
                    if matches!(fault, Fault::Replaced) {
                        living.push(self.start(joins, seed, users));
                    }
                }
            }
        }
        for child in living {
            self.kill(child);
        }
        self.audit.check();
        self.round += 1;
    }

    fn kill(&mut self, child: ChildProcess) {
        let number = child.number;
        self.audit.record(number, child.kill());
    }

    /// Suspends a process until the others have settled its jobs; not while it holds the write lock.
    fn suspend(&mut self, child: &ChildProcess) {
        for _ in 0..SUSPEND_TRIES {
            child.signal("STOP");
            let suspended = self.wait_suspended_until_settled(child);
            child.signal("CONT");
            if suspended {
                self.audit.suspended += 1;
                return;
            }
        }
    }

    /// Waits until the others have settled the jobs of a suspended process. Returns false if it holds the write lock: a
    /// thread inside a system call may acquire the lock after the signal and stop then.
    fn wait_suspended_until_settled(&self, child: &ChildProcess) -> bool {
        let begun = Instant::now();
        while self.audit.can_write() {
            if self.settles_within(SUSPEND_TIMEOUT, child.number, child.pid()) {
                return true;
            }
            assert!(begun.elapsed() < TIMEOUT, "the jobs of process {} are not settled", child.number);
        }
        false
    }

    /// Waits until the others have settled the jobs of a process.
    fn wait_until_settled(&self, process: u32, pid: u32) {
        assert!(self.settles_within(TIMEOUT, process, pid), "the jobs of process {process} are not settled");
    }

    fn settles_within(&self, timeout: Duration, process: u32, pid: u32) -> bool {
        let begun = Instant::now();
        while self.audit.is_registered_or_busy(process, pid) {
            if begun.elapsed() > timeout {
                return false;
            }
            thread::sleep(POLL_INTERVAL);
        }
        true
    }

    /// Runs a server that finishes all jobs and shuts down. Returns the statistics.
    pub(crate) fn finish(mut self) -> Statistics {
        let last = self.start(false, 0, 0);
        let number = last.number;
        self.audit.record(number, last.wait_for_exit());
        self.audit.check();
        self.audit.check_all_ended();
        self.audit.statistics()
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if thread::panicking() {
            let data = self.folder.take().map(TempDir::keep);
            #[expect(clippy::print_stderr, reason = "what is needed to look into it")]
            {
                eprintln!("round {} of SEED={}; the data is kept in {data:?}", self.round, self.seed);
            }
        }
    }
}
