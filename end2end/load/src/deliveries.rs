//! Deliveries: the send time of each published number, and how many clients received it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use memchr::memmem::Finder;

use crate::{clients::EventHandler, histogram::Histogram, seq_set::SeqSet, server::Publisher, sse::Event};

/// Maximum number of messages of one run.
const CAPACITY: usize = 1 << 20;

/// The published numbers of one run, from 1 on.
pub(crate) struct Deliveries {
    origin: Instant,
    /// Send times, nanoseconds after `origin`; 0 if not sent yet.
    sent: Box<[AtomicU64]>,
    received: Box<[AtomicU32]>,
    /// The next number.
    next: AtomicU64,
    /// The first number whose latency counts; earlier ones are warm-up.
    measured: AtomicU64,
    /// Numbers without a response: they may or may not have been published.
    uncertain: Mutex<BTreeSet<u64>>,
}

impl Deliveries {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            sent: (0..CAPACITY).map(|_| AtomicU64::new(0)).collect(),
            received: (0..CAPACITY).map(|_| AtomicU32::new(0)).collect(),
            next: AtomicU64::new(1),
            measured: AtomicU64::new(1),
            uncertain: Mutex::default(),
        }
    }

    /// Takes the next number to send; `None` after [`CAPACITY`] numbers.
    pub(crate) fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Relaxed);
        let sent = self.sent.get(number as usize)?;
        sent.store(self.origin.elapsed().as_nanos().max(1) as u64, Relaxed);
        Some(number)
    }

    /// Returns the first number that is not taken.
    pub(crate) fn end(&self) -> u64 {
        self.next.load(Relaxed).min(CAPACITY as u64)
    }

    /// Starts to count latencies with the next number.
    pub(crate) fn measure(&self) {
        self.measured.store(self.end(), Relaxed);
    }

    /// Returns how many clients received a number.
    pub(crate) fn received(&self, number: u64) -> u32 {
        self.received.get(number as usize).map_or(0, |received| received.load(Relaxed))
    }

    /// Marks a number as possibly not published.
    pub(crate) fn mark_uncertain(&self, number: u64) {
        self.uncertain.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// Returns whether no client received `number` and it was possibly not published.
    pub(crate) fn may_be_missing(&self, number: u64) -> bool {
        self.received(number) == 0 && self.uncertain.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    fn age(&self, number: u64, now: Instant) -> Option<Duration> {
        let sent = self.sent.get(number as usize)?.load(Relaxed);
        (sent > 0).then(|| now.duration_since(self.origin).saturating_sub(Duration::from_nanos(sent)))
    }
}

/// Counters of the clients of a thread.
#[derive(Default)]
pub(crate) struct Delivered {
    /// Latency from publication to receipt.
    pub(crate) latency: Histogram,
    /// Number of received events.
    pub(crate) events: u64,
    /// Bytes of the received events, which should be equal for all servers.
    pub(crate) bytes: u64,
    /// Received numbers that were never sent.
    pub(crate) foreign: u64,
}

/// Event names.
pub(crate) type Names = &'static [&'static [u8]];

/// Event handler that collects numbers.
pub(crate) struct Collector {
    deliveries: Arc<Deliveries>,
    /// The text before a number.
    mark: Finder<'static>,
    /// Names of events with which the stream is live; any event if empty.
    live_with: Names,
    /// The same for a stream after a reconnect.
    live_again_with: Names,
    /// The received numbers.
    pub(crate) numbers: SeqSet,
}

impl Collector {
    pub(crate) fn new(deliveries: &Arc<Deliveries>, live_with: Names, live_again_with: Names) -> Self {
        let mark = Finder::new(Publisher::MARK);
        Self {
            deliveries: Arc::clone(deliveries),
            mark,
            live_with,
            live_again_with,
            numbers: SeqSet::from(deliveries.end()),
        }
    }
}

impl EventHandler for Collector {
    type Tally = Delivered;

    fn on_event(&mut self, event: &Event<'_>, now: Instant, tally: &mut Delivered) -> bool {
        if let Some(number) = number_after(event.data, &self.mark) {
            match self.deliveries.age(number, now) {
                Some(age) => {
                    tally.events += 1;
                    tally.bytes += event.length as u64;
                    if number >= self.deliveries.measured.load(Relaxed) {
                        tally.latency.add(age);
                    }
                    if self.numbers.add(number) {
                        self.deliveries.received[number as usize].fetch_add(1, Relaxed);
                    }
                }
                None => tally.foreign += 1,
            }
        }
        let live = self.live_with.is_empty() || self.live_with.contains(&event.name);
        if live {
            self.live_with = self.live_again_with;
        }
        live
    }
}

/// Parses the number after `mark`.
pub(crate) fn number_after(data: &[u8], mark: &Finder<'_>) -> Option<u64> {
    let from = mark.find(data)? + mark.needle().len();
    let digits = data[from..].split(|byte| !byte.is_ascii_digit()).next().filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}
