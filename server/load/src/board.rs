//! What is published, by number: when it was sent, and how many clients have it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use memchr::memmem::Finder;

use crate::{crew::Ear, histogram::Histogram, seen::Seen, server::Publisher, sse::Event};

/// Most that one run publishes.
const MOST: usize = 1 << 20;

/// The numbers of one run, from 1 on.
pub(crate) struct Board {
    origin: Instant,
    /// Nanoseconds after `origin`; 0 for not yet.
    sent: Box<[AtomicU64]>,
    got: Box<[AtomicU32]>,
    /// The next.
    next: AtomicU64,
    /// Latencies count from here on: what comes before warms up.
    measured: AtomicU64,
    /// Numbers whose publication was not answered: they may have been published, or not.
    unsure: Mutex<BTreeSet<u64>>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            sent: (0..MOST).map(|_| AtomicU64::new(0)).collect(),
            got: (0..MOST).map(|_| AtomicU32::new(0)).collect(),
            next: AtomicU64::new(1),
            measured: AtomicU64::new(1),
            unsure: Mutex::default(),
        }
    }

    /// Takes the next number, which is about to be sent; `None` where the run is too long.
    pub(crate) fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Relaxed);
        let sent = self.sent.get(number as usize)?;
        sent.store(self.origin.elapsed().as_nanos().max(1) as u64, Relaxed);
        Some(number)
    }

    /// The first number not taken yet.
    pub(crate) fn end(&self) -> u64 {
        self.next.load(Relaxed).min(MOST as u64)
    }

    /// Lets latencies count from the next number on.
    pub(crate) fn measure(&self) {
        self.measured.store(self.end(), Relaxed);
    }

    /// How many clients have a number.
    pub(crate) fn got(&self, number: u64) -> u32 {
        self.got.get(number as usize).map_or(0, |got| got.load(Relaxed))
    }

    /// Notes that nobody knows whether a number was published.
    pub(crate) fn doubt(&self, number: u64) {
        self.unsure.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// Whether nobody has `number`, and nobody knows whether it was published.
    pub(crate) fn may_be_missing(&self, number: u64) -> bool {
        self.got(number) == 0 && self.unsure.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    fn age(&self, number: u64, now: Instant) -> Option<Duration> {
        let sent = self.sent.get(number as usize)?.load(Relaxed);
        (sent > 0).then(|| now.duration_since(self.origin).saturating_sub(Duration::from_nanos(sent)))
    }
}

/// What the clients of a thread count together.
#[derive(Default)]
pub(crate) struct Delivered {
    /// From publication to receipt.
    pub(crate) latency: Histogram,
    /// Numbers received.
    pub(crate) events: u64,
    /// Their bytes: all servers should send as much.
    pub(crate) bytes: u64,
    /// Numbers that nobody has sent.
    pub(crate) foreign: u64,
}

/// Names of events.
pub(crate) type Names = &'static [&'static [u8]];

/// A client that collects numbers.
pub(crate) struct Collector {
    board: Arc<Board>,
    /// What stands before the number.
    mark: Finder<'static>,
    /// The stream is live with an event of such a name; with any where there is none.
    live_with: Names,
    /// The same for a stream that it comes back with.
    back_with: Names,
    /// What has come.
    pub(crate) seen: Seen,
}

impl Collector {
    pub(crate) fn new(board: &Arc<Board>, live_with: Names, back_with: Names) -> Self {
        let mark = Finder::new(Publisher::MARK);
        Self { board: Arc::clone(board), mark, live_with, back_with, seen: Seen::from(board.end()) }
    }
}

impl Ear for Collector {
    type Tally = Delivered;

    fn hear(&mut self, event: &Event<'_>, now: Instant, tally: &mut Delivered) -> bool {
        if let Some(number) = number_after(event.data, &self.mark) {
            match self.board.age(number, now) {
                Some(age) => {
                    tally.events += 1;
                    tally.bytes += event.length as u64;
                    if number >= self.board.measured.load(Relaxed) {
                        tally.latency.add(age);
                    }
                    if self.seen.add(number) {
                        self.board.got[number as usize].fetch_add(1, Relaxed);
                    }
                }
                None => tally.foreign += 1,
            }
        }
        let live = self.live_with.is_empty() || self.live_with.contains(&event.name);
        if live {
            self.live_with = self.back_with;
        }
        live
    }
}

/// The digits that follow `mark`.
pub(crate) fn number_after(data: &[u8], mark: &Finder<'_>) -> Option<u64> {
    let from = mark.find(data)? + mark.needle().len();
    let digits = data[from..].split(|byte| !byte.is_ascii_digit()).next().filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}
