//! Errors of the client itself. None of them ends a program that has been started.

use std::{io, path::PathBuf};

use thiserror::Error;

/// What went wrong before a program was started, or in a command that starts none.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The command line is wrong.
    #[error("{0}; see `milepost --help`")]
    Usage(String),
    /// A configuration file cannot be read or parsed.
    #[error("{path}: {message}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no server or no run to report to.
    #[error("{0}")]
    Unavailable(String),
}

impl ClientError {
    /// Adds the path to an error of a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

impl From<lexopt::Error> for ClientError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}
