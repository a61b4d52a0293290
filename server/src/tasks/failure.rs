//! What the system said, as a failure that names what was being done.

use std::{fmt::Display, io};

use engine::TaskError;

/// A failed file operation. `what` begins the sentence: "reading the manifest".
pub(super) fn io_failed(what: impl Display, error: &io::Error) -> TaskError {
    if error.kind() == io::ErrorKind::StorageFull {
        return disk_full(what, error);
    }
    TaskError::caused("io", format!("{what}: {error}"), error)
}

/// A full disk, whoever met it.
pub(super) fn disk_full(what: impl Display, error: &(dyn std::error::Error + 'static)) -> TaskError {
    let message = format!("{what}: the disk that holds the data directory is full; free some space and try again");
    TaskError::caused("disk_full", message, error)
}
