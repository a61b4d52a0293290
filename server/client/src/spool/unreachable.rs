//! A note that a server could not be reached: for a minute, no client waits for it again.

use std::{fs, path::PathBuf, time::Duration};

use super::SpoolDirectory;

/// How long the note counts.
const LIFETIME: Duration = Duration::from_mins(1);

/// The note about one server.
#[derive(Debug)]
pub(crate) struct UnreachableNote {
    path: PathBuf,
    server: String,
}

impl UnreachableNote {
    pub(crate) fn new(spool: &SpoolDirectory, server: &str) -> Self {
        Self { path: spool.path().join("unreachable"), server: server.to_owned() }
    }

    /// Whether a client noted within the last minute that the server cannot be reached.
    pub(crate) fn is_set(&self) -> bool {
        let age = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok();
        age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age < LIFETIME)
            && fs::read_to_string(&self.path).is_ok_and(|server| server == self.server)
    }

    /// Notes that the server cannot be reached. An existing note keeps its time, so that the next minute tries again.
    pub(crate) fn set(&self) {
        if !self.is_set() {
            let _ = fs::write(&self.path, &self.server);
        }
    }

    /// Removes the note.
    pub(crate) fn clear(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
