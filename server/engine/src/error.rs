//! Errors of the engine, with the messages that users read.

use std::io::ErrorKind;

use model::{FieldError, JobId, JobState};

use crate::types::{ids::ScheduleId, visibility::Denied};

/// An engine result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. A failed call has changed nothing.
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
    /// The file of an artifact differs from what the job wrote.
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
        /// Expected size, bytes.
        expected: u64,
        /// Actual size, bytes; `None` if the file is missing.
        found: Option<u64>,
    },
    /// No task of that kind is registered.
    #[error("there is no task {kind}; there are {known}")]
    UnknownKind {
        /// The requested kind.
        kind: String,
        /// The registered kinds, as a list for users.
        known: String,
    },
    /// No task of this program is in a queue of that name.
    #[error("there is no queue {queue}; there are {known}")]
    UnknownQueue {
        /// The requested queue.
        queue: String,
        /// The queues, as a list for users.
        known: String,
    },
    /// The input does not fit the task: one entry per field, never empty.
    #[error("{}", .0.first().map_or("the input does not fit", |e| e.message.as_str()))]
    InvalidInput(Vec<FieldError>),
    /// The job's state does not allow it. The message is for users.
    #[error("{message}")]
    Conflict {
        /// A stable code: `already_ended`, `already_requested`, `not_ended`, `still_running` …
        code: &'static str,
        /// The state, and what can be done instead.
        message: String,
        /// The state of the job.
        state: JobState,
    },
    /// The actor lacks the permission. The message is for users.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// Not possible at the moment. The message is for users.
    #[error("{message}")]
    Refused {
        /// A stable code: `name_taken`, `link_used`, `last_administrator` …
        code: &'static str,
        /// The reason, and what can be done instead.
        message: String,
    },
    /// The path is outside the roots, or does not exist.
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
        /// Bytes stored, without the rejected ones.
        used: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The disk, or the database's own limit, is full.
    #[error("the disk that holds the data directory is full; free some space and try again")]
    Full,
    /// The disk is mounted read-only, or this process may not write to one of its files.
    #[error("the disk that holds the data directory is read-only; make it writable and try again")]
    ReadOnly,
    /// A file has reached the size limit of this process (`RLIMIT_FSIZE`).
    #[error(
        "a file has reached the largest size that the server may write; raise the limit (ulimit -f, LimitFSIZE=) and \
         start the server again"
    )]
    FileLimit,
    /// The database or a folder was removed or replaced while the process runs: its writes would be lost.
    #[error(
        "a file of the data directory was removed or replaced while the server was running; stop the server, put it \
         back, and start it again"
    )]
    Gone,
    /// The database file is damaged. The message names it and the newest backup.
    #[error("{0}")]
    Damaged(String),
    /// Another process has kept the database locked for longer than the timeout. Nothing was changed.
    #[error("another process keeps the database locked; try again")]
    Busy,
    /// A stale worker wrote for an attempt whose job it has lost.
    #[error("the job of this attempt has been taken by another process")]
    Fenced,
    /// The engine is shutting down and accepts no more work.
    #[error("the server is shutting down; try again when it is back")]
    ShuttingDown,
    /// The data directory or its database cannot be used; the message says why and what to do.
    #[error("{0}")]
    Unusable(String),
    /// There is no database, or it is older than this build, and only a server may create or migrate it.
    #[error("{0}")]
    NotReady(String),
    /// The database failed; the error of its driver.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its object.
        what: String,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl Error {
    /// An error of a file operation. Full disks, read-only disks and file size limits have variants of their own.
    pub(crate) fn of_io(what: impl Into<String>, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::FileTooLarge => Self::FileLimit,
            _ => Self::Io { what: what.into(), source },
        }
    }
}

/// Collects field errors, so that all are reported together; returns other errors at once.
///
/// # Errors
/// All but `Error::InvalidInput`.
pub fn collect_faults<T>(result: Result<T>, faults: &mut Vec<FieldError>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::InvalidInput(found)) => {
            faults.extend(found);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
