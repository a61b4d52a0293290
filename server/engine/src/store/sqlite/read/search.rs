//! Searches: on connections of their own, for a bounded time.

use std::time::{Duration, Instant};

use sqlx::SqliteConnection;
use tokio::time::timeout;

use super::Reader;
use crate::{Error, Result, store::SEARCH_WORDS};

/// How long a search waits for a connection, and then how long it may take.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Instructions of a statement between two checks of the time: some microseconds, more for long titles.
const STEPS: i32 = 200;
/// The code of a statement that was interrupted.
const SQLITE_INTERRUPT: &str = "9";

impl Reader {
    /// Reads with a connection that is interrupted after [`MAX_TIME`].
    ///
    /// # Errors
    /// `Error::Refused` if that is too short, or if other searches occupy all connections for that long.
    pub(super) async fn search<T>(&self, read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T>) -> Result<T> {
        let Ok(connection) = timeout(MAX_TIME, self.searches.acquire()).await else { return Err(searches_busy()) };
        let mut connection = connection?;
        let until = Instant::now() + MAX_TIME;
        connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
        let found = read(&mut connection).await;
        connection.lock_handle().await?.remove_progress_handler();
        found.map_err(|error| if is_interrupted(&error) { search_too_long() } else { error })
    }
}

/// A `like` pattern for each of the first distinct words of a text.
pub(super) fn patterns(text: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.unwrap_or_default().split_whitespace().map(str::to_lowercase) {
        if !words.contains(&word) && words.len() < SEARCH_WORDS {
            words.push(word);
        }
    }
    let escaped = |word: &str| word.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    words.iter().map(|word| format!("%{}%", escaped(word))).collect()
}

fn is_interrupted(error: &Error) -> bool {
    let Error::Database(source) = error else { return false };
    let failure = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    failure.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == SQLITE_INTERRUPT)
}

fn search_too_long() -> Error {
    let seconds = MAX_TIME.as_secs();
    Error::Refused {
        code: "search_too_long",
        message: format!(
            "the search took longer than {seconds} seconds; choose a state, a task or an age, or search for other words"
        ),
    }
}

fn searches_busy() -> Error {
    let message = "other searches are under way and take long; try again in a moment".to_owned();
    Error::Refused { code: "searches_busy", message }
}
