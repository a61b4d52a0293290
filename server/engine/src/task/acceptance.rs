//! Acceptance of a new job: checks its input and keys and builds the row that the store enqueues.

use model::{FieldError, JobId, Micros, Priority, is_unprintable};
use serde_json::Value;

use crate::{
    Error, Result,
    shared::Shared,
    store::{Attribution, NewJob},
    task::{registry::Accepted, validate},
};

/// The largest input, bytes of JSON.
const INPUT_LIMIT: usize = 16 << 20;

/// A longer title is cut, characters.
const TITLE_LENGTH: usize = 200;

/// The longest key of a caller's, bytes.
const KEY_LENGTH: usize = 200;

/// How a job is started.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Who starts it.
    pub by: Attribution,
    /// Not before this.
    pub run_at: Option<Micros>,
    /// The job it repeats.
    pub rerun_of: Option<JobId>,
    /// How urgent it is; urgent jobs run before earlier, less urgent ones.
    pub priority: Priority,
    /// What the same user must not have under way twice, 1 to 200 bytes: while a job of the kind with this key is not
    /// over, that one is the answer. Without effect where the task has a key of its own ([`crate::Task::unique_key`]).
    pub unique_key: Option<String>,
    /// The caller's own name for this start, 1 to 200 bytes: asked again with it by the same user within 24 h, the
    /// answer is the same job. So a caller that got no answer may ask again.
    pub idempotency_key: Option<String>,
}

/// The job that a start is, once its input has been checked; every fault is told at once.
pub(crate) async fn checked(shared: &Shared, kind: &str, input: Value, options: StartOptions) -> Result<NewJob> {
    let entry = shared.registry.get(kind)?;
    let checked = validate::check(&entry.info.form, &input, &shared.roots, &shared.uploads).await?;
    check_key("idempotency_key", "An idempotency key", options.idempotency_key.as_deref())?;
    check_key("unique_key", "A unique key", options.unique_key.as_deref())?;
    let text = input.to_string();
    if text.len() > INPUT_LIMIT {
        let message = format!("The input is larger than {}.", model::bytes(INPUT_LIMIT as u64));
        return Err(Error::InvalidInput(vec![FieldError { field: String::new(), message }]));
    }
    let Accepted { title, max_attempts, unique_key } = entry.task.accept(&input).map_err(Error::InvalidInput)?;
    // Each user has keys of their own: a key neither reveals nor blocks the jobs of others. Names have no
    // spaces, and the key of a task begins with no `@`.
    let idempotency_key = options.idempotency_key.map(|key| format!("{} {key}", options.by.name));
    let own_key = options.unique_key.map(|key| format!("@{} {key}", options.by.name));
    Ok(NewJob {
        kind: kind.to_owned(),
        title: printable_title(&title).unwrap_or_else(|| entry.info.name.to_owned()),
        input: text,
        by: options.by,
        max_attempts,
        run_at: options.run_at,
        rerun_of: options.rerun_of,
        uploads: checked.uploads,
        priority: options.priority,
        unique_key: unique_key.or(own_key),
        idempotency_key,
        run_of: None,
        quota: shared.uploads.quota(),
    })
}

fn check_key(field: &str, name: &str, key: Option<&str>) -> Result<()> {
    if key.is_none_or(|key| (1..=KEY_LENGTH).contains(&key.len())) {
        return Ok(());
    }
    let message = format!("{name} has 1 to {KEY_LENGTH} bytes.");
    Err(Error::InvalidInput(vec![FieldError { field: field.to_owned(), message }]))
}

/// What is shown of a title that came from outside; `None` where nothing is left.
pub(crate) fn printable_title(name: &str) -> Option<String> {
    let kept: String = name.trim().chars().filter(|c| !is_unprintable(*c)).take(TITLE_LENGTH).collect();
    (!kept.is_empty()).then_some(kept)
}
