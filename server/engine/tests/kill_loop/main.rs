//! Servers that are killed in the middle of their work, one after the other on the same data: what was acknowledged is
//! there, and nothing is there twice.
//!
//! The test runs this program anew as its victims (`victim`), listens to what they say of themselves (`words`), kills
//! them at a moment that nobody has chosen, and compares what they said with what the database holds (`audit`), whose
//! log of events must tell the life of every job without a hole (`chronicle`).
//!
//! `SEED=7` repeats the choices of a run, though not its timing. `SOAK=600` (`make soak`) goes on for so many seconds,
//! under more load.

mod audit;
mod chronicle;
mod tasks;
mod victim;
mod words;

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use audit::{Audit, Work};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use victim::Orders;
use words::Said;

/// Rounds of the test.
const ROUNDS: u32 = 200;
/// Databases whose creation is cut short.
const CREATIONS: u32 = 30;
/// Rounds on one data directory, before it comes to its end in peace and the next begins.
const ROUNDS_PER_LIFE: u32 = 25;
/// Longer than a victim takes for anything, on any machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// The number of SIGKILL.
const KILLED: i32 = 9;

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

/// When a victim dies.
#[derive(Debug)]
enum Moment {
    /// So long after its process began: while it opens the database, migrates it, settles what the last one left.
    FromTheStart(Duration),
    /// So long after it began to work.
    AtWork(Duration),
    /// When it has said so much more.
    AfterWords(usize),
}

impl Moment {
    fn choose(choices: &mut StdRng) -> Self {
        match choices.random_range(0..10) {
            0..3 => Self::FromTheStart(Duration::from_micros(choices.random_range(0..60_000))),
            3..7 => Self::AtWork(Duration::from_micros(choices.random_range(0..120_000))),
            _ => Self::AfterWords(choices.random_range(1..200)),
        }
    }
}

/// A data directory, from its first server to its last.
struct Life {
    folder: Option<TempDir>,
    audit: Audit,
    seed: u64,
    round: u32,
}

impl Life {
    fn begin(seed: u64, round: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let audit = Audit::new(folder.path());
        Self { folder: Some(folder), audit, seed, round }
    }

    fn data(&self) -> &Path {
        self.folder.as_ref().expect("it is kept until the end").path()
    }

    /// Lets a server begin, and kills it.
    fn kill_one(&mut self, moment: Moment, choices: &mut StdRng, drivers: u32) {
        let orders = Orders { data: self.data().to_owned(), seed: choices.random(), round: self.round, drivers };
        let mut victim = Victim::start(&orders);
        match moment {
            Moment::FromTheStart(pause) => thread::sleep(pause),
            Moment::AtWork(pause) => {
                victim.listen_until(|said| matches!(said, Said::Ready));
                thread::sleep(pause);
            }
            Moment::AfterWords(words) => {
                let mut left = words;
                victim.listen_until(|_| {
                    left -= 1;
                    left == 0
                });
            }
        }
        let said = victim.kill();
        self.audit.hear(self.round, said);
        self.audit.check();
        self.round += 1;
    }

    /// Lets a server bring to its end whatever the dead have left; answers how much it was.
    fn end_in_peace(mut self) -> Work {
        let orders = Orders { data: self.data().to_owned(), seed: 0, round: self.round, drivers: 0 };
        let said = Victim::start(&orders).outlive();
        self.audit.hear(self.round, said);
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

/// A server that will be killed.
struct Victim {
    process: Child,
    /// What it says, line by line, until its end.
    lines: Receiver<String>,
    said: Vec<Said>,
    /// What it said that are no words of ours: why it died by itself.
    last_words: String,
}

impl Victim {
    fn start(orders: &Orders) -> Self {
        let program = env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["victim::a_server_at_work", "--exact", "--ignored", "--nocapture"]);
        orders.give(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it begins");
        let voice = BufReader::new(process.stderr.take().expect("it is piped"));
        let (heard, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in voice.split(b'\n').map_while(Result::ok) {
                let _ = heard.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { process, lines, said: Vec::new(), last_words: String::new() }
    }

    fn listen_until(&mut self, mut enough: impl FnMut(&Said) -> bool) {
        let patient_until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(patient_until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if self.note(&line) && self.said.last().is_some_and(&mut enough) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.process.kill();
                    panic!("the victim says nothing of interest any more; it said {:?}", self.said);
                }
            }
        }
    }

    /// Takes in a line; whether it was ours, and whole.
    fn note(&mut self, line: &str) -> bool {
        if let Some(said) = Said::read(line) {
            self.said.push(said);
            return true;
        }
        // The last line may have been cut short.
        if !Said::begins(line) {
            self.last_words.push_str(line);
            self.last_words.push('\n');
        }
        false
    }

    /// Ends it the hard way, and answers all that it said.
    fn kill(mut self) -> Vec<Said> {
        let _ = self.process.kill();
        let status = self.process.wait().expect("it is our child");
        self.listen_until(|_| false);
        let killed = status.signal() == Some(KILLED) && self.last_words.is_empty();
        assert!(killed, "the victim died by itself: {status}\n{}", self.last_words);
        self.said
    }

    /// Waits for it to end by itself.
    fn outlive(mut self) -> Vec<Said> {
        self.listen_until(|_| false);
        let status = self.process.wait().expect("it is our child");
        assert!(status.success() && self.last_words.is_empty(), "it did not end well: {status}\n{}", self.last_words);
        self.said
    }
}

#[test]
fn whenever_servers_are_killed_nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let plan = Plan::from_environment();
    let mut choices = StdRng::seed_from_u64(plan.seed);
    let (began, mut round, mut work) = (Instant::now(), 0, Work::default());
    while !plan.is_over(round, began) {
        let mut life = Life::begin(plan.seed, round);
        for _ in 0..ROUNDS_PER_LIFE {
            life.kill_one(Moment::choose(&mut choices), &mut choices, plan.drivers);
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
    assert!(enough, "{rounds} rounds, {work:?}");
}

#[test]
fn a_server_killed_while_it_creates_its_database_is_in_nobodys_way() {
    let plan = Plan::from_environment();
    let mut choices = StdRng::seed_from_u64(plan.seed);
    for round in 0..CREATIONS {
        let mut life = Life::begin(plan.seed, round);
        let moment = Moment::FromTheStart(Duration::from_micros(choices.random_range(0..25_000)));
        life.kill_one(moment, &mut choices, plan.drivers);
        life.end_in_peace();
    }
}
