//! Tasks: the trait that a kind of job implements, its errors, and its entry in the catalogue.

pub(crate) mod acceptance;
pub(crate) mod backoff;
pub(crate) mod declared;
pub(crate) mod form;
pub(crate) mod registry;
pub(crate) mod validate;

use std::{
    fmt,
    io::{self, ErrorKind},
    time::Duration,
};

use model::{Failure, Form, Micros, Role, printable};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Backoff, Code, Ctx, Error, Kind, Queue, UploadNames, files::disk::OverLimit, store::DeclaredRule};

/// A kind of long-running work. The registered value runs every job of the kind.
pub trait Task: Send + Sync + 'static {
    /// The name of the kind.
    const KIND: Kind;
    /// Its name for users: "Checksum a folder".
    const NAME: &'static str;
    /// One or two sentences on what it does.
    const ABOUT: &'static str;
    /// Its stages in order; empty for a task without stages.
    const STAGES: &'static [&'static str] = &[];
    /// Shares of the stages in the progress bar, until history has better ones; empty means equal. Same length as
    /// `STAGES`.
    const WEIGHTS: &'static [f64] = &[];
    /// Whether it makes a checkpoint every few seconds, so that a running job of this kind can be paused, and continues
    /// by itself after a crash.
    const CHECKPOINTS: bool = false;
    /// Attempts of a job, at least 1. After [`TaskError::Retry`], a panic, a time-out or the death of its worker it is
    /// tried again until they are used up. A user may always retry it once more. One attempt of a kind without
    /// checkpoints, which would start over.
    const MAX_ATTEMPTS: u32 = if Self::CHECKPOINTS { 3 } else { 1 };
    /// Whether the log gets lines about the start, the stages and the end of each attempt.
    const LOG_STEPS: bool = false;
    /// Pause before a failed job is tried again. A job whose worker died is tried again without a pause.
    const BACKOFF: Backoff = Backoff::DEFAULT;
    /// Time limit of an attempt. Then it is asked to stop, as by a cancel, and fails with code `timed_out`.
    const TIMEOUT: Option<Duration> = None;
    /// Time limit of a quiet attempt, from when it is shown as quiet: 30 s after its last report or log line, or three
    /// times the longest usual silence of recent runs, if that is longer. Then it is asked to stop, and fails with code
    /// `no_progress`. Work that has nothing to report calls [`Ctx::alive`].
    const QUIET_TIMEOUT: Option<Duration> = None;
    /// Concurrent jobs of this kind, in all processes together; `None` for no limit but the slots.
    const LIMIT: Option<u32> = None;
    /// The least role that may start and control its jobs, operator at least; an administrator can override it.
    const START_ROLE: Role = Role::Operator;
    /// Whether its jobs are visible to their owner and administrators only; an administrator can override it.
    const PRIVATE: bool = false;
    /// The queue of its jobs. Users can pause a queue and limit how many of its jobs run at once.
    const QUEUE: Queue = Queue::DEFAULT;

    /// The form: labels and help are its doc comments, limits its schema attributes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// The result, stored and shown as JSON.
    type Output: Serialize + Send;

    /// The title of a job with this input.
    fn title(input: &Self::Input) -> String;

    /// The title of a job with this input, if it has the names of uploaded files.
    fn title_with_uploads(input: &Self::Input, uploads: &UploadNames) -> String {
        let _ = uploads;
        Self::title(input)
    }

    /// Checks what a schema cannot express. `field` is empty for the input as a whole.
    fn check(input: &Self::Input) -> Result<(), Vec<model::FieldError>> {
        let _ = input;
        Ok(())
    }

    /// Attempts of a job with this input, if the input decides it.
    fn max_attempts(input: &Self::Input) -> u32 {
        let _ = input;
        Self::MAX_ATTEMPTS
    }

    /// The unique key of a job: while a job of this kind with the same key is unfinished, starting another one returns
    /// that job.
    fn unique_key(input: &Self::Input) -> Option<String> {
        let _ = input;
        None
    }

    /// Does the work. It can be stopped at await points and at [`Ctx::cancelled`].
    fn run(&self, input: Self::Input, ctx: &Ctx) -> impl Future<Output = Result<Self::Output, TaskError>> + Send;
}

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The task noticed that it was asked to stop, and stopped.
    #[error("cancelled")]
    Cancelled,
    /// It failed, and may succeed if tried again: after [`Task::BACKOFF`], if attempts are left.
    #[error("{0}")]
    Retry(Fault),
    /// It failed, and would fail again.
    #[error("{0}")]
    Fatal(Fault),
    /// A user wants to pause the job. Returned by a checkpoint, from which the job continues when resumed.
    #[error("paused")]
    Paused,
    /// It cannot be done yet, and should be called again at this time. Uses up no attempt. A checkpoint keeps what has
    /// been done so far.
    #[error("not before its time")]
    Snooze(Micros),
}

/// A failure of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable code for programs.
    pub code: Code,
    /// For users: what happened, to what, what to do.
    pub message: String,
    /// The chain of causes, one a line; may be empty.
    pub trace: String,
}

impl From<Fault> for Failure {
    fn from(Fault { code, message, .. }: Fault) -> Self {
        let message = printable(&message, &['\t', '\n']).into_owned();
        Self { code: code.as_str().to_owned(), message }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl TaskError {
    /// A failure that every attempt would have: an error in the input, for example.
    pub fn fatal(code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self::Fatal(Fault { code: code.into(), message: message.into(), trace: String::new() })
    }

    /// A failure that another attempt may not have: a network that is down, a full disk.
    pub fn retry(code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self::Retry(Fault { code: code.into(), message: message.into(), trace: String::new() })
    }

    /// Adds the cause; the whole chain of sources becomes the trace.
    #[must_use]
    pub fn caused_by(mut self, cause: &dyn std::error::Error) -> Self {
        if let Self::Retry(fault) | Self::Fatal(fault) = &mut self {
            let causes = std::iter::successors(Some(cause), |cause| cause.source());
            fault.trace = causes.map(ToString::to_string).collect::<Vec<_>>().join("\n");
        }
        self
    }

    /// A failed file operation, which may be tried again: code `io`, `disk_full`, `read_only` or `file_limit`. `what`
    /// begins the message: "reading the manifest".
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        let over_limit = error.get_ref().and_then(|error| error.downcast_ref::<OverLimit>()).is_some();
        match error.kind() {
            ErrorKind::FileTooLarge if over_limit => Self::fatal("write_limit", format!("{what}: {error}")),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::disk_full(what, error),
            ErrorKind::ReadOnlyFilesystem => {
                Self::retry("read_only", format!("{what}: {}", Error::ReadOnly)).caused_by(error)
            }
            ErrorKind::FileTooLarge => {
                Self::retry("file_limit", format!("{what}: {}", Error::FileLimit)).caused_by(error)
            }
            _ => Self::retry("io", format!("{what}: {error}")).caused_by(error),
        }
    }

    /// The failure of a full disk, which may be tried again.
    pub fn disk_full(what: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        Self::retry(Code::new(DISK_FULL), format!("{what}: {}", Error::Full)).caused_by(error)
    }
}

/// The code of a full disk.
pub(crate) const DISK_FULL: &str = "disk_full";

/// A registered kind, as the catalogue and the pages show it.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// The name of the kind.
    pub kind: Kind,
    /// Its name for users.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its icon, one of `Declared::ICONS`; `None` for the icon of its kind.
    pub icon: Option<&'static str>,
    /// Its group in the catalogue; `None` for the group of its kind.
    pub group: Option<&'static str>,
    /// Its stages.
    pub stages: &'static [&'static str],
    /// The form of its input.
    pub form: Form,
    /// The JSON schema of its input.
    pub schema: serde_json::Value,
    /// Attempts granted, unless the input decides.
    pub max_attempts: u32,
    /// The pause before another attempt.
    pub backoff: Backoff,
    /// Time limit of an attempt.
    pub timeout: Option<Duration>,
    /// Time limit of a quiet attempt.
    pub quiet_timeout: Option<Duration>,
    /// Whether a running one can be paused.
    pub checkpoints: bool,
    /// Whether the log gets lines about the steps of an attempt.
    pub log_steps: bool,
    /// The queue of its jobs.
    pub queue: Queue,
    /// Concurrent jobs, in all processes.
    pub limit: Option<u32>,
    /// The least role that may start and control its jobs, unless an administrator overrides it.
    pub start_role: Role,
    /// Whether others' jobs are hidden, unless an administrator overrides it.
    pub private: bool,
}

impl From<&TaskInfo> for DeclaredRule {
    fn from(task: &TaskInfo) -> Self {
        Self { kind: task.kind.to_string(), start: task.start_role, private: task.private }
    }
}
