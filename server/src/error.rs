//! Why the server cannot start or go on. What a request meets is answered by its handler instead.

use std::{net::SocketAddr, path::PathBuf};

/// A result of the server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration file cannot be read, or holds what is no setting.
    #[error("the configuration file {}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A setting is outside of what is possible, wherever it was given.
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
    /// The address can be reached from other machines, and nobody would be asked who they are.
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
    /// Another server works on the same data directory.
    #[error(
        "{} is in use by another milepost (process {pid}). Stop that one first (kill {pid}), or choose another \
         --data-dir", data_dir.display()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// The other process, as it wrote itself down.
        pid: String,
    },
    /// The database has to be migrated, and workers of an older version work on it.
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
    /// A file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, to what.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread or service task without which the process cannot work has ended.
    #[error("the {} has ended ({}); see the log, and start the server or worker again", .0.part, .0.reason)]
    PartEnded(engine::Failure),
    /// The system lets this process start no more threads.
    #[error(
        "cannot start the {0} threads: the system allows this process no more. Raise its limits on memory or on \
         processes (ulimit -v, ulimit -u)"
    )]
    NoThreads(&'static str),
    /// A mistake in the program, or threads that the system did not start; the log says where.
    #[error("the program panicked; the log says where")]
    Panicked,
    /// The system allows too few open files to work with.
    #[error(
        "the system allows this process {allowed} open files, and it needs at least {needed}: raise that limit (ulimit -n, \
         LimitNOFILE=)"
    )]
    TooFewFiles {
        /// The limit.
        allowed: u64,
        /// The least that does.
        needed: u64,
    },
    /// The engine does not open.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl Error {
    /// What a shell is told: 2 for a mistake in how the program was called, 70 for a part that ended by a mistake in
    /// the program (`EX_SOFTWARE`), 1 for everything else.
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
            | Self::NoThreads(_)
            | Self::TooFewFiles { .. }
            | Self::Io { .. }
            | Self::Engine(_) => 1,
        }
    }
}
