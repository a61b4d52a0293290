//! How many streams and waiting polls there may be at once.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use accounts::throttle::ClientNetwork;
use engine::store::UserId;

use crate::tally::Tally;

/// The most at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// All together.
    pub total: u32,
    /// From one address; of IPv6, from one network (/64).
    pub per_address: u32,
    /// By one user, through all their sessions and tokens.
    pub per_user: u32,
    /// By one session or token.
    pub per_session: u32,
}

impl Default for Limits {
    /// 10,000, 1,000, 200, 32.
    fn default() -> Self {
        Self { total: 10_000, per_address: 1_000, per_user: 200, per_session: 32 }
    }
}

/// Whose stream it is, as far as it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// Names the session or the token; `None` where there are no accounts.
    pub session: Option<[u8; 32]>,
    /// Whose session or token that is.
    pub user: Option<UserId>,
    /// Where they are, if that is known.
    pub address: Option<IpAddr>,
}

/// Which limit has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Session,
    User,
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
    by_address: Tally<ClientNetwork>,
    by_user: Tally<UserId>,
    by_session: Tally<[u8; 32]>,
}

/// The right of one stream to be there, given back on drop.
pub(super) struct Place {
    places: Arc<Places>,
    session: Option<[u8; 32]>,
    user: Option<UserId>,
    origin: Option<ClientNetwork>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    pub(super) fn take(places: &Arc<Self>, reader: &Reader) -> Result<Place, Full> {
        let Reader { session, user, address } = *reader;
        let origin = address.map(|address| ClientNetwork::from(Some(address)));
        let mut taken = places.taken();
        if session.is_some_and(|session| taken.by_session.of(&session) >= places.limits.per_session) {
            return Err(Full::Session);
        }
        if user.is_some_and(|user| taken.by_user.of(&user) >= places.limits.per_user) {
            return Err(Full::User);
        }
        if origin.is_some_and(|origin| taken.by_address.of(&origin) >= places.limits.per_address) {
            return Err(Full::Address);
        }
        if taken.total >= places.limits.total {
            return Err(Full::Server);
        }
        taken.total += 1;
        if let Some(session) = session {
            taken.by_session.add(session);
        }
        if let Some(user) = user {
            taken.by_user.add(user);
        }
        if let Some(origin) = origin {
            taken.by_address.add(origin);
        }
        Ok(Place { places: Arc::clone(places), session, user, origin })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        if let Some(session) = &self.session {
            taken.by_session.remove(session);
        }
        if let Some(user) = &self.user {
            taken.by_user.remove(user);
        }
        if let Some(origin) = &self.origin {
            taken.by_address.remove(origin);
        }
    }
}

impl Full {
    /// For people, and whoever writes programs.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::User => "This user has as many event streams open as one may; close some of them",
            Self::Session => "This session or token has as many event streams open as it may; close some of them",
            Self::Address => "This address has as many event streams open as it may; try again later",
            Self::Server => "The server has as many event streams open as it may; try again later",
        }
    }
}
