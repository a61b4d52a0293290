//! Everything to everybody: what one server takes to bring each number to each stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    board::{Board, Collector, Delivered},
    crew::{Crew, Outcome, Retry},
    server::{Kind, Server},
};

/// How long streams may take to open, and numbers to arrive.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a server is left alone for before its memory is looked at.
const REST: Duration = Duration::from_millis(500);
/// Connections that publish at the same time, where as much is published as is delivered.
const PUBLISHERS: usize = 8;
/// Numbers under way at the same time then.
const UNDER_WAY: u64 = 32;

/// How numbers are published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many a second.
    PerSecond(u32),
    /// As soon as everybody has the one [`UNDER_WAY`] before.
    AsDelivered,
}

/// What one run shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// From the request that publishes to the client's receipt.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
    /// Processor time of the server for each number at each client.
    pub(crate) per_event: Duration,
    /// Resident memory of the server for each stream, bytes, once all of that was sent.
    pub(crate) per_stream: f64,
    /// Numbers at clients, each second.
    pub(crate) rate: f64,
    /// Bytes of an event, of its fields and line breaks.
    pub(crate) bytes: f64,
}

/// Measures one server.
pub(crate) fn run(kind: Kind, streams: usize, pace: Pace, time: Duration) -> Result<Figures> {
    let server = kind.start()?;
    let board = Arc::new(Board::new());
    thread::sleep(REST);
    let empty = server.cost()?.memory;
    let ears = (0..streams).map(|_| Collector::new(&board, server.live_with(), server.live_with())).collect();
    let crew = Crew::start(server.plan(Retry::Never, 2), ears)?;
    crew.all_live(PATIENCE)?;
    publish(&server, &board, streams, pace, Duration::from_secs(1))?;
    arrive(&board, streams, &crew)?;
    thread::sleep(REST);

    board.measure();
    let first = board.end();
    let (before, begun) = (server.cost()?, Instant::now());
    publish(&server, &board, streams, pace, time)?;
    arrive(&board, streams, &crew)?;
    let elapsed = begun.elapsed();
    let after = server.cost()?;
    let events = ((board.end() - first) * streams as u64) as f64;
    let broken = crew.broken();
    ensure!(broken == 0, "{}: {broken} streams broke: {}", kind.name(), crew.faults());
    let (outcomes, tallies) = crew.end()?;
    reconcile(kind, &board, outcomes)?;

    let all = tallies.into_iter().fold(Delivered::default(), |mut all, tally| {
        all.latency.merge(&tally.latency);
        all.events += tally.events;
        all.bytes += tally.bytes;
        all.foreign += tally.foreign;
        all
    });
    ensure!(all.foreign == 0, "{}: {} numbers came that nobody has sent", kind.name(), all.foreign);
    Ok(Figures {
        p50: all.latency.quantile(0.5),
        p99: all.latency.quantile(0.99),
        most: all.latency.most(),
        per_event: after.processor.saturating_sub(before.processor).div_f64(events),
        per_stream: after.memory.saturating_sub(empty) as f64 / streams as f64,
        rate: events / elapsed.as_secs_f64(),
        bytes: all.bytes as f64 / all.events as f64,
    })
}

/// Each client must have received each number, and each once.
pub(crate) fn reconcile(kind: Kind, board: &Board, outcomes: Vec<Outcome<Collector>>) -> Result<()> {
    let (mut missing, mut doubled) = (0, 0_u64);
    for outcome in outcomes {
        let mut seen = outcome.ear.seen;
        seen.end(board.end());
        missing += seen.missing.into_iter().filter(|number| !board.may_be_missing(*number)).count() as u64;
        doubled += seen.doubled;
    }
    ensure!(missing + doubled == 0, "{}: {missing} numbers are missing, {doubled} came twice", kind.name());
    Ok(())
}

/// Waits until everybody has everything: of what was published at the same time, any may come last.
pub(crate) fn arrive(board: &Board, streams: usize, crew: &Crew<Collector>) -> Result<()> {
    let begun = Instant::now();
    for number in board.end().saturating_sub(UNDER_WAY + PUBLISHERS as u64).max(1)..board.end() {
        while board.got(number) < streams as u32 && !board.may_be_missing(number) {
            let got = board.got(number);
            let late = begun.elapsed() >= PATIENCE;
            ensure!(!late, "only {got} of {streams} streams have number {number}: {}", crew.faults());
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// Publishes for a while.
fn publish(server: &Server, board: &Board, streams: usize, pace: Pace, time: Duration) -> Result<()> {
    let (begun, publishers) = (Instant::now(), if matches!(pace, Pace::AsDelivered) { PUBLISHERS } else { 1 });
    let failed = AtomicBool::new(false);
    let work = || -> Result<()> {
        let mut publisher = server.publisher();
        for turn in 0_u32.. {
            match pace {
                Pace::PerSecond(rate) => {
                    let due = Duration::from_secs(1) * turn / rate;
                    if due >= time {
                        break;
                    }
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                }
                Pace::AsDelivered => {
                    // What another publisher is about to take counts too.
                    let waits_for = board.end().saturating_sub(UNDER_WAY);
                    while waits_for > 0 && board.got(waits_for) < streams as u32 && begun.elapsed() < time {
                        ensure!(!failed.load(Relaxed), "another publisher failed");
                        thread::sleep(Duration::from_micros(100));
                    }
                    if begun.elapsed() >= time {
                        break;
                    }
                }
            }
            let Some(number) = board.take() else { break };
            publisher.publish(number)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..publishers)
            .map(|_| {
                scope.spawn(|| {
                    let done = work();
                    failed.fetch_or(done.is_err(), Relaxed);
                    done
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => anyhow::bail!("a publisher panicked"),
        })
    })
}
