//! Fixture: a data directory with one user and a session for each stream.

use std::path::Path;

use anyhow::{Context, Result};
use base64ct::{Base64UrlUnpadded, Encoding};
use engine::{
    Engine,
    store::{Attribution, SessionOwner, SessionRow, UserChange, UserId},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use model::{Micros, Role};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A data directory with one administrator who has many sessions.
pub(crate) struct Fixture {
    data: TempDir,
    cookies: Vec<String>,
}

impl Fixture {
    /// Creates a data directory with `sessions` sessions.
    pub(crate) fn build(sessions: usize) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let runtime = tokio::runtime::Runtime::new()?;
        let cookies = runtime.block_on(fill(data.path(), sessions))?;
        Ok(Self { data, cookies })
    }

    /// Returns the data directory.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns the cookie header values of the sessions.
    pub(crate) fn cookies(&self) -> Vec<String> {
        self.cookies.clone()
    }
}

async fn fill(data: &Path, sessions: usize) -> Result<Vec<String>> {
    let engine = Engine::builder(data).open().await?;
    let store = engine.store();
    let user = store.add_user("load", Role::Administrator, &Attribution::default()).await?;
    let set_up =
        UserChange::Password { hash: "unused, since the sessions exist already".to_owned(), from: None, keep: None };
    store.change_user(user, set_up, &Attribution::default()).await?;
    let cookies = stream::iter(0..sessions)
        .map(|_| async move {
            let id: i128 = rand::random();
            store.create_session(&Sha256::digest(id.to_le_bytes()), session(user)).await?;
            anyhow::Ok(format!("milepost_session={}", Base64UrlUnpadded::encode_string(&id.to_le_bytes())))
        })
        .buffer_unordered(500)
        .try_collect()
        .await
        .context("cannot create the sessions")?;
    engine.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(cookies)
}

/// Builds a session in the format of `server/src/middleware/sessions.rs`.
fn session(UserId(user): UserId) -> SessionRow {
    let now = engine_now();
    let data = json!({ "account": { "user": user, "device": "load", "since": now.0 } }).to_string().into_bytes();
    let expires = Micros(now.0 + 24 * 3_600 * 1_000_000);
    let owner = SessionOwner { user: UserId(user), device: "load".to_owned(), since: now, used: now };
    SessionRow { data, expires, owner: Some(owner) }
}

fn engine_now() -> Micros {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(now.as_micros() as i64)
}
