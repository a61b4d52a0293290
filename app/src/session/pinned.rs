//! The jobs that a person keeps in the sidebar, held by the session.

use model::JobId;
use tower_sessions::{Session, session::Error};

/// Where they are kept in the session.
const KEY: &str = "pins";

/// At most so many are kept; pinning one more lets go of the one pinned first.
pub const LIMIT: usize = 5;

/// The pinned jobs, the one pinned last first. A session that cannot be read has none.
pub async fn read(session: Option<&Session>) -> Vec<JobId> {
    match session {
        Some(session) => session.get(KEY).await.ok().flatten().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Pins a job. One that is pinned already moves to the front.
pub async fn add(session: &Session, job: JobId) -> Result<(), Error> {
    let mut pins = read(Some(session)).await;
    pins.retain(|pinned| *pinned != job);
    pins.insert(0, job);
    pins.truncate(LIMIT);
    session.insert(KEY, pins).await
}

/// Lets go of a job. Nothing changes where it is not pinned.
pub async fn remove(session: &Session, job: JobId) -> Result<(), Error> {
    let mut pins = read(Some(session)).await;
    let before = pins.len();
    pins.retain(|pinned| *pinned != job);
    if pins.len() == before { Ok(()) } else { session.insert(KEY, pins).await }
}
