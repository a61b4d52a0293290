//! The store in one SQLite file: a writer with group commit, a pool of readers.

use std::{path::PathBuf, sync::Arc};

use super::Store;
use crate::{Clock, Error, Listener, Result};

/// How the SQLite store is opened.
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who hears durable events.
    pub listener: Arc<dyn Listener>,
    /// Connections that read.
    pub readers: u32,
    /// The size limit, in pages.
    pub max_page_count: Option<u32>,
    /// Whether the schema may be upgraded.
    pub migrate: bool,
}

/// The store in one SQLite file.
pub struct SqliteStore {}

impl SqliteStore {
    /// Opens it.
    pub async fn open(options: SqliteOptions) -> Result<Arc<dyn Store>> {
        Err(Error::Unusable(format!("{} cannot be opened by this build yet", options.path.display())))
    }
}
