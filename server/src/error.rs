//! Errors that keep a process from starting or running. Errors of requests are handled by their handlers.

use std::{net::SocketAddr, path::PathBuf};

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a process cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration file cannot be read or has an invalid setting.
    #[error("the configuration file {}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A setting is out of range.
    #[error("{name}: {message}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is possible.
        message: String,
    },
    /// A variable of the environment does not parse.
    #[error("the environment variable {name}: {message}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// `--no-auth` with an address that other machines can reach.
    #[error(
        "--no-auth works without accounts, and --addr {0} can be reached from other machines: everyone there could \
         start and stop jobs and read their files. Leave out --no-auth, or listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    /// The log filter does not parse.
    #[error("--log {filter}: {message}")]
    Log {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        message: String,
    },
    /// Another server uses the data directory.
    #[error(
        "{} is in use by another milepost (process {pid}). Stop that one first (kill {pid}), or choose another \
         --data-dir", data_dir.display()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// The process id in the lock file.
        pid: String,
    },
    /// The database must be migrated, but workers of an older version use it.
    #[error(
        "the database in {} has to be brought up to this version, and workers of an older one are at work on it. Stop \
         them first", .0.display()
    )]
    OldWorkers(PathBuf),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}. Choose another --addr; port 0 takes a free one")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server at the address does not respond, or not well.
    #[error("the server at {addr} is not healthy: {message}")]
    Unhealthy {
        /// The address.
        addr: SocketAddr,
        /// What the server said, or why it did not.
        message: String,
    },
    /// A file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, to what.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// An essential thread or service task has ended.
    #[error("the {} has ended ({}); see the log, and start the server or worker again", .0.part, .0.reason)]
    PartEnded(engine::Failure),
    /// The system lets this process start no more threads.
    #[error(
        "cannot start the {0} threads: the system allows this process no more. Raise its limits on memory or on \
         processes (ulimit -v, ulimit -u)"
    )]
    NoThreads(&'static str),
    /// A panic: a mistake in the program, or a thread that the system did not start.
    #[error("the program panicked; the log says where")]
    Panicked,
    /// The open-file limit is too low.
    #[error(
        "the system allows this process {allowed} open files, and it needs at least {needed}: raise that limit (ulimit -n, \
         LimitNOFILE=)"
    )]
    TooFewFiles {
        /// The limit.
        allowed: u64,
        /// The least that is enough.
        needed: u64,
    },
    /// The engine does not open.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl Error {
    /// The exit code: 2 for invalid arguments or settings, 70 for a mistake in the program (`EX_SOFTWARE`), 1 for all
    /// others.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. }
            | Self::Setting { .. }
            | Self::Variable { .. }
            | Self::NotLoopback(_)
            | Self::Log { .. }
            | Self::Engine(engine::Error::InvalidInput(_)) => 2,
            Self::PartEnded(_) | Self::Panicked => 70,
            Self::InUse { .. }
            | Self::OldWorkers(_)
            | Self::Listen { .. }
            | Self::Unhealthy { .. }
            | Self::NoThreads(_)
            | Self::TooFewFiles { .. }
            | Self::Io { .. }
            | Self::Engine(_) => 1,
        }
    }
}
