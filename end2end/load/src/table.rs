//! Table of all measurements: medians of several rounds, and ratios within the same round.

use std::time::Duration;

use anyhow::Result;

use crate::{
    clients::Retry,
    fanout::{self, Pace},
    jobs::{self, Scenario},
    reconnect,
    server::Kind,
};

/// Number of rounds and durations of the measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durations {
    /// Rounds of the comparison with other servers.
    pub(crate) rounds: usize,
    /// Duration of each round.
    pub(crate) time: Duration,
    /// Duration of the measurement with jobs.
    pub(crate) jobs: Duration,
}

/// Name, value and format of a figure.
type Figure = (&'static str, fn(&fanout::Figures) -> f64, fn(f64) -> String);

const PACED: [Figure; 6] = [
    ("p50", |figures| figures.p50.as_secs_f64() * 1e3, millis),
    ("p99", |figures| figures.p99.as_secs_f64() * 1e3, millis),
    ("max", |figures| figures.max.as_secs_f64() * 1e3, millis),
    ("processor time of the server per event", |figures| figures.per_event.as_secs_f64() * 1e6, micros),
    ("memory of the server per stream", |figures| figures.per_stream / 1024.0, kibibytes),
    ("bytes per event", |figures| figures.bytes, count),
];
const FASTEST: [Figure; 3] = [
    ("events per second", |figures| figures.rate, count),
    ("p99", |figures| figures.p99.as_secs_f64() * 1e3, millis),
    ("processor time of the server per event", |figures| figures.per_event.as_secs_f64() * 1e6, micros),
];

/// Runs all measurements and prints the table.
pub(crate) fn print(durations: Durations) -> Result<()> {
    let kinds = Kind::all();
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    println!("| what | {} | Milepost to {} |", names.join(" | "), names[..names.len() - 1].join(" | to "));
    println!("|---|{}", "---|".repeat(2 * names.len() - 1));
    let ten = Pace::PerSecond(10);
    compare(&kinds, "10,000 streams, 10 messages per second", 10_000, ten, durations, &PACED)?;
    compare(&kinds, "1,000 streams, as many messages as are delivered", 1_000, Pace::AsDelivered, durations, &FASTEST)?;

    println!("\n| what | Milepost | target |\n|---|---|---|");
    let figures = jobs::run(Scenario { jobs: 1_000, streams: 1_000, shown: 50, time: durations.jobs })?;
    let what = "1,000 jobs that report continuously, 1,000 streams that show 50 of them each";
    line(&format!("{what}: age of the shown value, p99"), &time(figures.shown_p99), "120 ms");
    line("same run: age of an arriving value, p99", &time(figures.arrival_p99), "");
    line("same run: received values", &format!("{}/s", count(figures.rate)), "");
    line("same run: processor, jobs included", &format!("{:.2} cores", figures.cores), "");
    line("same run: memory at the end relative to the beginning", &format!("{:.3}", figures.growth), "flat");
    line("same run: ends of jobs received, each once and last", &count(figures.ends as f64), "all");
    let figures = jobs::run(Scenario { jobs: 1, streams: 1_001, shown: 1, time: durations.time })?;
    let reported = figures.arrival_p95 + Duration::from_millis(100);
    line("report to client with 1,000 other streams, p95, at most", &time(reported), "200 ms");

    for (streams, retry, what, wanted) in [
        (2_000, EVERY, "2,000 streams that retry every 300 ms, server killed", "1,450 ms"),
        (10_000, EVERY, "10,000 such streams", "15,000 ms"),
        (2_000, Retry::Browser, "2,000 streams that retry as browsers do", ""),
    ] {
        let figures = reconnect::run(streams, retry)?;
        let down = figures.down.as_millis();
        line(&format!("{what}, down for {down} ms: live again, p99"), &time(figures.p99), wanted);
        line("same run: last stream", &time(figures.max), "");
    }
    Ok(())
}

const EVERY: Retry = Retry::Every(Duration::from_millis(300));

/// Measures all servers in turn, round by round. If another server fails in a round, the failure is printed and its
/// figures of that round are left out. A failure of Milepost is an error.
fn compare(
    kinds: &[Kind],
    what: &str,
    streams: usize,
    pace: Pace,
    durations: Durations,
    figures: &[Figure],
) -> Result<()> {
    let mut rounds: Vec<Vec<Option<fanout::Figures>>> = Vec::new();
    for _ in 0..durations.rounds {
        let run = |kind: &Kind| match fanout::run(*kind, streams, pace, durations.time) {
            Err(error) if *kind != Kind::Milepost => {
                println!("| {what}: no figures in one round: {error:#} |");
                Ok(None)
            }
            figures => figures.map(Some),
        };
        rounds.push(kinds.iter().map(run).collect::<Result<_>>()?);
    }
    for (name, figure, show) in figures {
        let of = |round: &[Option<fanout::Figures>], kind: usize| round[kind].as_ref().map(figure);
        let value = |kind: usize| median(rounds.iter().filter_map(|round| of(round, kind)).collect());
        let values: Vec<_> = (0..kinds.len()).map(|kind| value(kind).map_or_else(none, show)).collect();
        let ours = kinds.len() - 1;
        let ratio = |kind: usize| {
            let ratios = rounds.iter().filter_map(|round| Some(of(round, ours)? / of(round, kind)?));
            median(ratios.collect()).map_or_else(none, |ratio| format!("{ratio:.2}"))
        };
        let ratios: Vec<_> = (0..ours).map(ratio).collect();
        println!("| {what}: {name} | {} | {} |", values.join(" | "), ratios.join(" | "));
    }
    Ok(())
}

fn none() -> String {
    "-".to_owned()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn line(what: &str, value: &str, wanted: &str) {
    println!("| {what} | {value} | {wanted} |");
}

fn time(time: Duration) -> String {
    millis(time.as_secs_f64() * 1e3)
}

fn millis(value: f64) -> String {
    if value < 1_000.0 { format!("{value:.1} ms") } else { format!("{} ms", count(value)) }
}

fn micros(value: f64) -> String {
    format!("{value:.2} µs")
}

fn kibibytes(value: f64) -> String {
    format!("{value:.1} KiB")
}

fn count(value: f64) -> String {
    model::count(value.round() as u64)
}
