//! The contract between the engine and a task.

use std::{
    borrow::Cow,
    fmt,
    io::{self, ErrorKind},
};

use model::Form;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Ctx, Error};

/// A task's name in the registry, in addresses and in the history: lower case, digits, dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// # Panics
    /// At compile time (in a `const`) if `name` is empty, over 40 bytes, or not of `a-z 0-9 -`.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 40, "a kind has 1 to 40 characters");
        let mut i = 0;
        while i < bytes.len() {
            assert!(matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'-'), "a kind is of a-z, 0-9 and dashes");
            i += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A kind of long work. One value of it is registered and runs every job of the kind.
pub trait Task: Send + Sync + 'static {
    /// Its name.
    const KIND: Kind;
    /// What people call it in the catalogue: "Checksum a folder".
    const NAME: &'static str;
    /// One or two sentences on what it does.
    const ABOUT: &'static str;
    /// Its stages in order; empty for a task of one piece.
    const STAGES: &'static [&'static str] = &[];
    /// How the stages share the bar until history knows better; empty means equal. Same length as `STAGES`.
    const WEIGHTS: &'static [f64] = &[];
    /// How many attempts a job of this kind gets in all, at least 1.
    const MAX_ATTEMPTS: u32 = 1;
    /// How many jobs of this kind may run at once in one process; `None` leaves it to the global limit.
    const LIMIT: Option<u32> = None;

    /// The form: labels and help are its doc comments, limits its schema attributes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// Kept as JSON and shown as the result.
    type Output: Serialize + Send;

    /// What people call the job with this input.
    fn title(input: &Self::Input) -> String;

    /// Checks what a schema cannot say. `field` is empty for the input as a whole.
    fn check(input: &Self::Input) -> Result<(), Vec<model::FieldError>> {
        let _ = input;
        Ok(())
    }

    /// Does the work. Await points and [`Ctx::cancelled`] are where it can be stopped.
    fn run(&self, input: Self::Input, ctx: &Ctx) -> impl Future<Output = Result<Self::Output, TaskError>> + Send;
}

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The task noticed that it was asked to stop, and stopped.
    #[error("cancelled")]
    Cancelled,
    /// It failed. The code is a stable word for programs, the message for people.
    #[error("{message}")]
    Failed {
        /// Stable word, such as `io`, `bad_input`, `table_exists`.
        code: Cow<'static, str>,
        /// What happened, to what, what to do.
        message: String,
        /// The chain of causes, one a line; may be empty.
        trace: String,
    },
}

impl TaskError {
    /// A failure with its code.
    pub fn failed(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::Failed { code: code.into(), message: message.into(), trace: String::new() }
    }

    /// A failure with what caused it; the whole chain of sources becomes the trace.
    pub fn caused(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        cause: &dyn std::error::Error,
    ) -> Self {
        let mut trace = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            trace.push('\n');
            trace.push_str(&source.to_string());
            next = source.source();
        }
        Self::Failed { code: code.into(), message: message.into(), trace }
    }

    /// A failed file operation: code `io`, or `disk_full`. `what` begins the sentence: "reading the manifest".
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::disk_full(what, error),
            _ => Self::caused("io", format!("{what}: {error}"), error),
        }
    }

    /// A full disk, whoever met it.
    pub fn disk_full(what: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        Self::caused("disk_full", format!("{what}: {}", Error::Full), error)
    }
}

/// A registered kind, as the catalogue and the pages show it.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Its name.
    pub kind: Kind,
    /// What people call it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its stages.
    pub stages: &'static [&'static str],
    /// The form of its input.
    pub form: Form,
    /// The JSON schema of its input.
    pub schema: serde_json::Value,
    /// Attempts granted.
    pub max_attempts: u32,
}
