//! A data directory, from its first server to its last.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    PATIENCE,
    audit::{Audit, Work},
    leash::{Moment, Victim},
    victim::Orders,
};

/// Between two looks into the database.
const LOOK: Duration = Duration::from_millis(5);

/// How long a stopped process is waited for before it is looked whether it keeps the database locked.
const GLANCE: Duration = Duration::from_secs(1);

/// How often it is tried to stop a process between two of its writes.
const TRIES: u32 = 20;

/// What happens to one of several processes on the same data.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// It is killed, and the others go on.
    Killed,
    /// The same, and another one takes its place.
    Replaced,
    /// It is stopped until the others have taken its jobs, and then wakes up.
    Asleep,
}

/// What happens in a round in which there are several.
#[derive(Debug)]
pub(crate) struct Company {
    /// How many there are beside the server.
    workers: u32,
    /// To whom, counted round those who live, when, and what.
    blows: Vec<(usize, Moment, Blow)>,
}

impl Company {
    /// One of which the first to be met is killed, or only put to sleep.
    pub(crate) fn choose(choices: &mut StdRng, sleep: bool) -> Self {
        let workers = choices.random_range(1..=2);
        let blows = (0..workers).map(|number| {
            let moment = Moment::choose(choices, workers + 1);
            let replaced = choices.random_bool(0.4);
            let blow = match (number, replaced) {
                (0, _) if sleep => Blow::Asleep,
                (_, false) => Blow::Killed,
                (_, true) => Blow::Replaced,
            };
            (choices.random_range(0..6), moment, blow)
        });
        Self { workers, blows: blows.collect() }
    }
}

/// The life.
pub(crate) struct Life {
    folder: Option<TempDir>,
    audit: Audit,
    seed: u64,
    pub(crate) round: u32,
    /// Processes so far.
    processes: u32,
    drivers: u32,
}

impl Life {
    /// One in which so many people are at work in every process.
    pub(crate) fn begin(seed: u64, round: u32, drivers: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let audit = Audit::new(folder.path());
        Self { folder: Some(folder), audit, seed, round, processes: 0, drivers }
    }

    fn data(&self) -> &Path {
        self.folder.as_ref().expect("it is kept until the end").path()
    }

    fn start(&mut self, joins: bool, seed: u64, drivers: u32) -> Victim {
        self.processes += 1;
        let number = self.processes;
        self.audit.begins(number);
        Victim::start(&Orders { data: self.data().to_owned(), seed, number, joins, drivers })
    }

    /// Lets a server begin, and kills it.
    pub(crate) fn kill_one(&mut self, moment: &Moment, choices: &mut StdRng) {
        let mut victim = self.start(false, choices.random(), self.drivers);
        victim.comes_to(moment);
        self.kill(victim);
        self.audit.check();
        self.round += 1;
    }

    /// Lets a server and workers begin, and kills one after the other, while the rest goes on with what the dead have left.
    pub(crate) fn kill_several(&mut self, company: &Company, choices: &mut StdRng) {
        // As many people as there are around one server, so that there is not more to do, but more who do it.
        let drivers = self.drivers / (company.workers + 1);
        let mut living = Vec::new();
        for number in 0..=company.workers {
            living.push(self.start(number > 0, choices.random(), drivers));
        }
        for (whom, moment, blow) in &company.blows {
            let seed = choices.random();
            let mut victim = living.remove(whom % living.len());
            victim.comes_to(moment);
            let witness = living.first_mut().expect("there is one more process than blows");
            witness.is_ready();
            match blow {
                Blow::Asleep => {
                    victim.is_ready();
                    self.put_to_sleep(&victim);
                    living.push(victim);
                }
                Blow::Killed | Blow::Replaced => {
                    let (number, pid, joins) = (victim.number, victim.pid(), victim.joins);
                    self.kill(victim);
                    self.is_settled(number, pid);
                    self.audit.is_survived(number);
                    if matches!(blow, Blow::Replaced) {
                        living.push(self.start(joins, seed, drivers));
                    }
                }
            }
        }
        for victim in living {
            self.kill(victim);
        }
        self.audit.check();
        self.round += 1;
    }

    fn kill(&mut self, victim: Victim) {
        let number = victim.number;
        self.audit.hear(number, victim.kill());
    }

    /// Stops a process for as long as it takes the others to count it as dead; not where it would keep the database locked.
    fn put_to_sleep(&mut self, victim: &Victim) {
        for _ in 0..TRIES {
            victim.signal("STOP");
            let slept = self.sleeps_until_settled(victim);
            victim.signal("CONT");
            if slept {
                self.audit.slept += 1;
                return;
            }
        }
    }

    /// Waits until the others have taken from a stopped process what it had; answers false where it keeps them from it. A
    /// thread in the middle of a system call may be given the lock after the process was told to stop, and stops then.
    fn sleeps_until_settled(&self, victim: &Victim) -> bool {
        let begun = Instant::now();
        while self.audit.can_be_written() {
            if self.settles_within(GLANCE, victim.number, victim.pid()) {
                return true;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody settles what process {} has left", victim.number);
        }
        false
    }

    /// Waits until the others have taken from a process what it had.
    fn is_settled(&self, process: u32, pid: u32) {
        assert!(self.settles_within(PATIENCE, process, pid), "nobody settles what process {process} has left");
    }

    fn settles_within(&self, patience: Duration, process: u32, pid: u32) -> bool {
        let begun = Instant::now();
        while self.audit.counts_as_living(process, pid) {
            if begun.elapsed() > patience {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }

    /// Lets a server bring to its end whatever the dead have left; answers how much it was.
    pub(crate) fn end_in_peace(mut self) -> Work {
        let last = self.start(false, 0, 0);
        let number = last.number;
        self.audit.hear(number, last.outlive());
        self.audit.check();
        self.audit.check_that_all_is_over();
        self.audit.work()
    }
}

impl Drop for Life {
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
