//! Manual test: opens many streams of a running server and checks that all of them receive the same events.

use std::{
    net::ToSocketAddrs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    clients::{Clients, EventHandler, Plan, Retry},
    sse::Event,
};

/// Options of the manual test.
#[derive(Args)]
pub(crate) struct Options {
    /// URL of the stream, such as `http://127.0.0.1:3000/events?topic=jobs`
    #[arg(long)]
    url: Url,
    /// Number of streams
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// Duration in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Additional header of each request, such as `authorization: Bearer mp_…`; can be given several times
    #[arg(long)]
    header: Vec<String>,
    /// Number of source addresses, from 127.0.0.1 on, for a server that limits the streams of one address
    #[arg(long, default_value_t = 0)]
    sources: u8,
    /// Reconnect after this many milliseconds when a stream breaks, instead of failing
    #[arg(long)]
    retry: Option<u64>,
}

/// Opens the streams and prints the results. Returns an error if a stream broke or received other events than the rest.
pub(crate) fn listen(options: Options) -> Result<()> {
    let host = options.url.host_str().context("the URL has no host")?;
    let port = options.url.port_or_known_default().context("the URL has no port")?;
    ensure!(options.url.scheme() == "http", "only http is supported: use the address behind the proxy");
    let addr = (host, port).to_socket_addrs()?.next().context("the host has no address")?;
    let path = options.url[url::Position::BeforePath..].to_owned();
    let headers = options.header.iter().fold(String::new(), |headers, line| headers + line.trim() + "\r\n");
    let begin = format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\naccept: text/event-stream\r\n{headers}");
    let request = move |_: usize, last_id: &str| {
        let last = if last_id.is_empty() { String::new() } else { format!("last-event-id: {last_id}\r\n") };
        format!("{begin}{last}\r\n").into_bytes()
    };
    let retry = options.retry.map_or(Retry::Never, |millis| Retry::Every(Duration::from_millis(millis)));
    let plan = Plan { addr, request: Box::new(request), retry, sources: options.sources, threads: 2 };
    let listening = Arc::new(AtomicBool::new(false));
    let handlers = (0..options.streams).map(|_| Listener { listening: Arc::clone(&listening), ..Listener::default() });
    let clients = Clients::start(plan, handlers.collect())?;
    let started = Instant::now();
    clients.all_live(Duration::from_mins(1))?;
    println!("{} streams live after {} ms", options.streams, started.elapsed().as_millis());
    listening.store(true, Relaxed);
    thread::sleep(Duration::from_secs(options.seconds));
    listening.store(false, Relaxed);
    thread::sleep(Duration::from_millis(500));
    let (broken, faults) = (clients.broken(), clients.faults());
    let (outcomes, tallies) = clients.end()?;
    let (events, bytes) = tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.events, sum.1 + tally.bytes));
    println!("{}/s events, {}/s bytes of data", events / options.seconds, bytes / options.seconds);
    ensure!(broken == 0 || options.retry.is_some(), "{broken} streams broke: {faults}");
    let out_of_order: u64 = outcomes.iter().map(|outcome| outcome.handler.out_of_order).sum();
    ensure!(out_of_order == 0, "{out_of_order} ids came twice or after later ones");
    // Events at the beginning and at the end may have reached only some streams.
    let common = |pick: fn(&Listener) -> Option<u64>| outcomes.iter().filter_map(move |outcome| pick(&outcome.handler));
    let from = common(|handler| handler.received.first().map(|received| received.0)).max();
    let upto = common(|handler| handler.received.last().map(|received| received.0)).min();
    if let (Some(from), Some(upto)) = (from, upto) {
        let sets = outcomes.iter().map(|outcome| outcome.handler.between(from, upto));
        let mut sets: Vec<_> = sets.collect();
        sets.sort_unstable();
        sets.dedup();
        ensure!(sets.len() == 1, "the streams received different events between {from} and {upto}");
        println!("all streams received the same {} events with ids, each once and in order", sets[0].0);
    }
    Ok(())
}

/// Event handler of one client. It collects events whose id ends with an ascending number, as those of Milepost do.
#[derive(Default)]
struct Listener {
    listening: Arc<AtomicBool>,
    last: Option<u64>,
    /// The number and the digest of each event.
    received: Vec<(u64, [u8; 8])>,
    out_of_order: u64,
}

#[derive(Default)]
struct Totals {
    events: u64,
    bytes: u64,
}

impl Listener {
    fn between(&self, from: u64, upto: u64) -> (usize, Vec<u8>) {
        let received = self.received.iter().filter(|received| (from..=upto).contains(&received.0));
        let (count, all) = received.fold((0, Sha256::new()), |(count, all), (number, digest)| {
            (count + 1, all.chain_update(number.to_le_bytes()).chain_update(digest))
        });
        (count, all.finalize().to_vec())
    }
}

impl EventHandler for Listener {
    type Tally = Totals;

    fn on_event(&mut self, event: &Event<'_>, _: Instant, tally: &mut Totals) -> bool {
        let number = event.id.rsplit(|byte| *byte == b'.').next().and_then(|digits| std::str::from_utf8(digits).ok());
        // A stream begins with a snapshot, whose id is that of the newest event it contains.
        if let Some(number) = number.and_then(|digits| digits.parse().ok())
            && event.name != b"snapshot"
        {
            self.out_of_order += u64::from(self.last.is_some_and(|last| last >= number));
            self.last = Some(number);
            if self.listening.load(Relaxed) {
                let mut digest = [0; 8];
                digest.copy_from_slice(&Sha256::digest(event.data)[..8]);
                self.received.push((number, digest));
            }
        }
        if self.listening.load(Relaxed) {
            tally.events += 1;
            tally.bytes += event.data.len() as u64;
        }
        true
    }
}
