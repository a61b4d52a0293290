//! By hand: many streams of a server that runs, and whether all of them tell the same.

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
    crew::{Crew, Ear, Plan, Retry},
    sse::Event,
};

/// What is opened.
#[derive(Args)]
pub(crate) struct Wish {
    /// The stream, such as `http://127.0.0.1:3000/events?topic=jobs`
    #[arg(long)]
    url: Url,
    /// How many of it
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// For how long, seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// A line more of each request's head, such as `authorization: Bearer mp_…`; may be given several times
    #[arg(long)]
    header: Vec<String>,
    /// Come from this many addresses, 127.0.0.1 on, where a server allows few streams from one
    #[arg(long, default_value_t = 0)]
    sources: u8,
    /// Try again after so many milliseconds where a stream breaks, instead of counting that as a fault
    #[arg(long)]
    retry: Option<u64>,
}

/// Listens, and says what was heard. An error where a stream broke, or told other events than the rest.
pub(crate) fn listen(wish: Wish) -> Result<()> {
    let host = wish.url.host_str().context("the address names no host")?;
    let port = wish.url.port_or_known_default().context("the address names no port")?;
    ensure!(wish.url.scheme() == "http", "only http is spoken here: go around the proxy");
    let addr = (host, port).to_socket_addrs()?.next().context("the host has no address")?;
    let path = wish.url[url::Position::BeforePath..].to_owned();
    let headers = wish.header.iter().fold(String::new(), |headers, line| headers + line.trim() + "\r\n");
    let begin = format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\naccept: text/event-stream\r\n{headers}");
    let request = move |_: usize, last_id: &str| {
        let last = if last_id.is_empty() { String::new() } else { format!("last-event-id: {last_id}\r\n") };
        format!("{begin}{last}\r\n").into_bytes()
    };
    let retry = wish.retry.map_or(Retry::Never, |millis| Retry::Every(Duration::from_millis(millis)));
    let plan = Plan { addr, request: Box::new(request), retry, sources: wish.sources, threads: 2 };
    let listening = Arc::new(AtomicBool::new(false));
    let ears = (0..wish.streams).map(|_| Listener { listening: Arc::clone(&listening), ..Listener::default() });
    let crew = Crew::start(plan, ears.collect())?;
    let started = Instant::now();
    crew.all_live(Duration::from_mins(1))?;
    println!("{} streams live after {} ms", wish.streams, started.elapsed().as_millis());
    listening.store(true, Relaxed);
    thread::sleep(Duration::from_secs(wish.seconds));
    listening.store(false, Relaxed);
    thread::sleep(Duration::from_millis(500));
    let (broken, faults) = (crew.broken(), crew.faults());
    let (outcomes, tallies) = crew.end()?;
    let (events, bytes) = tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.events, sum.1 + tally.bytes));
    println!("{}/s events, {}/s bytes of data", events / wish.seconds, bytes / wish.seconds);
    ensure!(broken == 0 || wish.retry.is_some(), "{broken} streams broke: {faults}");
    let back: u64 = outcomes.iter().map(|outcome| outcome.ear.back).sum();
    ensure!(back == 0, "{back} ids came twice, or after later ones");
    // What was under way at the beginning and at the end may have come to some before others.
    let common = |pick: fn(&Listener) -> Option<u64>| outcomes.iter().filter_map(move |outcome| pick(&outcome.ear));
    let from = common(|ear| ear.heard.first().map(|heard| heard.0)).max();
    let upto = common(|ear| ear.heard.last().map(|heard| heard.0)).min();
    if let (Some(from), Some(upto)) = (from, upto) {
        let sets = outcomes.iter().map(|outcome| outcome.ear.between(from, upto));
        let mut sets: Vec<_> = sets.collect();
        sets.sort_unstable();
        sets.dedup();
        ensure!(sets.len() == 1, "not all streams have told the same between the events {from} and {upto}");
        println!("all have told the same {} events with ids, each once and in order", sets[0].0);
    }
    Ok(())
}

/// One client: what it has heard with an id that ends with a rising number, as Milepost's do.
#[derive(Default)]
struct Listener {
    listening: Arc<AtomicBool>,
    last: Option<u64>,
    /// The number of each, and what it was.
    heard: Vec<(u64, [u8; 8])>,
    back: u64,
}

#[derive(Default)]
struct Heard {
    events: u64,
    bytes: u64,
}

impl Listener {
    fn between(&self, from: u64, upto: u64) -> (usize, Vec<u8>) {
        let heard = self.heard.iter().filter(|heard| (from..=upto).contains(&heard.0));
        let (count, all) = heard.fold((0, Sha256::new()), |(count, all), (number, digest)| {
            (count + 1, all.chain_update(number.to_le_bytes()).chain_update(digest))
        });
        (count, all.finalize().to_vec())
    }
}

impl Ear for Listener {
    type Tally = Heard;

    fn hear(&mut self, event: &Event<'_>, _: Instant, tally: &mut Heard) -> bool {
        let number = event.id.rsplit(|byte| *byte == b'.').next().and_then(|digits| std::str::from_utf8(digits).ok());
        // A snapshot stands where a stream begins: its id is that of the newest event it takes in.
        if let Some(number) = number.and_then(|digits| digits.parse().ok())
            && event.name != b"snapshot"
        {
            self.back += u64::from(self.last.is_some_and(|last| last >= number));
            self.last = Some(number);
            if self.listening.load(Relaxed) {
                let mut digest = [0; 8];
                digest.copy_from_slice(&Sha256::digest(event.data)[..8]);
                self.heard.push((number, digest));
            }
        }
        if self.listening.load(Relaxed) {
            tally.events += 1;
            tally.bytes += event.data.len() as u64;
        }
        true
    }
}
