//! Whether those who hold streams open still may: looked at for all of them together, since there may be thousands.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use accounts::AuthService;
use engine::{Health, access::Actor};
use tokio::{
    sync::Notify,
    time::{interval, sleep},
};

use super::{Proof, Visit};
use crate::{
    events::{Closing, Watching},
    sessions::{self, Sessions},
};

/// How often the rights of all are looked at anew where nothing says that they have changed, and that their sessions are
/// in use is noted.
const LOOK: Duration = Duration::from_secs(10);
/// After an error of the store.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks after all streams of a server with accounts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Shared>);

struct Shared {
    auth: AuthService,
    sessions: Sessions,
    watched: Mutex<Watched>,
    /// Somebody has come who was not looked at yet.
    come: Notify,
}

#[derive(Default)]
struct Watched {
    last: u64,
    all: HashMap<u64, Listener>,
}

struct Listener {
    visit: Visit,
    /// What happens once they may not listen any more.
    close: Option<Closing>,
    /// Whether they were looked at since they came.
    seen: bool,
}

/// Somebody's place among the watched; given up on drop.
struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Guard {
    /// Begins to watch. To be called on a runtime.
    pub(crate) fn open(auth: AuthService, sessions: Sessions, health: &Arc<Health>) -> Self {
        let shared = Shared { auth, sessions, watched: Mutex::default(), come: Notify::new() };
        let shared = Arc::new(shared);
        tokio::spawn(health.supervise("stream guard", watch(Arc::clone(&shared))));
        Self(shared)
    }

    /// Calls `close` once what was allowed to `visit` no longer is: signed out, removed, or with other rights. Not after
    /// the answer is dropped. Meanwhile their session counts as used.
    pub(crate) fn watch(&self, visit: Visit, close: Closing) -> Watching {
        let Self(shared) = self;
        let mut watched = shared.watched();
        watched.last += 1;
        let number = watched.last;
        watched.all.insert(number, Listener { visit, close: Some(close), seen: false });
        // What has changed between the request and now was told before anybody listened for it here.
        shared.come.notify_one();
        Box::new(Place { shared: Arc::clone(shared), number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.watched().all.remove(&self.number);
    }
}

/// Looks at everybody after each change of rights and every [`LOOK`], and at those who come.
async fn watch(shared: Arc<Shared>) {
    let (mut changes, mut look) = (shared.auth.subscribe(), interval(LOOK));
    loop {
        let everybody = tokio::select! {
            news = changes.changed() => if news.is_err() { return } else { true },
            _ = look.tick() => true,
            () = shared.come.notified() => false,
        };
        while let Err(error) = shared.look(everybody).await {
            tracing::warn!(%error, "cannot see whether streams may go on");
            sleep(AGAIN).await;
        }
    }
}

impl Shared {
    /// Looks at everybody, or at those who were not looked at yet, and closes the streams of those who may not go on.
    async fn look(&self, everybody: bool) -> engine::Result<()> {
        let of = |(number, listener): (&u64, &Listener)| {
            (everybody || !listener.seen).then(|| (*number, listener.visit.clone()))
        };
        let listeners: Vec<_> = self.watched().all.iter().filter_map(of).collect();
        let keys = listeners.iter().filter_map(|(_, visit)| visit.session().copied());
        let owners = self.sessions.owners(keys.collect()).await?;
        let mut programs: HashMap<Arc<str>, Actor> = HashMap::new();
        for (number, visit) in listeners {
            let actor = match &visit.proof {
                Proof::None => Actor::Nobody,
                Proof::Session(key) => owners.get(key).map_or(Actor::Nobody, |owner| self.auth.actor(owner.user)),
                Proof::Token(secret) => {
                    if !programs.contains_key(secret) {
                        let actor = self.auth.authenticate_token(secret, sessions::now()).await?;
                        programs.insert(Arc::clone(secret), actor.unwrap_or(Actor::Nobody));
                    }
                    programs[secret].clone()
                }
            };
            let holds = visit.holds(&actor, &self.auth);
            let close = self.watched().all.get_mut(&number).and_then(|listener| {
                listener.seen = true;
                if holds { None } else { listener.close.take() }
            });
            if let Some(close) = close {
                close();
            }
        }
        Ok(())
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
