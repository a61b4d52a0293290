//! Many jobs that report all the time, many streams that each show some of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use memchr::memmem::Finder;

use crate::{
    board::number_after,
    crew::{Crew, Ear, Retry},
    histogram::Histogram,
    seed::House,
    server::Server,
    sse::Event,
};

const PATIENCE: Duration = Duration::from_mins(1);
/// What everything has to come to rest in before it is measured.
const WARM_UP: Duration = Duration::from_secs(3);
/// The jobs end one after the other over this time, seconds.
const ENDINGS: usize = 5;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    /// Jobs that run.
    pub(crate) jobs: usize,
    /// Streams.
    pub(crate) streams: usize,
    /// Jobs that each shows.
    pub(crate) shown: usize,
    /// How long.
    pub(crate) time: Duration,
}

/// What it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// How old a value is at the client, when it comes.
    pub(crate) come_p95: Duration,
    pub(crate) come_p99: Duration,
    /// How old it has become when the next takes its place: the age of what is shown at its greatest.
    pub(crate) shown_p99: Duration,
    /// Values at clients, each second.
    pub(crate) rate: f64,
    /// The server's share of one core, with all the jobs in it.
    pub(crate) cores: f64,
    /// Its memory in the last quarter of the time to that in the second.
    pub(crate) growth: f64,
    /// Ends of jobs, each at each stream that shows it; all there were.
    pub(crate) ends: u64,
}

/// Runs it. An error where an end of a job is lost, told twice, or not the last that is told of it.
pub(crate) fn run(scene: Scene) -> Result<Figures> {
    let Scene { jobs, streams, shown, time } = scene;
    let house = House::build(streams)?;
    let server = Server::milepost(house, &["--concurrency", &jobs.to_string()])?;
    let seconds = (WARM_UP + time).as_secs() as usize + 4;
    let numbers = start(&server, jobs, seconds)?;
    let watch = Arc::new(Watch::new());
    let shows = move |stream: usize| (0..shown).map(move |n| (stream * shown + n) % jobs);
    let ears = (0..streams).map(|stream| {
        let mut jobs: Vec<_> = shows(stream).map(|place| (numbers[place], Shown::default())).collect();
        jobs.sort_unstable_by_key(|(job, _)| *job);
        Viewer { watch: Arc::clone(&watch), jobs }
    });
    let ears: Vec<_> = ears.collect();
    let path = {
        let numbers = numbers.clone();
        move |stream: usize| {
            let rows: Vec<_> = shows(stream).map(|place| format!("row={}", numbers[place])).collect();
            format!("/events?{}", rows.join("&"))
        }
    };
    let crew = Crew::start(server.plan_of(Retry::Never, 2, path), ears)?;
    crew.all_live(PATIENCE)?;
    thread::sleep(WARM_UP);

    watch.measuring.store(true, Relaxed);
    let (before, begun) = (server.cost()?, Instant::now());
    let mut memory = Vec::new();
    while begun.elapsed() < time {
        thread::sleep(LOOK);
        memory.push(server.cost()?.memory as f64);
    }
    watch.measuring.store(false, Relaxed);
    let (after, elapsed) = (server.cost()?, begun.elapsed().as_secs_f64());

    let expected = (streams * shown) as u64;
    let (waits, most) = (Instant::now(), Duration::from_secs((seconds + ENDINGS) as u64) + PATIENCE);
    while watch.ends.load(Relaxed) < expected {
        let ends = watch.ends.load(Relaxed);
        ensure!(waits.elapsed() < most, "only {ends} of {expected} ends of jobs have come: {}", crew.faults());
        thread::sleep(Duration::from_millis(10));
    }
    // What is told too often comes now.
    thread::sleep(LOOK);
    ensure!(crew.broken() == 0, "streams broke: {}", crew.faults());
    let (outcomes, tallies) = crew.end()?;
    let ended = outcomes.iter().flat_map(|outcome| &outcome.ear.jobs).filter(|(_, shown)| shown.ends == 1).count();
    let mut all = Ages::default();
    for tally in tallies {
        all.come.merge(&tally.come);
        all.shown.merge(&tally.shown);
        all.late += tally.late;
    }
    ensure!(ended as u64 == expected, "{ended} of {expected} ends of jobs were told once");
    ensure!(all.late == 0, "{} values came after the end of their job, or older than what was shown", all.late);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let quarter = memory.len() / 4;
    Ok(Figures {
        come_p95: all.come.quantile(0.95),
        come_p99: all.come.quantile(0.99),
        shown_p99: all.shown.quantile(0.99),
        rate: all.come.count() as f64 / elapsed,
        cores: after.processor.saturating_sub(before.processor).as_secs_f64() / elapsed,
        growth: mean(&memory[memory.len() - quarter..]) / mean(&memory[quarter..2 * quarter]),
        ends: expected,
    })
}

/// Starts the jobs, and waits until all of them run; answers their numbers.
fn start(server: &Server, jobs: usize, seconds: usize) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for job in 0..jobs {
        let seconds = seconds + job % ENDINGS;
        let input = format!("kind=demo&input=%7B%22seconds%22%3A{seconds}%2C%22reports_per_second%22%3A20%7D");
        let number = server.call("start_job", &input)?;
        numbers.push(number.parse().with_context(|| format!("a job whose number is {number}"))?);
    }
    Ok(numbers)
}

/// What the clients share.
struct Watch {
    measuring: AtomicBool,
    ends: AtomicU64,
    /// The same moment on both clocks: servers tell of the one, what comes is timed by the other.
    moment: (Instant, SystemTime),
    job: Finder<'static>,
    rev: Finder<'static>,
    at: Finder<'static>,
    end: Finder<'static>,
}

impl Watch {
    fn new() -> Self {
        Self {
            measuring: AtomicBool::new(false),
            ends: AtomicU64::new(0),
            moment: (Instant::now(), SystemTime::now()),
            job: Finder::new("\"job\":"),
            rev: Finder::new("\"rev\":"),
            at: Finder::new("\"at\":"),
            end: Finder::new("\"state\":\"succeeded\""),
        }
    }

    /// Microseconds as servers tell them.
    fn wall(&self, now: Instant) -> u64 {
        let wall = self.moment.1 + now.saturating_duration_since(self.moment.0);
        wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
    }
}

/// One client, and what it shows of each of its jobs.
struct Viewer {
    watch: Arc<Watch>,
    /// By their numbers.
    jobs: Vec<(u64, Shown)>,
}

impl Viewer {
    fn shown(&mut self, event: &Event<'_>) -> Option<&mut Shown> {
        let job = number_after(event.data, &self.watch.job)?;
        // Mostly they are numbered without gaps.
        let guess = job.checked_sub(self.jobs.first()?.0)? as usize;
        let place = match self.jobs.get(guess) {
            Some((number, _)) if *number == job => guess,
            Some(_) | None => self.jobs.binary_search_by_key(&job, |(number, _)| *number).ok()?,
        };
        Some(&mut self.jobs[place].1)
    }
}

#[derive(Default)]
struct Shown {
    rev: u64,
    /// When what is shown was true, microseconds.
    at: Option<u64>,
    ends: u64,
}

#[derive(Default)]
struct Ages {
    come: Histogram,
    shown: Histogram,
    late: u64,
}

impl Ear for Viewer {
    type Tally = Ages;

    fn hear(&mut self, event: &Event<'_>, now: Instant, tally: &mut Ages) -> bool {
        let watch = Arc::clone(&self.watch);
        match event.name {
            b"progress" => {
                let (rev, at) = (number_after(event.data, &watch.rev), number_after(event.data, &watch.at));
                let (Some(shown), Some(rev)) = (self.shown(event), rev) else { return false };
                tally.late += u64::from(shown.ends > 0 || rev <= shown.rev);
                shown.rev = rev;
                let before = std::mem::replace(&mut shown.at, at);
                if watch.measuring.load(Relaxed)
                    && let (Some(at), Some(before)) = (at, before)
                {
                    let now = watch.wall(now);
                    tally.come.add(Duration::from_micros(now.saturating_sub(at)));
                    tally.shown.add(Duration::from_micros(now.saturating_sub(before)));
                }
            }
            b"state" if watch.end.find(event.data).is_some() => {
                if let Some(shown) = self.shown(event) {
                    shown.ends += 1;
                    watch.ends.fetch_add(1, Relaxed);
                }
            }
            _ => {}
        }
        event.name == b"snapshot"
    }
}
