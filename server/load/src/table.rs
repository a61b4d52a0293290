//! All that is measured, as one table: medians of several rounds, and ratios of what was measured in the same round.

use std::time::Duration;

use anyhow::Result;

use crate::{
    comeback,
    crew::Retry,
    fanout::{self, Pace},
    jobs::{self, Scene},
    server::Kind,
};

/// How long everything takes, and so how much the figures can be trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds of those that stand beside others.
    pub(crate) rounds: usize,
    /// Of each round.
    pub(crate) time: Duration,
    /// Of the jobs that report all the time.
    pub(crate) jobs: Duration,
}

/// A figure of a server, and how it is written.
type Figure = (&'static str, fn(&fanout::Figures) -> f64, fn(f64) -> String);

const PACED: [Figure; 6] = [
    ("p50", |figures| figures.p50.as_secs_f64() * 1e3, millis),
    ("p99", |figures| figures.p99.as_secs_f64() * 1e3, millis),
    ("most", |figures| figures.most.as_secs_f64() * 1e3, millis),
    ("processor time of the server for each event", |figures| figures.per_event.as_secs_f64() * 1e6, micros),
    ("memory of the server for each stream", |figures| figures.per_stream / 1024.0, kibibytes),
    ("bytes of an event", |figures| figures.bytes, count),
];
const FASTEST: [Figure; 3] = [
    ("events a second", |figures| figures.rate, count),
    ("p99", |figures| figures.p99.as_secs_f64() * 1e3, millis),
    ("processor time of the server for each event", |figures| figures.per_event.as_secs_f64() * 1e6, micros),
];

/// Measures everything and prints it.
pub(crate) fn print(effort: Effort) -> Result<()> {
    let kinds = Kind::all();
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    println!("| what | {} | Milepost to {} |", names.join(" | "), names[..names.len() - 1].join(" | to "));
    println!("|---|{}", "---|".repeat(2 * names.len() - 1));
    let ten = Pace::PerSecond(10);
    beside(&kinds, "10,000 streams, 10 messages a second", 10_000, ten, effort, &PACED)?;
    beside(&kinds, "1,000 streams, as many messages as they take", 1_000, Pace::AsDelivered, effort, &FASTEST)?;

    println!("\n| what | Milepost | wanted |\n|---|---|---|");
    let figures = jobs::run(Scene { jobs: 1_000, streams: 1_000, shown: 50, time: effort.jobs })?;
    let what = "1,000 jobs report all the time, 1,000 streams show 50 of them each";
    line(&format!("{what}: age of what is shown, p99"), &time(figures.shown_p99), "120 ms");
    line("the same: age of what comes, p99", &time(figures.come_p99), "");
    line("the same: values at clients", &format!("{}/s", count(figures.rate)), "");
    line("the same: processor, with the jobs", &format!("{:.2} cores", figures.cores), "");
    line("the same: memory at the end to that at the beginning", &format!("{:.3}", figures.growth), "flat");
    line("the same: ends of jobs told, each once and last", &count(figures.ends as f64), "all");
    let figures = jobs::run(Scene { jobs: 1, streams: 1_001, shown: 1, time: effort.time })?;
    let reported = figures.come_p95 + Duration::from_millis(100);
    line("report to client with 1,000 other streams, p95, at most", &time(reported), "200 ms");

    for (streams, retry, what, wanted) in [
        (2_000, EVERY, "2,000 streams that try again every 300 ms, server killed", "1,450 ms"),
        (10_000, EVERY, "10,000 of them", "15,000 ms"),
        (2_000, Retry::Browser, "2,000 that try again as browsers do", ""),
    ] {
        let figures = comeback::run(streams, retry)?;
        let down = figures.down.as_millis();
        line(&format!("{what}, down for {down} ms: live again, p99"), &time(figures.p99), wanted);
        line("the same: the last", &time(figures.most), "");
    }
    Ok(())
}

const EVERY: Retry = Retry::Every(Duration::from_millis(300));

/// Measures all servers in turn, round by round. One that others are measured by has no figures in a round in which it
/// fails, which is said; ours may not fail.
fn beside(kinds: &[Kind], what: &str, streams: usize, pace: Pace, effort: Effort, figures: &[Figure]) -> Result<()> {
    let mut rounds: Vec<Vec<Option<fanout::Figures>>> = Vec::new();
    for _ in 0..effort.rounds {
        let run = |kind: &Kind| match fanout::run(*kind, streams, pace, effort.time) {
            Err(error) if *kind != Kind::Milepost => {
                println!("| {what}: no figures of a round, as {error:#} |");
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
