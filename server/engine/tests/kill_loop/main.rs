//! Servers and workers that are killed in the middle of their work, one after the other on the same data: what was
//! acknowledged is there, and nothing is there twice.
//!
//! The test runs this program anew as its victims (`victim`), listens to what they say of themselves (`words`), kills
//! them (`leash`) at a moment that nobody has chosen, alone or beside others that live on (`life`), and compares what they said with what the database holds (`audit`), whose
//! log of events must tell the life of every job without a hole (`chronicle`).
//!
//! `SEED=7` repeats the choices of a run, though not its timing. `SOAK=600` (`make soak`) goes on for so many seconds,
//! under more load.

mod audit;
mod chronicle;
mod leash;
mod life;
mod tasks;
mod victim;
mod words;

use std::{
    env,
    time::{Duration, Instant},
};

use audit::Work;
use leash::Moment;
use life::{Company, Life};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Rounds of the test.
const ROUNDS: u32 = 200;
/// Databases whose creation is cut short.
const CREATIONS: u32 = 30;
/// Rounds on one data directory, before it comes to its end in peace and the next begins.
const ROUNDS_PER_LIFE: u32 = 25;
/// Longer than a victim takes for anything, on any machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// One round in so many has a server and workers, of which some are killed while the others live on; and in one of so many
/// of these, one is not killed but stopped until it has lost its jobs.
const COMPANY: u32 = 8;
const SLEEP: u32 = 3;

/// How long this goes on, and how hard it is.
struct Plan {
    seed: u64,
    soak: Option<Duration>,
    drivers: u32,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name| env::var(name).ok().map(|text| text.parse().expect("SEED and SOAK are numbers"));
        let soak = number("SOAK").map(Duration::from_secs);
        Self { seed: number("SEED").unwrap_or_else(rand::random), soak, drivers: if soak.is_some() { 16 } else { 8 } }
    }

    fn is_over(&self, rounds: u32, since: Instant) -> bool {
        self.soak.map_or(rounds >= ROUNDS, |soak| since.elapsed() >= soak)
    }
}

#[test]
fn killed_servers_lose_and_duplicate_nothing() {
    let plan = Plan::from_environment();
    let mut choices = StdRng::seed_from_u64(plan.seed);
    let (began, mut round, mut work) = (Instant::now(), 0, Work::default());
    while !plan.is_over(round, began) {
        let mut life = Life::begin(plan.seed, round, plan.drivers);
        for _ in 0..ROUNDS_PER_LIFE {
            if life.round.is_multiple_of(COMPANY) {
                let sleep = life.round.is_multiple_of(COMPANY * SLEEP);
                life.kill_several(&Company::choose(&mut choices, sleep), &mut choices);
            } else {
                life.kill_one(&Moment::choose(&mut choices, 1), &mut choices);
            }
        }
        round = life.round;
        work += life.end_in_peace();
    }
    #[expect(clippy::print_stderr, reason = "shown with --nocapture")]
    {
        eprintln!("{round} rounds, {work:?}");
    }
    // Most servers have lived long enough to have something to lose.
    let rounds = round as usize;
    let enough = work.starts > rounds && work.attempts > rounds && work.cut_short > rounds / 4 && work.continued > 0;
    let together = work.survived >= rounds / COMPANY as usize / 2 && work.slept >= rounds / 50;
    assert!(enough && together, "{rounds} rounds, {work:?}");
}

#[test]
fn server_killed_while_creating_database_blocks_no_start() {
    let plan = Plan::from_environment();
    let mut choices = StdRng::seed_from_u64(plan.seed);
    for round in 0..CREATIONS {
        let mut life = Life::begin(plan.seed, round, plan.drivers);
        let moment = Moment::FromTheStart(Duration::from_micros(choices.random_range(0..25_000)));
        life.kill_one(&moment, &mut choices);
        life.end_in_peace();
    }
}
