//! Rate limits of sign-in. Pure: callers pass the time.
//!
//! | counted by | free tries | then one try every | protects against |
//! |---|---|---|---|
//! | account and network | 5 | 1, 2, 4 … 60 s | guessing one password |
//! | network | 20 | 1, 2, 4 … 60 s | trying one password on every account |
//! | account | 50 | 1, 2, 4, 8, 10 s | guessing from many addresses, without locking out the owner for long |
//!
//! A try counts as failed when it begins and is uncounted when it succeeds, so that of a hundred concurrent tries only
//! the free ones pass. Counters expire after 15 minutes without a try. The third limit does not apply to networks from
//! which the user has signed in within the last 30 days: a guesser cannot lock the owner out there.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Time without a try after which a counter expires.
pub const COUNTER_LIFETIME: Duration = Duration::from_mins(15);
/// How long a network stays trusted after a sign-in.
pub const TRUST_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// The most entries in memory, in all four maps together; the oldest are evicted.
pub const MAX_ENTRIES: usize = 4 * MAX_ENTRIES_PER_MAP;
const MAX_ENTRIES_PER_MAP: usize = 12_500;

const PER_ACCOUNT_AND_NETWORK: Limit = Limit { free: 5, longest: Duration::from_mins(1) };
const PER_NETWORK: Limit = Limit { free: 20, longest: Duration::from_mins(1) };
const PER_ACCOUNT: Limit = Limit { free: 50, longest: Duration::from_secs(10) };

/// The network of a client: an IPv4 address or an IPv6 /64, because one client can use any address of its /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(Option<IpAddr>);

impl From<Option<IpAddr>> for ClientNetwork {
    fn from(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        }))
    }
}

/// Counts tries to sign in and refuses those beyond the limits.
#[derive(Debug)]
pub struct Throttle {
    pairs: Counters<(Box<str>, ClientNetwork)>,
    networks: Counters<ClientNetwork>,
    accounts: Counters<Box<str>>,
    /// The last sign-in of each account from each network.
    trusted: BoundedMap<(Box<str>, ClientNetwork), Instant>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            pairs: Counters::new(PER_ACCOUNT_AND_NETWORK),
            networks: Counters::new(PER_NETWORK),
            accounts: Counters::new(PER_ACCOUNT),
            trusted: BoundedMap::new(),
        }
    }
}

/// An admitted try. Counts as failed until [`Throttle::succeed`] or [`Throttle::abandon`].
#[derive(Debug)]
#[must_use]
pub struct Try {
    account: Box<str>,
    network: ClientNetwork,
}

/// A refused try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Time until the next try is allowed.
    pub wait: Duration,
    /// Whether this is the first refusal since the counter started: the one to write to the audit log.
    pub first: bool,
}

impl Throttle {
    /// Begins a try. `account` is the name as typed; there may be no such account.
    ///
    /// # Errors
    /// When the try is too early. A refused try is not counted and does not extend the wait.
    pub fn begin(&mut self, account: &str, network: ClientNetwork, now: Instant) -> Result<Try, Refusal> {
        let pair = (Box::from(account), network);
        let is_trusted =
            self.trusted.get(&pair).is_some_and(|since| now.saturating_duration_since(*since) < TRUST_LIFETIME);
        let mut refusals = vec![self.pairs.refusal(&pair, now), self.networks.refusal(&network, now)];
        if !is_trusted {
            refusals.push(self.accounts.refusal(&pair.0, now));
        }
        let refusals: Vec<Refusal> = refusals.into_iter().flatten().collect();
        if let Some(wait) = refusals.iter().map(|refusal| refusal.wait).max() {
            return Err(Refusal { wait, first: refusals.iter().any(|refusal| refusal.first) });
        }
        self.accounts.count(pair.0.clone(), now);
        self.networks.count(network, now);
        self.pairs.count(pair.clone(), now);
        Ok(Try { account: pair.0, network })
    }

    /// Records a successful try.
    pub fn succeed(&mut self, done: Try, now: Instant) {
        self.accounts.uncount(&done.account);
        self.networks.uncount(&done.network);
        self.forgive(&done.account, done.network, now);
    }

    /// Resets the counter of an account and network and trusts the network, because the user has authenticated there.
    pub fn forgive(&mut self, account: &str, network: ClientNetwork, now: Instant) {
        let pair = (account.into(), network);
        self.pairs.streaks.entries.remove(&pair);
        self.trusted.insert(pair, now, |since| *since);
    }

    /// Uncounts a try that ended without a result, such as a failure of the store.
    pub fn abandon(&mut self, done: Try) {
        self.accounts.uncount(&done.account);
        self.networks.uncount(&done.network);
        self.pairs.uncount(&(done.account, done.network));
    }

    /// The number of entries in memory; at most [`MAX_ENTRIES`].
    pub fn entries(&self) -> usize {
        self.pairs.len() + self.networks.len() + self.accounts.len() + self.trusted.entries.len()
    }
}

/// Free tries, and the longest wait between later ones.
#[derive(Clone, Copy, Debug)]
struct Limit {
    free: u32,
    longest: Duration,
}

impl Limit {
    /// The wait after the last of `tries` tries.
    fn wait_after(self, tries: u32) -> Duration {
        match tries.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(16)).min(self.longest),
        }
    }
}

/// Failed tries of one key in a row.
#[derive(Debug)]
struct Streak {
    tries: u32,
    last: Instant,
    /// Whether a refusal has been reported.
    reported: bool,
}

/// Counters of failed tries under one limit.
#[derive(Debug)]
struct Counters<K> {
    streaks: BoundedMap<K, Streak>,
    limit: Limit,
}

impl<K: Clone + Eq + Hash> Counters<K> {
    fn new(limit: Limit) -> Self {
        Self { streaks: BoundedMap::new(), limit }
    }

    fn len(&self) -> usize {
        self.streaks.entries.len()
    }

    /// Returns the refusal of a try at `now`, if it is too early.
    fn refusal(&mut self, key: &K, now: Instant) -> Option<Refusal> {
        let streak = self.streaks.entries.get_mut(key)?;
        let since = now.saturating_duration_since(streak.last);
        if since >= COUNTER_LIFETIME {
            self.streaks.entries.remove(key);
            return None;
        }
        let wait = self.limit.wait_after(streak.tries).checked_sub(since).filter(|wait| !wait.is_zero())?;
        Some(Refusal { wait, first: !std::mem::replace(&mut streak.reported, true) })
    }

    fn count(&mut self, key: K, now: Instant) {
        match self.streaks.entries.get_mut(&key) {
            Some(streak) => {
                streak.tries = streak.tries.saturating_add(1);
                streak.last = now;
            }
            None => self.streaks.insert(key, Streak { tries: 1, last: now, reported: false }, |streak| streak.last),
        }
    }

    fn uncount(&mut self, key: &K) {
        if let Some(streak) = self.streaks.entries.get_mut(key) {
            streak.tries = streak.tries.saturating_sub(1);
            if streak.tries == 0 {
                self.streaks.entries.remove(key);
            }
        }
    }
}

/// A map that evicts its oldest entries when it is full.
#[derive(Debug)]
struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
}

impl<K: Eq + Hash, V> BoundedMap<K, V> {
    fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Inserts a value. A full map evicts its oldest tenth at once, so that the cost per insertion stays small.
    fn insert(&mut self, key: K, value: V, time: impl Fn(&V) -> Instant) {
        if self.entries.len() >= MAX_ENTRIES_PER_MAP {
            let mut times: Vec<Instant> = self.entries.values().map(&time).collect();
            let (_, oldest, _) = times.select_nth_unstable(MAX_ENTRIES_PER_MAP / 10);
            let oldest = *oldest;
            self.entries.retain(|_, value| time(value) > oldest);
        }
        self.entries.insert(key, value);
    }
}
