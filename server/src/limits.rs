//! Limits of open event streams and connections: in total, and by user, session or address.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use accounts::throttle::ClientNetwork;
use engine::store::UserId;

use crate::middleware::client_ip::TrustedProxies;

/// Counts what is open, in total and by key, and issues a [`Permit`] for each.
#[derive(Debug)]
struct Limiter<K> {
    max: u32,
    open: Mutex<Open<K>>,
}

#[derive(Debug)]
struct Open<K> {
    total: u32,
    by_key: HashMap<K, u32>,
}

/// The right of one stream or connection to be open; returned on drop.
#[derive(Debug)]
pub(crate) struct Permit<K: Copy + Eq + Hash, const KEYS: usize> {
    limiter: Arc<Limiter<K>>,
    keys: [Option<K>; KEYS],
}

/// The limit that is reached.
enum Reached<K> {
    Key(K),
    Total,
}

impl<K: Copy + Eq + Hash> Limiter<K> {
    fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::new(Open { total: 0, by_key: HashMap::new() }) })
    }

    /// Issues a permit that counts for each of the keys, unless as many as the number beside a key are open with it.
    fn acquire<const KEYS: usize>(
        self: &Arc<Self>,
        limits: [Option<(K, u32)>; KEYS],
    ) -> Result<Permit<K, KEYS>, Reached<K>> {
        let mut open = self.open();
        let is_reached = |(key, max): &&(K, u32)| open.by_key.get(key).copied().unwrap_or(0) >= *max;
        if let Some((key, _)) = limits.iter().flatten().find(is_reached) {
            return Err(Reached::Key(*key));
        }
        if open.total >= self.max {
            return Err(Reached::Total);
        }
        let keys = limits.map(|limit| limit.map(|(key, _)| key));
        open.total += 1;
        for key in keys.iter().flatten() {
            *open.by_key.entry(*key).or_default() += 1;
        }
        drop(open);
        Ok(Permit { limiter: Arc::clone(self), keys })
    }

    fn open(&self) -> MutexGuard<'_, Open<K>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, const KEYS: usize> Drop for Permit<K, KEYS> {
    fn drop(&mut self) {
        let mut open = self.limiter.open();
        open.total -= 1;
        for key in self.keys.iter().flatten() {
            if let Some(count) = open.by_key.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    open.by_key.remove(key);
                }
            }
        }
    }
}

/// The most event streams and waiting polls at a time.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// In total.
    pub total: u32,
    /// From one address; of IPv6, from one network (/64).
    pub per_address: u32,
    /// By one user, with all their sessions and tokens.
    pub per_user: u32,
    /// By one session or token.
    pub per_session: u32,
}

impl Default for StreamLimits {
    /// 10,000, 1,000, 200, 32.
    fn default() -> Self {
        Self { total: 10_000, per_address: 1_000, per_user: 200, per_session: 32 }
    }
}

/// The owner of a stream, as far as it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOwner {
    /// The session or token, hashed; `None` without accounts.
    pub session: Option<[u8; 32]>,
    /// The user of that session or token.
    pub user: Option<UserId>,
    /// The address of the client, if known.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CountedBy {
    Session([u8; 32]),
    User(UserId),
    Network(ClientNetwork),
}

/// Limits event streams and waiting polls.
pub(crate) struct StreamLimiter {
    limits: StreamLimits,
    limiter: Arc<Limiter<CountedBy>>,
}

pub(crate) type StreamPermit = Permit<CountedBy, 3>;

impl StreamLimiter {
    pub(crate) fn new(limits: StreamLimits) -> Self {
        Self { limits, limiter: Limiter::new(limits.total) }
    }

    pub(crate) fn acquire(&self, owner: &StreamOwner) -> Result<StreamPermit, StreamLimitReached> {
        let StreamLimits { per_address, per_user, per_session, .. } = self.limits;
        let network = |address| ClientNetwork::from(Some(address));
        let limits = [
            owner.session.map(|session| (CountedBy::Session(session), per_session)),
            owner.user.map(|user| (CountedBy::User(user), per_user)),
            owner.address.map(|address| (CountedBy::Network(network(address)), per_address)),
        ];
        self.limiter.acquire(limits).map_err(|reached| match reached {
            Reached::Key(CountedBy::Session(_)) => StreamLimitReached::Session,
            Reached::Key(CountedBy::User(_)) => StreamLimitReached::User,
            Reached::Key(CountedBy::Network(_)) => StreamLimitReached::Address,
            Reached::Total => StreamLimitReached::Server,
        })
    }
}

/// The stream limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamLimitReached {
    Session,
    User,
    Address,
    Server,
}

impl StreamLimitReached {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::User => "This user has as many event streams open as one may; close some of them",
            Self::Session => "This session or token has as many event streams open as it may; close some of them",
            Self::Address => "This address has as many event streams open as it may; try again later",
            Self::Server => "The server has as many event streams open as it may; try again later",
        }
    }
}

/// The most connections at a time.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// In total.
    pub total: u32,
    /// From one address.
    pub per_address: u32,
    /// Proxies, which connect for many clients and count only in total.
    pub proxies: TrustedProxies,
}

/// Limits connections.
pub(crate) struct ConnectionLimiter {
    limits: ConnectionLimits,
    limiter: Arc<Limiter<IpAddr>>,
}

pub(crate) type ConnectionPermit = Permit<IpAddr, 1>;

impl ConnectionLimiter {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self { limiter: Limiter::new(limits.total), limits }
    }

    /// Issues a permit unless a limit is reached.
    pub(crate) fn acquire(&self, address: IpAddr) -> Option<ConnectionPermit> {
        let limit = (!self.limits.proxies.contain(address)).then_some((address, self.limits.per_address));
        self.limiter.acquire([limit]).ok()
    }

    /// Returns the number of open connections.
    pub(crate) fn open(&self) -> u32 {
        self.limiter.open().total
    }
}
