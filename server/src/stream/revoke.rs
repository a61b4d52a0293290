//! Revocation of event streams: closes the streams of users who signed out, were removed, or have other rights than when
//! the stream was opened. All streams are checked together, because there may be thousands.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use accounts::AuthService;
use engine::{
    Health,
    access::{Actor, Visibility},
};
use tokio::{
    sync::Notify,
    time::{interval, sleep},
};

use super::outbox::Outbox;
use crate::{
    credential::Credential,
    middleware::sessions::{self, Sessions},
};

/// How often all streams are checked without a known change of rights, and their sessions are marked as used.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Delay after an error of the store.
const RETRY: Duration = Duration::from_secs(1);

/// Revokes the streams of a server with accounts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StreamRevoker(Arc<Shared>);

struct Shared {
    auth: AuthService,
    sessions: Sessions,
    streams: Mutex<Streams>,
    /// Notified when a stream was opened, which is to be checked at once.
    opened: Notify,
}

#[derive(Default)]
struct Streams {
    last_id: u64,
    by_id: HashMap<u64, Stream>,
}

struct Stream {
    grant: Grant,
    outbox: Arc<Outbox>,
    /// Whether it was checked since it was opened.
    checked: bool,
}

/// What a request was authenticated by, and the rights it had.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) credential: Credential,
    pub(crate) actor: Actor,
    pub(crate) visibility: Visibility,
}

/// The revocation of one stream, with what it was granted.
#[derive(Clone)]
pub struct Revocation {
    revoker: StreamRevoker,
    grant: Grant,
}

/// Ends the checks of a stream on drop.
pub(super) struct RevocationGuard {
    shared: Arc<Shared>,
    id: u64,
}

impl StreamRevoker {
    /// Starts the checks. To be called on a runtime.
    pub(crate) fn start(auth: AuthService, sessions: Sessions, health: &Arc<Health>) -> Self {
        let shared = Shared { auth, sessions, streams: Mutex::default(), opened: Notify::new() };
        let shared = Arc::new(shared);
        tokio::spawn(health.supervise("stream guard", check_streams(Arc::clone(&shared))));
        Self(shared)
    }

    pub(crate) fn revocation(&self, grant: Grant) -> Revocation {
        Revocation { revoker: self.clone(), grant }
    }
}

impl Revocation {
    /// Revokes the stream of `outbox` once the grant is no longer true, until the guard is dropped. Its session counts
    /// as used for as long.
    pub(super) fn watch(&self, outbox: &Arc<Outbox>) -> RevocationGuard {
        let shared = &self.revoker.0;
        let mut streams = shared.streams();
        streams.last_id += 1;
        let id = streams.last_id;
        let stream = Stream { grant: self.grant.clone(), outbox: Arc::clone(outbox), checked: false };
        streams.by_id.insert(id, stream);
        drop(streams);
        // Rights may have changed between the authentication of the request and now.
        shared.opened.notify_one();
        RevocationGuard { shared: Arc::clone(shared), id }
    }
}

impl Drop for RevocationGuard {
    fn drop(&mut self) {
        self.shared.streams().by_id.remove(&self.id);
    }
}

/// Checks all streams after each change of rights and every [`CHECK_INTERVAL`], and new ones at once.
async fn check_streams(shared: Arc<Shared>) {
    let (mut changes, mut due) = (shared.auth.subscribe(), interval(CHECK_INTERVAL));
    loop {
        let all = tokio::select! {
            change = changes.changed() => if change.is_err() { return } else { true },
            _ = due.tick() => true,
            () = shared.opened.notified() => false,
        };
        while let Err(error) = shared.check(all).await {
            tracing::warn!(%error, "cannot check the rights of open streams; retrying");
            sleep(RETRY).await;
        }
    }
}

impl Shared {
    /// Checks all streams or only new ones, and revokes those whose grant is no longer true.
    async fn check(&self, all: bool) -> engine::Result<()> {
        let due = |(id, stream): (&u64, &Stream)| (all || !stream.checked).then(|| (*id, stream.grant.clone()));
        let streams: Vec<_> = self.streams().by_id.iter().filter_map(due).collect();
        let keys = streams.iter().filter_map(|(_, grant)| match grant.credential {
            Credential::Session(key) => Some(key),
            Credential::None | Credential::Token(_) => None,
        });
        let owners = self.sessions.owners(keys.collect()).await?;
        let mut bearers: HashMap<Arc<str>, Actor> = HashMap::new();
        for (id, grant) in streams {
            let actor = match &grant.credential {
                Credential::None => Actor::Anonymous,
                Credential::Session(key) => {
                    owners.get(key).map_or(Actor::Anonymous, |owner| self.auth.actor(owner.user))
                }
                Credential::Token(secret) => {
                    if !bearers.contains_key(secret) {
                        let actor = self.auth.authenticate_token(secret, sessions::now()).await?;
                        bearers.insert(Arc::clone(secret), actor.unwrap_or(Actor::Anonymous));
                    }
                    bearers[secret].clone()
                }
            };
            let visibility = self.auth.accounts().rules().visibility(&actor);
            if let Some(outbox) = self.checked(id, actor == grant.actor && visibility == grant.visibility) {
                outbox.revoke();
            }
        }
        Ok(())
    }

    /// Marks a stream as checked. Returns its outbox if it must be revoked; then it is not checked again.
    fn checked(&self, id: u64, holds: bool) -> Option<Arc<Outbox>> {
        let mut streams = self.streams();
        if holds {
            streams.by_id.get_mut(&id)?.checked = true;
            return None;
        }
        streams.by_id.remove(&id).map(|stream| stream.outbox)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
