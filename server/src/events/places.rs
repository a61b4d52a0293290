//! How many streams and waiting polls there may be at once.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use accounts::throttle::Place as Origin;

use crate::tally::Tally;

/// The most at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// All together.
    pub total: u32,
    /// From one address; of IPv6, from one network (/64).
    pub per_address: u32,
    /// By one session or token.
    pub per_session: u32,
}

impl Default for Limits {
    /// 10,000, 1,000, 32.
    fn default() -> Self {
        Self { total: 10_000, per_address: 1_000, per_session: 32 }
    }
}

/// Whose stream it is, as far as it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// Names the session or the token; `None` where there are no accounts.
    pub session: Option<[u8; 32]>,
    /// Where they are, if that is known.
    pub address: Option<IpAddr>,
}

/// Which limit has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Session,
    Address,
    Server,
}

/// Counts places.
pub(super) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: u32,
    by_address: Tally<Origin>,
    by_session: Tally<[u8; 32]>,
}

/// The right of one stream to be there, given back on drop.
pub(super) struct Place {
    places: Arc<Places>,
    session: Option<[u8; 32]>,
    origin: Option<Origin>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    pub(super) fn take(places: &Arc<Self>, reader: &Reader) -> Result<Place, Full> {
        let (session, origin) = (reader.session, reader.address.map(|address| Origin::from(Some(address))));
        let mut taken = places.taken();
        if session.is_some_and(|session| taken.by_session.of(&session) >= places.limits.per_session) {
            return Err(Full::Session);
        }
        if origin.is_some_and(|origin| taken.by_address.of(&origin) >= places.limits.per_address) {
            return Err(Full::Address);
        }
        if taken.total >= places.limits.total {
            return Err(Full::Server);
        }
        taken.total += 1;
        session.into_iter().for_each(|session| taken.by_session.add(session));
        origin.into_iter().for_each(|origin| taken.by_address.add(origin));
        Ok(Place { places: Arc::clone(places), session, origin })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        self.session.iter().for_each(|session| taken.by_session.remove(session));
        self.origin.iter().for_each(|origin| taken.by_address.remove(origin));
    }
}

impl Full {
    /// For people, and whoever writes programs.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Session => "This session or token has as many event streams open as it may; close some of them",
            Self::Address => "This address has as many event streams open as it may; try again later",
            Self::Server => "The server has as many event streams open as it may; try again later",
        }
    }
}
