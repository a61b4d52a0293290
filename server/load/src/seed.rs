//! A data directory with somebody in it, and as many sessions as there are streams.

use std::path::Path;

use anyhow::{Context, Result};
use base64ct::{Base64UrlUnpadded, Encoding};
use engine::{
    Engine,
    store::{By, PersonChange, SessionOwner, SessionRow, UserId},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use model::{Micros, Role};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// An administrator, signed in many times.
pub(crate) struct House {
    data: TempDir,
    cookies: Vec<String>,
}

impl House {
    /// A new one with `sessions` sessions.
    pub(crate) fn build(sessions: usize) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let runtime = tokio::runtime::Runtime::new()?;
        let cookies = runtime.block_on(fill(data.path(), sessions))?;
        Ok(Self { data, cookies })
    }

    /// Where it is.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// What browsers of each session send.
    pub(crate) fn cookies(&self) -> Vec<String> {
        self.cookies.clone()
    }
}

async fn fill(data: &Path, sessions: usize) -> Result<Vec<String>> {
    let engine = Engine::builder(data).open().await?;
    let store = engine.store();
    let user = store.add_person("load", Role::Administrator, &By::default()).await?;
    let set_up = PersonChange::Password { hash: "nobody signs in with one".to_owned(), from: None, keep: None };
    store.change_person(user, set_up, &By::default()).await?;
    let cookies = stream::iter(0..sessions)
        .map(|_| async move {
            let id: i128 = rand::random();
            store.create_session(&Sha256::digest(id.to_le_bytes()), session(user)).await?;
            anyhow::Ok(format!("milepost_session={}", Base64UrlUnpadded::encode_string(&id.to_le_bytes())))
        })
        .buffer_unordered(500)
        .try_collect()
        .await
        .context("cannot make the sessions")?;
    engine.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(cookies)
}

/// One as `server/src/sessions.rs` keeps it.
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
