//! What the database says, as the engine's error.

use std::io::ErrorKind;

use crate::Error;

/// `SQLITE_FULL`: no room on the disk, or `max_page_count` is reached.
const SQLITE_FULL: u32 = 13;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(rusqlite::ErrorCode::DatabaseBusy) => Self::Busy,
            _ => Self::Database(error.into()),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let full = match &error {
            sqlx::Error::Database(error) => {
                error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == SQLITE_FULL)
            }
            sqlx::Error::Io(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        };
        if full { Self::Full } else { Self::Database(error.into()) }
    }
}

/// A stored text is not what this build writes: somebody else changed the file.
pub(super) fn corrupt(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Database(format!("{what}: {error}").into())
}

impl Error {
    /// Whether the transaction as a whole is lost, rather than one call refused.
    pub(super) const fn ends_transaction(&self) -> bool {
        matches!(self, Self::Full | Self::Busy | Self::Database(_))
    }
}
