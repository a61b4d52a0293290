//! Errors of the engine, with the messages that users read.

use std::io::ErrorKind;

use model::{FieldError, JobId, JobState};

use crate::types::{ids::ScheduleId, visibility::Denied};

/// An engine result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. Nothing was changed by a call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such job, or it has been deleted.
    #[error("there is no job #{0}")]
    NoSuchJob(JobId),
    /// There is no such schedule, or it has been deleted.
    #[error("there is no schedule {0}")]
    NoSuchSchedule(ScheduleId),
    /// There is no such upload, or it has expired.
    #[error("there is no upload {0}; send the file again")]
    NoSuchUpload(String),
    /// The job has no artifact of that name.
    #[error("job #{0} has no artifact named {1}")]
    NoSuchArtifact(JobId, String),
    /// The file of an artifact is not as the job left it.
    #[error(
        "the file {name} of job #{job} is damaged: it {}; run the job again, or restore the file from a backup",
        found.map_or_else(
            || "is gone".to_owned(),
            |found| format!("has {} B and had {} B when the job ended", model::count(found), model::count(*expected))
        )
    )]
    DamagedArtifact {
        /// The job.
        job: JobId,
        /// The artifact.
        name: String,
        /// Bytes that it had.
        expected: u64,
        /// Bytes that it has, if it is there.
        found: Option<u64>,
    },
    /// No task of that kind is registered.
    #[error("there is no task {kind}; there are {known}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is, as a list for users.
        known: String,
    },
    /// No task of this program is in a queue of that name.
    #[error("there is no queue {queue}; there are {known}")]
    UnknownQueue {
        /// What was asked for.
        queue: String,
        /// What there is, as a list for users.
        known: String,
    },
    /// The input does not fit the task: one entry per field, never empty.
    #[error("{}", .0.first().map_or("the input does not fit", |e| e.message.as_str()))]
    InvalidInput(Vec<FieldError>),
    /// The job's state does not allow it. The message is for users.
    #[error("{message}")]
    Conflict {
        /// Stable word: `already_ended`, `already_requested`, `not_ended`, `still_running` …
        code: &'static str,
        /// What the state is and what can be done instead.
        message: String,
        /// The state of the job.
        state: JobState,
    },
    /// The actor is not allowed to. The message is for users.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// It is not possible at the moment. The message is for users.
    #[error("{message}")]
    Refused {
        /// Stable word: `name_taken`, `link_used`, `last_administrator` …
        code: &'static str,
        /// The reason, and what can be done instead.
        message: String,
    },
    /// The path leaves the roots, or names nothing.
    #[error("{0}")]
    Path(String),
    /// An upload is larger than allowed; the limit in bytes.
    #[error("the file is larger than the limit of {}", model::bytes(*.0))]
    TooLarge(u64),
    /// The quota of the user's uploads and inputs is exceeded.
    #[error(
        "your uploads and inputs take {} of the {} that you may have; uploads that no job refers to are removed after \
         24 hours, inputs with their jobs",
        model::bytes(*.used),
        model::bytes(*.limit)
    )]
    Quota {
        /// Bytes of what is kept, without the one that was refused.
        used: u64,
        /// Bytes that may be kept.
        limit: u64,
    },
    /// The disk, or the database's own limit, is full.
    #[error("the disk that holds the data directory is full; free some space and try again")]
    Full,
    /// The disk is mounted read-only, or this process may not write to a file of its own.
    #[error("the disk that holds the data directory is read-only; make it writable and try again")]
    ReadOnly,
    /// A file has reached the size that this process may write (`RLIMIT_FSIZE`).
    #[error(
        "a file has reached the largest size that the server may write; raise the limit (ulimit -f, LimitFSIZE=) and \
         start the server again"
    )]
    FileLimit,
    /// The database or a folder was removed or replaced under the running process: what it writes would be lost.
    #[error(
        "a file of the data directory was removed or replaced while the server was running; stop the server, put it \
         back, and start it again"
    )]
    Gone,
    /// The database file is damaged. The message names it and the newest backup.
    #[error("{0}")]
    Damaged(String),
    /// Another process has kept the database locked for longer than we wait for it. Nothing was changed.
    #[error("another process keeps the database locked; try again")]
    Busy,
    /// A stale worker wrote for an attempt that is no longer its own.
    #[error("the job of this attempt has been taken by another process")]
    Fenced,
    /// The engine is shutting down and takes no more work.
    #[error("the server is shutting down; try again when it is back")]
    ShuttingDown,
    /// The data directory or its database cannot be used; the message says why and what to do.
    #[error("{0}")]
    Unusable(String),
    /// There is no database yet, or it is older than this build, and it is for a server to change that.
    #[error("{0}")]
    NotReady(String),
    /// The database failed; what its driver said.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, to what.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// A file operation's error. A disk that is full or read-only and a limit on the size of files are told apart.
    pub(crate) fn of_io(what: impl Into<String>, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::FileTooLarge => Self::FileLimit,
            _ => Self::Io { what: what.into(), source },
        }
    }
}
