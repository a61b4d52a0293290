//! The server is killed and started again: how soon everybody is there again, and whether anything was lost.

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
    board::{Board, Collector},
    crew::{Crew, Retry},
    fanout::{arrive, reconcile},
    histogram::Histogram,
    seed::House,
    server::{Kind, Publisher, Server},
};

/// How long streams may take to come back.
const PATIENCE: Duration = Duration::from_mins(2);
/// From the kill to the moment when the server takes connections again.
const DOWN: Duration = Duration::from_secs(1);
/// Messages a second, before, while and after.
const RATE: u32 = 10;

/// What it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// From the kill to the first words of the new stream.
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
    /// From the kill to a server that listens.
    pub(crate) down: Duration,
}

/// Runs it. An error where a client has not all that was published, or something twice.
pub(crate) fn run(streams: usize, retry: Retry) -> Result<Figures> {
    let begun = Instant::now();
    let server = Server::milepost(House::build(streams)?, &[])?;
    let start = begun.elapsed().min(Duration::from_millis(100));
    let board = Arc::new(Board::new());
    // What is published before its first snapshot a stream need not tell; whoever comes back is told everything.
    let ears = (0..streams).map(|_| Collector::new(&board, server.live_with(), &[b"hello"])).collect();
    let crew = Crew::start(server.plan(retry, 2), ears)?;
    crew.all_live(PATIENCE)?;

    let over = AtomicBool::new(false);
    let addr = server.addr;
    let mut publisher = server.publisher();
    let (killed, down, server) = thread::scope(|scope| -> Result<_> {
        let publishing = scope.spawn(|| publish(&mut publisher, &board, &over));
        let outage = || -> Result<_> {
            thread::sleep(Duration::from_secs(2));
            let killed = Instant::now();
            let house = server.kill()?;
            thread::sleep(DOWN.saturating_sub(start + killed.elapsed()));
            let server = Server::again(house, addr)?;
            let down = killed.elapsed();
            // Each has noticed by now, or is about to: what has not comes later than anybody.
            thread::sleep(Duration::from_millis(100));
            crew.all_live(PATIENCE)?;
            thread::sleep(Duration::from_secs(1));
            Ok((killed, down, server))
        };
        let outage = outage();
        over.store(true, Relaxed);
        publishing.join().map_err(|_| anyhow::anyhow!("the publisher panicked"))?;
        outage
    })?;
    // The last word is one that is answered.
    let mut last = server.publisher();
    if let Some(number) = board.take() {
        last.publish(number)?;
    }
    arrive(&board, streams, &crew)?;
    let (outcomes, _) = crew.end()?;
    let mut times = Histogram::default();
    let lived = outcomes.iter().filter_map(|outcome| outcome.live_at);
    lived.for_each(|at| times.add(at.saturating_duration_since(killed)));
    reconcile(Kind::Milepost, &board, outcomes)?;
    Ok(Figures { p99: times.quantile(0.99), most: times.most(), down })
}

/// Publishes until it is over. What is not answered may have been published, or not.
fn publish(publisher: &mut Publisher, board: &Board, over: &AtomicBool) {
    while !over.load(Relaxed) {
        let Some(number) = board.take() else { return };
        if publisher.publish(number).is_err() {
            board.doubt(number);
        }
        thread::sleep(Duration::from_secs(1) / RATE);
    }
}
