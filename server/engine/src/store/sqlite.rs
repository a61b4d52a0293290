//! The store in one SQLite file: a writer with group commit, a pool of readers.

/// How the SQLite store is opened.
pub struct SqliteOptions {}

/// The store in one SQLite file.
pub struct SqliteStore {}
