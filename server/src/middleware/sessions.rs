//! Web sessions, in the store of the engine. A user without session data has no session and gets no cookie.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use app::session::SessionUser;
use async_trait::async_trait;
use engine::store::{SessionOwner, SessionRow, Store, UserId};
use model::Micros;
use serde::Deserialize as _;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::config::{Config, SessionLimits};

/// Interval at which expired sessions are removed.
const SWEEP_INTERVAL: std::time::Duration = std::time::Duration::from_hours(1);
const KEYS_PER_QUERY: usize = 1_000;
/// Least microseconds between two updates of "last used".
pub(crate) const TOUCH_INTERVAL: i64 = 60 * 1_000_000;

/// The start of every name of a session cookie, after its prefix.
pub(super) const SESSION_COOKIE: &str = "milepost_session";

/// The name of the session cookie of a server below `base`, which may be empty. The prefix makes browsers accept it
/// over TLS only; `__Host-` is possible only for a cookie of the whole host. Below a base path the name contains the
/// path, so that the cookie of another server on the same host is not mistaken for it.
fn session_cookie(secure: bool, base: &str) -> String {
    let prefix = match (secure, base) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}{SESSION_COOKIE}{}", base.replace('/', "."))
}

/// The layer for authenticated routes. Below a base path the cookie is limited to that path, so that other programs of
/// the host do not get it.
pub(crate) fn layer(sessions: Sessions, config: &Config) -> SessionManagerLayer<Sessions> {
    let (secure, base) = (config.is_https(), &config.base_path);
    let lifetime = Duration::try_from(sessions.limits.lifetime).unwrap_or(Duration::MAX);
    SessionManagerLayer::new(sessions)
        .with_name(session_cookie(secure, base))
        .with_path(format!("{base}/"))
        .with_http_only(true)
        // With `Strict`, users who follow a link from a chat or a mail would be signed out.
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(lifetime))
}

/// Removes expired sessions every hour until `stop`.
pub(crate) async fn sweep(sessions: Sessions, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL)).await.is_some() {
        let now = now();
        match sessions.store.sweep_sessions(now, sessions.idle_since(now)).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "removed expired sessions"),
            Err(error) => tracing::error!(%error, "cannot remove expired sessions"),
        }
    }
}

/// The session store of tower-sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    limits: SessionLimits,
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>, limits: SessionLimits) -> Self {
        Self { store, limits }
    }

    /// A stored session; `None` if it has expired.
    pub(crate) async fn find(&self, key: &[u8]) -> engine::Result<Option<SessionRow>> {
        let now = now();
        self.store.load_session(key, now, self.idle_since(now)).await
    }

    /// The owners of those sessions that are signed in and have not expired. They count as used.
    pub(crate) async fn owners(&self, keys: HashSet<[u8; 32]>) -> engine::Result<HashMap<[u8; 32], SessionOwner>> {
        let mut owners = HashMap::new();
        let keys: Vec<_> = keys.into_iter().collect();
        for keys in keys.chunks(KEYS_PER_QUERY) {
            let now = now();
            for (key, owner) in self.store.session_owners(keys, now, self.idle_since(now)).await? {
                self.touch(&key, &owner);
                owners.insert(key, owner);
            }
        }
        Ok(owners)
    }

    /// Updates "last used", at most once a minute.
    pub(crate) fn touch(&self, key: &[u8], owner: &SessionOwner) {
        let now = now();
        if now.0 - owner.used.0 >= TOUCH_INTERVAL {
            self.store.touch_session(key, now);
            self.store.touch_user(owner.user, now);
        }
    }

    fn idle_since(&self, now: Micros) -> Micros {
        Micros(now.0.saturating_sub(i64::try_from(self.limits.idle.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The row of a record. A signed-in session ends at a fixed time after sign-in.
    fn row(&self, record: &Record) -> Result<SessionRow> {
        let data = serde_json::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let account: Option<SessionUser> =
            record.data.get(SessionUser::KEY).and_then(|value| SessionUser::deserialize(value).ok());
        let expires = micros(record.expiry_date);
        let lifetime = i64::try_from(self.limits.lifetime.as_micros()).unwrap_or(i64::MAX);
        Ok(match account {
            None => SessionRow { data, expires, owner: None },
            Some(SessionUser { user, device, since }) => SessionRow {
                data,
                expires: expires.min(Micros(since.0.saturating_add(lifetime))),
                owner: Some(SessionOwner { user: UserId(user), device, since, used: now() }),
            },
        })
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let row = self.row(record)?;
        while !self.store.create_session(&key(record.id), row.clone()).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.store.save_session(&key(record.id), self.row(record)?).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let key = key(*id);
        let Some(row) = self.find(&key).await.map_err(backend)? else { return Ok(None) };
        if let Some(owner) = &row.owner {
            self.touch(&key, owner);
        }
        let data = serde_json::from_slice(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.expires.0) * 1_000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.delete_session(&key(*id)).await.map_err(backend)
    }
}

/// The key of a session in the store, a hash: the id itself is a secret that a reader of the database must not learn.
pub(crate) fn key(id: Id) -> [u8; 32] {
    Sha256::digest(id.0.to_le_bytes()).into()
}

fn backend(error: engine::Error) -> Error {
    Error::Backend(error.to_string())
}

pub(crate) fn now() -> Micros {
    micros(OffsetDateTime::now_utc())
}

fn micros(at: OffsetDateTime) -> Micros {
    Micros((at.unix_timestamp_nanos() / 1_000) as i64)
}
