//! The service: who comes in, and who is known.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::{
    Clock, Result, SystemClock,
    access::{Actor, Pass, Rule},
    store::{Store, Token, TokenId, UserId},
};
use model::Micros;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Directory, hashing::Hasher, secret, throttle::Throttle};

/// How often to look for what other processes have changed.
const LOOK: Duration = Duration::from_secs(2);
/// How exactly the last use of a token is kept, microseconds.
const TOUCH: i64 = 60_000_000;

/// Knows people, and lets them in. Clones are the same one.
#[derive(Clone)]
pub struct Gatekeeper(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    /// What tasks say of who may start them.
    tasks: Vec<(String, Rule)>,
    directory: watch::Sender<Arc<Directory>>,
    hasher: Hasher,
    throttle: Mutex<Throttle>,
    /// When tokens were last used, as far as the store knows.
    touched: Mutex<HashMap<TokenId, Micros>>,
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gatekeeper")
    }
}

impl Gatekeeper {
    /// Reads who is known. `tasks` are the kinds there are, with what they say themselves of who may start them.
    pub async fn open(store: Arc<dyn Store>, tasks: Vec<(String, Rule)>) -> Result<Self> {
        let directory = watch::Sender::new(Arc::new(load(&*store, &tasks).await?));
        let inner = Inner {
            store,
            tasks,
            directory,
            hasher: Hasher::new(),
            throttle: Mutex::default(),
            touched: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Who is known now.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.0.directory.borrow())
    }

    /// Who is known, as it changes.
    pub fn changes(&self) -> watch::Receiver<Arc<Directory>> {
        self.0.directory.subscribe()
    }

    /// Takes note of what has changed, in this process or another.
    pub async fn refresh(&self) -> Result<()> {
        let store = &*self.0.store;
        if store.access_version().await? > self.directory().version() {
            let read = load(store, &self.0.tasks).await?;
            // Of two that read at the same time, the older may come later.
            self.0.directory.send_if_modified(|known| {
                let newer = read.version() > known.version();
                if newer {
                    *known = Arc::new(read);
                }
                newer
            });
        }
        Ok(())
    }

    /// Takes note every 2 s, until `stop`: what `milepost user` changes in another process is known soon.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "cannot see whether accounts have changed");
            }
        }
    }

    /// A person in a browser, with the role they have now; nobody once they have been removed.
    pub fn actor(&self, user: UserId) -> Actor {
        self.directory().actor(user)
    }

    /// Whether there is an administrator who can sign in.
    pub fn is_set_up(&self) -> bool {
        self.directory().is_set_up()
    }

    /// The program that comes with the token `secret`; `None` where there is none, or its person is not there any more.
    pub async fn bearer(&self, secret: &str, now: Micros) -> Result<Option<Actor>> {
        let Some(key) = secret::token_key(secret) else { return Ok(None) };
        let Some(token) = self.store().token(&key, now).await? else { return Ok(None) };
        if self.directory().person(token.user).is_none() {
            self.refresh().await?;
        }
        let Some(who) = self.directory().who(token.user) else { return Ok(None) };
        self.touch(&token, now);
        Ok(Some(Actor::Program(who, Pass { name: token.name, scopes: token.scopes.into() })))
    }

    /// Tells the store that a token was used, once a minute.
    fn touch(&self, token: &Token, now: Micros) {
        let mut touched = self.0.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let known = touched.get(&token.id).copied().max(token.used_at);
        if known.is_none_or(|used| now.0 - used.0 >= TOUCH) {
            // What is older than a minute says no more than the store does.
            touched.retain(|_, used| now.0 - used.0 < TOUCH);
            touched.insert(token.id, now);
            self.store().touch_token(token.id, now);
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    pub(crate) fn tasks(&self) -> &[(String, Rule)] {
        &self.0.tasks
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now() -> Micros {
        SystemClock.now()
    }
}

/// The version first: what is newer than it is read again, and nothing is missed.
async fn load(store: &dyn Store, tasks: &[(String, Rule)]) -> Result<Directory> {
    let version = store.access_version().await?;
    let (people, rules) = (store.people().await?, store.kind_rules().await?);
    Ok(Directory::new(version, people, tasks, &rules))
}
