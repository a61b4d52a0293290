//! How often somebody may try to sign in. Pure: whoever asks brings the time.
//!
//! | counted by | free | then | so that |
//! |---|---|---|---|
//! | account and address | 5 tries | 1, 2, 4 … 60 s between tries | nobody guesses a password |
//! | address | 20 tries | the same | nobody tries one password on every account |
//! | account | 50 tries | 1, 2, 4, 8, 10 s | many addresses together guess slowly, and lock nobody out for long |
//!
//! A try counts as failed from its beginning and is struck out when it succeeds: of a hundred at once, only those that
//! are free pass. Without a try for 15 minutes the past is forgotten. Where somebody has signed in from within the
//! last 30 days, the third rule does not hold them up: strangers who keep an account busy do not keep its owner out.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Quiet after which the past is forgotten.
pub const FORGETS: Duration = Duration::from_mins(15);
/// How long an address stays known from which somebody has signed in.
pub const KNOWN: Duration = Duration::from_hours(30 * 24);
/// The most that is remembered, all together; the oldest goes.
pub const MOST: usize = 4 * EACH;
const EACH: usize = 12_500;

const OF_PAIR: Rule = Rule { free: 5, longest: Duration::from_mins(1) };
const OF_PLACE: Rule = Rule { free: 20, longest: Duration::from_mins(1) };
const OF_ACCOUNT: Rule = Rule { free: 50, longest: Duration::from_secs(10) };

/// Where tries come from: an address, of IPv6 the network (/64), since everybody has as many addresses in it as they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(Option<IpAddr>);

impl From<Option<IpAddr>> for Place {
    fn from(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        }))
    }
}

/// Counts tries.
#[derive(Debug)]
pub struct Throttle {
    pairs: Ledger<(Box<str>, Place)>,
    places: Ledger<Place>,
    accounts: Ledger<Box<str>>,
    /// From where people have signed in, and when.
    known: Remembered<(Box<str>, Place), Instant>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            pairs: Ledger::new(OF_PAIR),
            places: Ledger::new(OF_PLACE),
            accounts: Ledger::new(OF_ACCOUNT),
            known: Remembered::new(),
        }
    }
}

/// A try that may go on. It counts as failed unless it is told otherwise.
#[derive(Debug)]
#[must_use]
pub struct Try {
    account: Box<str>,
    place: Place,
}

/// A try that may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How long to wait.
    pub wait: Duration,
    /// Whether this is the first since the tries began to be too many: the one to be noted.
    pub first: bool,
}

impl Throttle {
    /// Begins a try. `account` is a name, of an account or of none.
    ///
    /// # Errors
    /// Where it comes too early. That changes nothing: who tries in vain does not wait longer for it.
    pub fn begin(&mut self, account: &str, place: Place, now: Instant) -> Result<Try, Refusal> {
        let pair = (Box::from(account), place);
        let known = self.known.get(&pair).is_some_and(|since| now.saturating_duration_since(*since) < KNOWN);
        let mut refusals = vec![self.pairs.refusal(&pair, now), self.places.refusal(&place, now)];
        if !known {
            refusals.push(self.accounts.refusal(&pair.0, now));
        }
        let refusals: Vec<Refusal> = refusals.into_iter().flatten().collect();
        if let Some(wait) = refusals.iter().map(|refusal| refusal.wait).max() {
            return Err(Refusal { wait, first: refusals.iter().any(|refusal| refusal.first) });
        }
        self.accounts.charge(pair.0.clone(), now);
        self.places.charge(place, now);
        self.pairs.charge(pair.clone(), now);
        Ok(Try { account: pair.0, place })
    }

    /// The try was the right one.
    pub fn succeeded(&mut self, done: Try, now: Instant) {
        self.accounts.strike(&done.account);
        self.places.strike(&done.place);
        self.welcome(&done.account, done.place, now);
    }

    /// Whose account it is has been there: what was tried from there is forgiven.
    pub fn welcome(&mut self, account: &str, place: Place, now: Instant) {
        let pair = (account.into(), place);
        self.pairs.0.kept.remove(&pair);
        self.known.keep(pair, now, |since| *since);
    }

    /// The try came to nothing, through no fault of whoever tried.
    pub fn given_up(&mut self, done: Try) {
        self.accounts.strike(&done.account);
        self.places.strike(&done.place);
        self.pairs.strike(&(done.account, done.place));
    }

    /// How much is remembered; at most [`MOST`].
    pub fn remembered(&self) -> usize {
        self.pairs.0.kept.len() + self.places.0.kept.len() + self.accounts.0.kept.len() + self.known.kept.len()
    }
}

/// How many tries are free, and how long to wait at most between later ones.
#[derive(Clone, Copy, Debug)]
struct Rule {
    free: u32,
    longest: Duration,
}

impl Rule {
    /// How long after the last of so many tries the next may come.
    fn pause(self, tries: u32) -> Duration {
        match tries.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(16)).min(self.longest),
        }
    }
}

/// Tries that have not been forgotten.
#[derive(Debug)]
struct Streak {
    tries: u32,
    last: Instant,
    /// Whether a refusal has been noted.
    told: bool,
}

/// Streaks, by whatever they are counted by.
#[derive(Debug)]
struct Ledger<K>(Remembered<K, Streak>, Rule);

impl<K: Clone + Eq + Hash> Ledger<K> {
    fn new(rule: Rule) -> Self {
        Self(Remembered::new(), rule)
    }

    /// Whether a try has to wait.
    fn refusal(&mut self, key: &K, now: Instant) -> Option<Refusal> {
        let streak = self.0.kept.get_mut(key)?;
        let since = now.saturating_duration_since(streak.last);
        if since >= FORGETS {
            self.0.kept.remove(key);
            return None;
        }
        let wait = self.1.pause(streak.tries).checked_sub(since).filter(|wait| !wait.is_zero())?;
        Some(Refusal { wait, first: !std::mem::replace(&mut streak.told, true) })
    }

    /// Counts a try.
    fn charge(&mut self, key: K, now: Instant) {
        match self.0.kept.get_mut(&key) {
            Some(streak) => {
                streak.tries = streak.tries.saturating_add(1);
                streak.last = now;
            }
            None => self.0.keep(key, Streak { tries: 1, last: now, told: false }, |streak| streak.last),
        }
    }

    /// Takes a try back.
    fn strike(&mut self, key: &K) {
        if let Some(streak) = self.0.kept.get_mut(key) {
            streak.tries = streak.tries.saturating_sub(1);
            if streak.tries == 0 {
                self.0.kept.remove(key);
            }
        }
    }
}

/// A map of bounded size.
#[derive(Debug)]
struct Remembered<K, V> {
    kept: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Remembered<K, V> {
    fn new() -> Self {
        Self { kept: HashMap::new() }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.kept.get(key)
    }

    /// Keeps a value. Where there are too many, the oldest tenth goes, all at once: so it costs little each time.
    fn keep(&mut self, key: K, value: V, age: impl Fn(&V) -> Instant) {
        if self.kept.len() >= EACH {
            let mut ages: Vec<Instant> = self.kept.values().map(&age).collect();
            let (_, oldest, _) = ages.select_nth_unstable(EACH / 10);
            let oldest = *oldest;
            self.kept.retain(|_, value| age(value) > oldest);
        }
        self.kept.insert(key, value);
    }
}
