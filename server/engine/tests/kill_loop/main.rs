//! Kill loop: servers and workers are killed at random moments on the same data. Acknowledged writes survive, and
//! nothing happens twice.
//!
//! The test runs this program again as workers (`worker`), reads their reports (`report`), kills them at random moments
//! (`child`), alone or while others run on (`scenario`), and compares the reports with the database (`audit`), whose
//! event log must contain the life of every job without a gap (`event_history`).
//!
//! `SEED=7` repeats the random choices of a run, not its timing. `SOAK=600` (`make soak`) runs for 600 s under more
//! load.

mod audit;
mod child;
mod event_history;
mod report;
mod scenario;
mod tasks;
mod worker;

use std::{
    env,
    time::{Duration, Instant},
};

use audit::Statistics;
use child::KillTime;
use rand::{Rng, SeedableRng, rngs::StdRng};
use scenario::{MultiWorkerRound, Scenario};

/// Rounds of the test.
const ROUNDS: u32 = 200;
/// Databases whose creation is interrupted.
const CREATIONS: u32 = 30;
/// Rounds on one data directory before an orderly shutdown and the next directory.
const ROUNDS_PER_LIFE: u32 = 25;
/// Timeout of every wait; longer than a worker needs on any machine.
const TIMEOUT: Duration = Duration::from_mins(2);
/// Every n-th round has a server and workers, some of which are killed while the others run on. In every n-th of these,
/// one is suspended until it has lost its jobs instead of killed.
const MULTI_WORKER_EVERY: u32 = 8;
const SUSPEND_EVERY: u32 = 3;

/// Duration and load of the test.
struct Plan {
    seed: u64,
    soak: Option<Duration>,
    users: u32,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name| env::var(name).ok().map(|text| text.parse().expect("SEED and SOAK are numbers"));
        let soak = number("SOAK").map(Duration::from_secs);
        Self { seed: number("SEED").unwrap_or_else(rand::random), soak, users: if soak.is_some() { 16 } else { 8 } }
    }

    fn is_over(&self, rounds: u32, since: Instant) -> bool {
        self.soak.map_or(rounds >= ROUNDS, |soak| since.elapsed() >= soak)
    }
}

#[test]
fn killed_servers_lose_and_duplicate_nothing() {
    let plan = Plan::from_environment();
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let (began, mut round, mut statistics) = (Instant::now(), 0, Statistics::default());
    while !plan.is_over(round, began) {
        let mut scenario = Scenario::new(plan.seed, round, plan.users);
        for _ in 0..ROUNDS_PER_LIFE {
            if scenario.round.is_multiple_of(MULTI_WORKER_EVERY) {
                let sleep = scenario.round.is_multiple_of(MULTI_WORKER_EVERY * SUSPEND_EVERY);
                scenario.kill_several(&MultiWorkerRound::choose(&mut rng, sleep), &mut rng);
            } else {
                scenario.kill_one(&KillTime::choose(&mut rng, 1), &mut rng);
            }
        }
        round = scenario.round;
        statistics += scenario.finish();
    }
    #[expect(clippy::print_stderr, reason = "shown with --nocapture")]
    {
        eprintln!("{round} rounds, {statistics:?}");
    }
    // Most processes must have run long enough to have unsaved work.
    let rounds = round as usize;
    let enough = statistics.starts > rounds
        && statistics.attempts > rounds
        && statistics.cut_short > rounds / 4
        && statistics.continued > 0;
    let together =
        statistics.survived >= rounds / MULTI_WORKER_EVERY as usize / 2 && statistics.suspended >= rounds / 50;
    assert!(enough && together, "{rounds} rounds, {statistics:?}");
}

#[test]
fn server_killed_while_creating_database_blocks_no_start() {
    let plan = Plan::from_environment();
    let mut rng = StdRng::seed_from_u64(plan.seed);
    for round in 0..CREATIONS {
        let mut scenario = Scenario::new(plan.seed, round, plan.users);
        let time = KillTime::Start(Duration::from_micros(rng.random_range(0..25_000)));
        scenario.kill_one(&time, &mut rng);
        scenario.finish();
    }
}
