//! Job test: many jobs that report continuously, and many streams that each show some of them.

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
    clients::{Clients, EventHandler, Retry},
    deliveries::number_after,
    fixture::Fixture,
    histogram::Histogram,
    server::Server,
    sse::Event,
};

/// Time limit for opening the streams, and for the ends of the jobs.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Time between the start and the measurement.
const WARM_UP: Duration = Duration::from_secs(3);
/// The ends of the jobs are spread over this time, seconds.
const END_SPREAD: usize = 5;
/// Interval between two measurements of the memory.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);

/// The parameters of the test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Number of running jobs.
    pub(crate) jobs: usize,
    /// Number of streams.
    pub(crate) streams: usize,
    /// Number of jobs that each stream shows.
    pub(crate) shown: usize,
    /// Duration of the measurement.
    pub(crate) time: Duration,
}

/// The measured figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Age of a value when it arrives at a client.
    pub(crate) arrival_p95: Duration,
    pub(crate) arrival_p99: Duration,
    /// Age of the shown value when the next one replaces it, which is its maximum.
    pub(crate) shown_p99: Duration,
    /// Received values per second, all clients together.
    pub(crate) rate: f64,
    /// Processor usage of the server and its jobs, cores.
    pub(crate) cores: f64,
    /// Ratio of the memory in the last quarter of the measurement to that in the second quarter.
    pub(crate) growth: f64,
    /// Received ends of jobs, one for each stream that shows the job.
    pub(crate) ends: u64,
}

/// Runs the test. Returns an error if the end of a job is missing, duplicated, or not the last event of the job.
pub(crate) fn run(scenario: Scenario) -> Result<Figures> {
    let Scenario { jobs, streams, shown, time } = scenario;
    let fixture = Fixture::build(streams)?;
    let server = Server::milepost(fixture, &["--concurrency", &jobs.to_string()])?;
    let seconds = (WARM_UP + time).as_secs() as usize + 4;
    let numbers = start(&server, jobs, seconds)?;
    let shared = Arc::new(Shared::new());
    let shows = move |stream: usize| (0..shown).map(move |n| (stream * shown + n) % jobs);
    let handlers = (0..streams).map(|stream| {
        let mut jobs: Vec<_> = shows(stream).map(|place| (numbers[place], ShownJob::default())).collect();
        jobs.sort_unstable_by_key(|(job, _)| *job);
        Viewer { shared: Arc::clone(&shared), jobs }
    });
    let handlers: Vec<_> = handlers.collect();
    let path = {
        let numbers = numbers.clone();
        move |stream: usize| {
            let rows: Vec<_> = shows(stream).map(|place| format!("row={}", numbers[place])).collect();
            format!("/events?{}", rows.join("&"))
        }
    };
    let clients = Clients::start(server.plan_with_paths(Retry::Never, 2, path), handlers)?;
    clients.all_live(TIMEOUT)?;
    thread::sleep(WARM_UP);

    shared.measuring.store(true, Relaxed);
    let (before, begun) = (server.cost()?, Instant::now());
    let mut memory = Vec::new();
    while begun.elapsed() < time {
        thread::sleep(SAMPLE_INTERVAL);
        memory.push(server.cost()?.memory as f64);
    }
    shared.measuring.store(false, Relaxed);
    let (after, elapsed) = (server.cost()?, begun.elapsed().as_secs_f64());

    let expected = (streams * shown) as u64;
    let (waits, most) = (Instant::now(), Duration::from_secs((seconds + END_SPREAD) as u64) + TIMEOUT);
    while shared.ends.load(Relaxed) < expected {
        let ends = shared.ends.load(Relaxed);
        ensure!(waits.elapsed() < most, "only {ends} of {expected} ends of jobs have arrived: {}", clients.faults());
        thread::sleep(Duration::from_millis(10));
    }
    // Duplicates arrive now.
    thread::sleep(SAMPLE_INTERVAL);
    ensure!(clients.broken() == 0, "streams broke: {}", clients.faults());
    let (outcomes, tallies) = clients.end()?;
    let ended = outcomes.iter().flat_map(|outcome| &outcome.handler.jobs).filter(|(_, shown)| shown.ends == 1).count();
    let mut all = Ages::default();
    for tally in tallies {
        all.arrival.merge(&tally.arrival);
        all.shown.merge(&tally.shown);
        all.late += tally.late;
    }
    ensure!(ended as u64 == expected, "{ended} of {expected} ends of jobs arrived exactly once");
    ensure!(all.late == 0, "{} values came after the end of their job, or older than what was shown", all.late);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let quarter = memory.len() / 4;
    Ok(Figures {
        arrival_p95: all.arrival.quantile(0.95),
        arrival_p99: all.arrival.quantile(0.99),
        shown_p99: all.shown.quantile(0.99),
        rate: all.arrival.count() as f64 / elapsed,
        cores: after.processor.saturating_sub(before.processor).as_secs_f64() / elapsed,
        growth: mean(&memory[memory.len() - quarter..]) / mean(&memory[quarter..2 * quarter]),
        ends: expected,
    })
}

/// Starts the jobs and returns their numbers.
fn start(server: &Server, jobs: usize, seconds: usize) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for job in 0..jobs {
        let seconds = seconds + job % END_SPREAD;
        let input = format!("kind=demo&input=%7B%22seconds%22%3A{seconds}%2C%22reports_per_second%22%3A20%7D");
        let number = server.call("start_job", &input)?;
        numbers.push(number.parse().with_context(|| format!("invalid job number {number}"))?);
    }
    Ok(numbers)
}

/// State that the clients share.
struct Shared {
    measuring: AtomicBool,
    ends: AtomicU64,
    /// The same moment on both clocks: servers send wall time, and receipts use the monotonic clock.
    epoch: (Instant, SystemTime),
    job: Finder<'static>,
    rev: Finder<'static>,
    at: Finder<'static>,
    end: Finder<'static>,
}

impl Shared {
    fn new() -> Self {
        Self {
            measuring: AtomicBool::new(false),
            ends: AtomicU64::new(0),
            epoch: (Instant::now(), SystemTime::now()),
            job: Finder::new("\"job\":"),
            rev: Finder::new("\"rev\":"),
            at: Finder::new("\"at\":"),
            end: Finder::new("\"state\":\"succeeded\""),
        }
    }

    /// Converts to wall time in microseconds, as in the events.
    fn wall(&self, now: Instant) -> u64 {
        let wall = self.epoch.1 + now.saturating_duration_since(self.epoch.0);
        wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
    }
}

/// Event handler of one client, with the state of each job that it shows.
struct Viewer {
    shared: Arc<Shared>,
    /// The jobs, sorted by number.
    jobs: Vec<(u64, ShownJob)>,
}

impl Viewer {
    fn shown(&mut self, event: &Event<'_>) -> Option<&mut ShownJob> {
        let job = number_after(event.data, &self.shared.job)?;
        // The numbers usually have no gaps.
        let guess = job.checked_sub(self.jobs.first()?.0)? as usize;
        let place = match self.jobs.get(guess) {
            Some((number, _)) if *number == job => guess,
            Some(_) | None => self.jobs.binary_search_by_key(&job, |(number, _)| *number).ok()?,
        };
        Some(&mut self.jobs[place].1)
    }
}

#[derive(Default)]
struct ShownJob {
    rev: u64,
    /// Time of the shown value, microseconds.
    at: Option<u64>,
    ends: u64,
}

#[derive(Default)]
struct Ages {
    arrival: Histogram,
    shown: Histogram,
    late: u64,
}

impl EventHandler for Viewer {
    type Tally = Ages;

    fn on_event(&mut self, event: &Event<'_>, now: Instant, tally: &mut Ages) -> bool {
        let shared = Arc::clone(&self.shared);
        match event.name {
            b"progress" => {
                let (rev, at) = (number_after(event.data, &shared.rev), number_after(event.data, &shared.at));
                let (Some(shown), Some(rev)) = (self.shown(event), rev) else { return false };
                tally.late += u64::from(shown.ends > 0 || rev <= shown.rev);
                shown.rev = rev;
                let before = std::mem::replace(&mut shown.at, at);
                if shared.measuring.load(Relaxed)
                    && let (Some(at), Some(before)) = (at, before)
                {
                    let now = shared.wall(now);
                    tally.arrival.add(Duration::from_micros(now.saturating_sub(at)));
                    tally.shown.add(Duration::from_micros(now.saturating_sub(before)));
                }
            }
            b"state" if shared.end.find(event.data).is_some() => {
                if let Some(shown) = self.shown(event) {
                    shown.ends += 1;
                    shared.ends.fetch_add(1, Relaxed);
                }
            }
            _ => {}
        }
        event.name == b"snapshot"
    }
}
