//! Pinned jobs of the sidebar, stored in the session.

use model::JobId;
use tower_sessions::{Session, session::Error};

/// Its key in the session.
const KEY: &str = "pins";

/// At most this many; pinning one more unpins the oldest.
pub const LIMIT: usize = 5;

/// Returns the pinned jobs, the last pinned first; none if the session cannot be read.
pub async fn read(session: Option<&Session>) -> Vec<JobId> {
    match session {
        Some(session) => session.get(KEY).await.ok().flatten().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Pins a job. A pinned one moves to the front.
pub async fn add(session: &Session, job: JobId) -> Result<(), Error> {
    let mut pins = read(Some(session)).await;
    pins.retain(|pinned| *pinned != job);
    pins.insert(0, job);
    pins.truncate(LIMIT);
    session.insert(KEY, pins).await
}

/// Unpins a job. No change if it is not pinned.
pub async fn remove(session: &Session, job: JobId) -> Result<(), Error> {
    let mut pins = read(Some(session)).await;
    let before = pins.len();
    pins.retain(|pinned| *pinned != job);
    if pins.len() == before { Ok(()) } else { session.insert(KEY, pins).await }
}
