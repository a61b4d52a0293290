//! Web sessions, kept in the engine's store. A visitor without anything to keep has none, and gets no cookie.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use engine::store::{SessionRow, Store};
use model::Micros;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store::{Error, Result},
};

/// How long a session outlives its last change.
const LIFETIME: Duration = Duration::days(14);
/// How often the expired ones are removed.
const SWEEP: std::time::Duration = std::time::Duration::from_hours(1);

/// The layer for routes that know their visitor.
pub(crate) fn layer(store: &Arc<dyn Store>) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions(Arc::clone(store)))
        .with_name("milepost_session")
        .with_http_only(true)
        // `Strict` would sign people out who follow a link from a chat or a mail.
        .with_same_site(SameSite::Lax)
        // Plain HTTP on this machine, until there is a public address.
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(LIFETIME))
}

/// Removes expired sessions every hour until `stop`.
pub(crate) async fn sweep(store: Arc<dyn Store>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
        match store.sweep_sessions(micros(OffsetDateTime::now_utc()), Micros(0)).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "removed expired sessions"),
            Err(error) => tracing::error!(%error, "cannot remove expired sessions"),
        }
    }
}

/// tower-sessions' view of the store.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<dyn Store>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let row = row(record)?;
        while !self.0.create_session(&key(record.id), row.clone()).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.0.save_session(&key(record.id), row(record)?).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = micros(OffsetDateTime::now_utc());
        let Some(row) = self.0.load_session(&key(*id), now, Micros(0)).await.map_err(backend)? else { return Ok(None) };
        let (data, expiry_date) =
            serde_json::from_slice(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.delete_session(&key(*id)).await.map_err(backend)
    }
}

/// What the store knows a session by. The id itself is a password: whoever reads the database must not learn it.
fn key(id: Id) -> [u8; 32] {
    Sha256::digest(id.0.to_le_bytes()).into()
}

/// Everything but the id.
fn row(record: &Record) -> Result<SessionRow> {
    let data = serde_json::to_vec(&(&record.data, record.expiry_date));
    let data = data.map_err(|error| Error::Encode(error.to_string()))?;
    Ok(SessionRow { data, expires: micros(record.expiry_date), owner: None })
}

fn backend(error: engine::Error) -> Error {
    Error::Backend(error.to_string())
}

fn micros(at: OffsetDateTime) -> Micros {
    Micros((at.unix_timestamp_nanos() / 1_000) as i64)
}
