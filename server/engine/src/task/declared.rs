//! Declared tasks: kinds that a configuration declares at run time.

use std::time::Duration;

use async_trait::async_trait;
use model::{FieldError, Role};
use serde_json::Value;

use crate::{
    Backoff, Ctx, Error, Kind, Queue, Result, TaskError, TaskInfo, UploadNames,
    task::{
        form,
        registry::{Accepted, Entry, ErasedTask},
    },
    types::names::kept,
};

/// Settings of a declared task; see [`Task`](crate::Task) for their meaning.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name: 1 to 40 characters of a-z, 0-9 and dashes.
    pub kind: String,
    /// Its name for users.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Its icon, one of [`Declared::ICONS`].
    pub icon: Option<&'static str>,
    /// Its group in the catalogue.
    pub group: String,
    /// The JSON schema of its input, an object without references. Its `properties` become the form.
    pub schema: Value,
    /// Attempts granted, at least 1.
    pub max_attempts: u32,
    /// The pause before another attempt.
    pub backoff: Backoff,
    /// Time limit of an attempt.
    pub timeout: Option<Duration>,
    /// Time limit of a quiet attempt.
    pub quiet_timeout: Option<Duration>,
    /// The queue of its jobs; `None` for the default queue.
    pub queue: Option<String>,
    /// Concurrent jobs of this kind.
    pub limit: Option<u32>,
    /// The least role that may start and control its jobs; operator at least.
    pub start_role: Role,
    /// Whether others' jobs are hidden.
    pub private: bool,
}

/// A declared task. Its input has been checked against the form.
#[async_trait]
pub trait DeclaredTask: Send + Sync + 'static {
    /// The title of a job with this input.
    fn title(&self, input: &Value) -> String;

    /// Checks what the form cannot express.
    fn check(&self, input: &Value) -> Result<(), Vec<FieldError>>;

    /// Does the work and returns the result; see [`Task::run`](crate::Task::run).
    async fn run(&self, input: Value, ctx: &Ctx) -> Result<Value, TaskError>;
}

impl Declared {
    /// The icons to choose from.
    pub const ICONS: [&str; 10] =
        ["archive", "checksum", "copy", "export", "folder", "images", "import", "links", "trash", "worker"];

    /// The kind in the registry.
    pub(crate) fn entry(self, task: impl DeclaredTask) -> Result<Entry> {
        let kind = Kind::declared(&self.kind).map_err(Error::Unusable)?;
        let queue = self.queue.as_deref().map_or(Ok(Queue::DEFAULT), Queue::declared).map_err(Error::Unusable)?;
        let form = form::declared(&self.schema).map_err(|(field, schema)| {
            Error::Unusable(format!(
                "the field `{field}` of the task {kind} is of a type that no form can show: {schema}"
            ))
        })?;
        let info = TaskInfo {
            kind,
            name: kept(&self.name),
            about: kept(&self.about),
            icon: self.icon,
            group: Some(kept(&self.group)),
            stages: &[],
            form,
            schema: self.schema,
            max_attempts: self.max_attempts.max(1),
            backoff: self.backoff,
            timeout: self.timeout,
            quiet_timeout: self.quiet_timeout,
            checkpoints: false,
            log_steps: false,
            queue,
            limit: self.limit,
            start_role: self.start_role.max(Role::Operator),
            private: self.private,
        };
        let max_attempts = info.max_attempts;
        Ok(Entry::of(info, Box::new(AtRunTime { task, max_attempts }), &[]))
    }
}

/// The adapter from [`DeclaredTask`].
struct AtRunTime<T> {
    task: T,
    max_attempts: u32,
}

#[async_trait]
impl<T: DeclaredTask> ErasedTask for AtRunTime<T> {
    fn accept(&self, input: &Value, _: &UploadNames) -> Result<Accepted, Vec<FieldError>> {
        self.task.check(input)?;
        Ok(Accepted { title: self.task.title(input), max_attempts: self.max_attempts, unique_key: None })
    }

    async fn run(&self, input: &str, ctx: &Ctx) -> Result<String, TaskError> {
        let input = serde_json::from_str(input).map_err(|error| {
            TaskError::fatal("bad_input", "the stored input is not JSON; start a new job").caused_by(&error)
        })?;
        Ok(self.task.run(input, ctx).await?.to_string())
    }
}
