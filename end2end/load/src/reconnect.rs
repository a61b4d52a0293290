//! Reconnect test: the server is killed and started again. Measures how soon all clients are live again, and finds lost
//! events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    clients::{Clients, Retry},
    deliveries::{Collector, Deliveries},
    fanout::{arrive, reconcile},
    fixture::Fixture,
    histogram::Histogram,
    server::{Kind, Publisher, Server},
};

/// Time limit for the reconnect of all streams.
const TIMEOUT: Duration = Duration::from_mins(2);
/// Time from the kill to the moment at which the server accepts connections again.
const DOWN: Duration = Duration::from_secs(1);
/// Messages per second during the whole test.
const RATE: u32 = 10;

/// The measured figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Time from the kill to the first event of the new stream.
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// Time from the kill to a listening server.
    pub(crate) down: Duration,
}

/// Runs the test. Returns an error if a client missed an event or received one twice.
pub(crate) fn run(streams: usize, retry: Retry) -> Result<Figures> {
    let begun = Instant::now();
    let server = Server::milepost(Fixture::build(streams)?, &[])?;
    let start = begun.elapsed().min(Duration::from_millis(100));
    let deliveries = Arc::new(Deliveries::new());
    // A stream starts with a snapshot, which contains earlier messages. After a reconnect it resumes, so none is
    // missing.
    let handlers = (0..streams).map(|_| Collector::new(&deliveries, server.live_with(), &[b"hello"])).collect();
    let clients = Clients::start(server.plan(retry, 2), handlers)?;
    clients.all_live(TIMEOUT)?;

    let over = AtomicBool::new(false);
    let addr = server.addr;
    let mut publisher = server.publisher();
    let (killed, down, server) = thread::scope(|scope| -> Result<_> {
        let publishing = scope.spawn(|| publish(&mut publisher, &deliveries, &over));
        let outage = || -> Result<_> {
            thread::sleep(Duration::from_secs(2));
            let killed = Instant::now();
            let fixture = server.kill()?;
            thread::sleep(DOWN.saturating_sub(start + killed.elapsed()));
            let server = Server::restart(fixture, addr)?;
            let down = killed.elapsed();
            // By now each client has noticed the broken connection.
            thread::sleep(Duration::from_millis(100));
            clients.all_live(TIMEOUT)?;
            thread::sleep(Duration::from_secs(1));
            Ok((killed, down, server))
        };
        let outage = outage();
        over.store(true, Relaxed);
        publishing.join().map_err(|_| anyhow::anyhow!("the publisher panicked"))?;
        outage
    })?;
    // The last message has a response, so it was published.
    let mut last = server.publisher();
    if let Some(number) = deliveries.take() {
        last.publish(number)?;
    }
    arrive(&deliveries, streams, &clients)?;
    let (outcomes, _) = clients.end()?;
    let mut times = Histogram::default();
    let lived = outcomes.iter().filter_map(|outcome| outcome.live_at);
    lived.for_each(|at| times.add(at.saturating_duration_since(killed)));
    reconcile(Kind::Milepost, &deliveries, outcomes)?;
    Ok(Figures { p99: times.quantile(0.99), max: times.max(), down })
}

/// Publishes until `over` is set. A message without a response is marked as uncertain.
fn publish(publisher: &mut Publisher, deliveries: &Deliveries, over: &AtomicBool) {
    while !over.load(Relaxed) {
        let Some(number) = deliveries.take() else { return };
        if publisher.publish(number).is_err() {
            deliveries.mark_uncertain(number);
        }
        thread::sleep(Duration::from_secs(1) / RATE);
    }
}
