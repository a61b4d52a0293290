//! Errors of the database as errors of the engine.

use crate::Error;

/// `SQLITE_READONLY`: the file cannot be written.
const SQLITE_READONLY: u32 = 8;
/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`: the file is damaged.
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_NOTADB: u32 = 26;
/// `SQLITE_FULL`: no room on the disk, or `max_page_count` is reached.
const SQLITE_FULL: u32 = 13;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(rusqlite::ErrorCode::DatabaseBusy) => Self::Busy,
            Some(rusqlite::ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Database(error.into()),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<u32>().ok()),
            _ => None,
        };
        match (code.map(|code| code & 0xff), error) {
            (Some(SQLITE_FULL), _) => Self::Full,
            (Some(SQLITE_READONLY), _) => Self::ReadOnly,
            (Some(SQLITE_CORRUPT | SQLITE_NOTADB), error) => Self::Damaged(error.to_string()),
            (_, sqlx::Error::Io(error)) => Self::of_io("reading the database", error),
            (_, error) => Self::Database(error.into()),
        }
    }
}

/// A stored value is not what this build writes: another program changed the file.
pub(super) fn corrupt(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Database(format!("{what}: {error}").into())
}
