//! Fan-out test: the cost and latency of sending each message to all streams of a server.

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
    clients::{Clients, Outcome, Retry},
    deliveries::{Collector, Delivered, Deliveries},
    server::{Kind, Server},
};

/// Time limit for opening all streams, and for the arrival of all numbers.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Idle time before the memory of a server is measured.
const REST: Duration = Duration::from_millis(500);
/// Number of concurrent publishers with [`Pace::AsDelivered`].
const PUBLISHERS: usize = 8;
/// Number of messages in flight with [`Pace::AsDelivered`].
const IN_FLIGHT: u64 = 32;

/// The pace of publishing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// A fixed number per second.
    PerSecond(u32),
    /// As soon as all clients have the message [`IN_FLIGHT`] before.
    AsDelivered,
}

/// The measured figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Latency from the publish request to the receipt by a client.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// Processor time of the server per event and client.
    pub(crate) per_event: Duration,
    /// Resident memory of the server per stream after the run, bytes.
    pub(crate) per_stream: f64,
    /// Received events per second, all clients together.
    pub(crate) rate: f64,
    /// Mean size of an event with its line breaks, bytes.
    pub(crate) bytes: f64,
}

/// Measures one server.
pub(crate) fn run(kind: Kind, streams: usize, pace: Pace, time: Duration) -> Result<Figures> {
    let server = kind.start()?;
    let deliveries = Arc::new(Deliveries::new());
    thread::sleep(REST);
    let empty = server.cost()?.memory;
    let handlers = (0..streams).map(|_| Collector::new(&deliveries, server.live_with(), server.live_with())).collect();
    let clients = Clients::start(server.plan(Retry::Never, 2), handlers)?;
    clients.all_live(TIMEOUT)?;
    publish(&server, &deliveries, streams, pace, Duration::from_secs(1))?;
    arrive(&deliveries, streams, &clients)?;
    thread::sleep(REST);

    deliveries.measure();
    let first = deliveries.end();
    let (before, begun) = (server.cost()?, Instant::now());
    publish(&server, &deliveries, streams, pace, time)?;
    arrive(&deliveries, streams, &clients)?;
    let elapsed = begun.elapsed();
    let after = server.cost()?;
    let events = ((deliveries.end() - first) * streams as u64) as f64;
    let broken = clients.broken();
    ensure!(broken == 0, "{}: {broken} streams broke: {}", kind.name(), clients.faults());
    let (outcomes, tallies) = clients.end()?;
    reconcile(kind, &deliveries, outcomes)?;

    let all = tallies.into_iter().fold(Delivered::default(), |mut all, tally| {
        all.latency.merge(&tally.latency);
        all.events += tally.events;
        all.bytes += tally.bytes;
        all.foreign += tally.foreign;
        all
    });
    ensure!(all.foreign == 0, "{}: {} received numbers were never sent", kind.name(), all.foreign);
    Ok(Figures {
        p50: all.latency.quantile(0.5),
        p99: all.latency.quantile(0.99),
        max: all.latency.max(),
        per_event: after.processor.saturating_sub(before.processor).div_f64(events),
        per_stream: after.memory.saturating_sub(empty) as f64 / streams as f64,
        rate: events / elapsed.as_secs_f64(),
        bytes: all.bytes as f64 / all.events as f64,
    })
}

/// Checks that each client received each number exactly once.
pub(crate) fn reconcile(kind: Kind, deliveries: &Deliveries, outcomes: Vec<Outcome<Collector>>) -> Result<()> {
    let (mut missing, mut duplicates) = (0, 0_u64);
    for outcome in outcomes {
        let mut numbers = outcome.handler.numbers;
        numbers.end(deliveries.end());
        missing += numbers.missing.into_iter().filter(|number| !deliveries.may_be_missing(*number)).count() as u64;
        duplicates += numbers.duplicates;
    }
    ensure!(missing + duplicates == 0, "{}: {missing} numbers are missing, {duplicates} came twice", kind.name());
    Ok(())
}

/// Waits until all clients have all numbers. Of concurrent messages, any may arrive last.
pub(crate) fn arrive(deliveries: &Deliveries, streams: usize, clients: &Clients<Collector>) -> Result<()> {
    let begun = Instant::now();
    for number in deliveries.end().saturating_sub(IN_FLIGHT + PUBLISHERS as u64).max(1)..deliveries.end() {
        while deliveries.received(number) < streams as u32 && !deliveries.may_be_missing(number) {
            let received = deliveries.received(number);
            let late = begun.elapsed() >= TIMEOUT;
            ensure!(!late, "only {received} of {streams} streams have number {number}: {}", clients.faults());
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// Publishes for `time`.
fn publish(server: &Server, deliveries: &Deliveries, streams: usize, pace: Pace, time: Duration) -> Result<()> {
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
                    // Numbers that other publishers have taken count, too.
                    let waits_for = deliveries.end().saturating_sub(IN_FLIGHT);
                    while waits_for > 0 && deliveries.received(waits_for) < streams as u32 && begun.elapsed() < time {
                        ensure!(!failed.load(Relaxed), "another publisher failed");
                        thread::sleep(Duration::from_micros(100));
                    }
                    if begun.elapsed() >= time {
                        break;
                    }
                }
            }
            let Some(number) = deliveries.take() else { break };
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
