//! Authentication service: the account cache, and authentication by token.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::{
    Clock, Result, SystemClock,
    access::{Actor, Rule, TokenGrant},
    store::{Store, Token, TokenId, UserId},
};
use model::Micros;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{AccountCache, hashing::PasswordHashing, secret, throttle::Throttle};

/// How often to poll the store for changes by other processes.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);
/// Precision of a token's last use, microseconds.
const LAST_USED_PRECISION: i64 = 60_000_000;

/// Authenticates users and tokens, and changes accounts. Clones share one state.
#[derive(Clone)]
pub struct AuthService(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    /// All kinds, with the default rule of each.
    tasks: Vec<(String, Rule)>,
    accounts: watch::Sender<Arc<AccountCache>>,
    hashing: PasswordHashing,
    throttle: Mutex<Throttle>,
    /// The last use of tokens, as last sent to the store.
    last_used: Mutex<HashMap<TokenId, Micros>>,
}

impl fmt::Debug for AuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthService")
    }
}

impl AuthService {
    /// Loads the accounts from the store. `tasks` are all kinds with their default rules.
    pub async fn open(store: Arc<dyn Store>, tasks: Vec<(String, Rule)>) -> Result<Self> {
        let accounts = watch::Sender::new(Arc::new(load(&*store, &tasks).await?));
        let inner = Inner {
            store,
            tasks,
            accounts,
            hashing: PasswordHashing::new(),
            throttle: Mutex::default(),
            last_used: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Returns the current accounts.
    pub fn accounts(&self) -> Arc<AccountCache> {
        Arc::clone(&self.0.accounts.borrow())
    }

    /// Returns a receiver of the accounts that is notified of each change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<AccountCache>> {
        self.0.accounts.subscribe()
    }

    /// Reloads the accounts if this or another process changed them.
    pub async fn refresh(&self) -> Result<()> {
        let store = &*self.0.store;
        if store.access_version().await? > self.accounts().version() {
            let loaded = load(store, &self.0.tasks).await?;
            // Of two concurrent loads, the older may finish last.
            self.0.accounts.send_if_modified(|current| {
                let newer = loaded.version() > current.version();
                if newer {
                    *current = Arc::new(loaded);
                }
                newer
            });
        }
        Ok(())
    }

    /// Refreshes every 2 s until `stop`, so that changes of `milepost user` in another process take effect.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(REFRESH_INTERVAL)).await.is_some() {
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "cannot see whether accounts have changed");
            }
        }
    }

    /// Returns the actor of a user's session, with the current role; [`Actor::Anonymous`] for a removed user.
    pub fn actor(&self, user: UserId) -> Actor {
        self.accounts().actor(user)
    }

    /// Whether there is an administrator who can sign in.
    pub fn is_set_up(&self) -> bool {
        self.accounts().is_set_up()
    }

    /// Returns the actor of the token `secret`; `None` if the token is unknown or expired, or its user was removed.
    pub async fn authenticate_token(&self, secret: &str, now: Micros) -> Result<Option<Actor>> {
        let Some(key) = secret::token_key(secret) else { return Ok(None) };
        let Some(token) = self.store().token(&key, now).await? else { return Ok(None) };
        if self.accounts().user(token.user).is_none() {
            self.refresh().await?;
        }
        let Some(principal) = self.accounts().principal(token.user) else { return Ok(None) };
        self.record_use(&token, now);
        Ok(Some(Actor::Client(principal, TokenGrant { name: token.name, scopes: token.scopes.into() })))
    }

    /// Stores the last use of a token, at most once a minute.
    fn record_use(&self, token: &Token, now: Micros) {
        let mut last_used = self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = last_used.get(&token.id).copied().max(token.used_at);
        if recorded.is_none_or(|used| now.0 - used.0 >= LAST_USED_PRECISION) {
            // Entries older than a minute are no newer than the store's.
            last_used.retain(|_, used| now.0 - used.0 < LAST_USED_PRECISION);
            last_used.insert(token.id, now);
            self.store().touch_token(token.id, now);
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn hashing(&self) -> &PasswordHashing {
        &self.0.hashing
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

/// Reads the version first: a change after that raises the version again and is loaded by the next refresh.
async fn load(store: &dyn Store, tasks: &[(String, Rule)]) -> Result<AccountCache> {
    let version = store.access_version().await?;
    let (users, rules) = (store.users().await?, store.kind_rules().await?);
    Ok(AccountCache::new(version, users, tasks, &rules))
}
