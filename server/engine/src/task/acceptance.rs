//! Acceptance of a new job: checks its input and keys and builds the row that the store enqueues.

use model::{FieldError, JobId, Micros, Priority, is_unprintable};
use serde_json::Value;

use crate::{
    Error, Result,
    shared::Shared,
    store::{Attribution, NewJob},
    task::{
        registry::Accepted,
        validate::{self, Checked, Sender},
    },
};

/// Largest input, bytes of JSON.
const INPUT_LIMIT: usize = 16 << 20;

/// A longer title is cut, characters.
const TITLE_LENGTH: usize = 200;

/// Longest key from a caller, bytes.
const KEY_LENGTH: usize = 200;

/// How a job is started.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// The user who starts it.
    pub by: Attribution,
    /// Earliest start time.
    pub run_at: Option<Micros>,
    /// The job it repeats.
    pub rerun_of: Option<JobId>,
    /// Priority: urgent jobs run before earlier, less urgent ones.
    pub priority: Priority,
    /// Unique key, 1 to 200 bytes: while the same user has an unfinished job of the kind with this key, a start returns
    /// that job. No effect if the task has a key of its own ([`crate::Task::unique_key`]).
    pub unique_key: Option<String>,
    /// Idempotency key, 1 to 200 bytes: another start with it by the same user within 24 h returns the same job. So a
    /// caller that got no response can repeat the request.
    pub idempotency_key: Option<String>,
}

/// Checks the input and returns the new job; reports all errors at once.
pub(crate) async fn checked(
    shared: &Shared,
    kind: &str,
    input: Value,
    sender: Sender,
    options: StartOptions,
) -> Result<NewJob> {
    let entry = shared.registry.get(kind)?;
    let form = &entry.info.form;
    let Checked { uploads, mut faults } = validate::check(form, &input, sender, &shared.roots, &shared.uploads).await?;
    let checked_by_task = if faults.is_empty() {
        entry.task.accept(&input, &uploads)
    } else {
        entry.task.accept(&validate::with_placeholders(form, &input, &faults), &uploads)
    };
    let Accepted { title, max_attempts, unique_key } = match checked_by_task {
        Ok(accepted) if faults.is_empty() => accepted,
        Ok(_) => return Err(Error::InvalidInput(faults)),
        Err(found) => {
            // Beside other faults, a fault of no field may only come from a placeholder.
            let is_new = |fault: &FieldError| {
                faults.is_empty() || !fault.field.is_empty() && faults.iter().all(|known| known.field != fault.field)
            };
            let found: Vec<_> = found.into_iter().filter(is_new).collect();
            faults.extend(found);
            faults.sort_by_key(|fault| form.fields.iter().position(|field| field.name == fault.field));
            return Err(Error::InvalidInput(faults));
        }
    };
    check_key("idempotency_key", "An idempotency key", options.idempotency_key.as_deref())?;
    check_key("unique_key", "A unique key", options.unique_key.as_deref())?;
    let text = input.to_string();
    if text.len() > INPUT_LIMIT {
        let message = format!("The input is larger than {}.", model::bytes(INPUT_LIMIT as u64));
        return Err(Error::InvalidInput(vec![FieldError { field: String::new(), message }]));
    }
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
        uploads: uploads.0.into_keys().collect(),
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

/// A title from outside, as shown; `None` if nothing is left.
pub(crate) fn printable_title(name: &str) -> Option<String> {
    let kept: String = name.trim().chars().filter(|c| !is_unprintable(*c)).take(TITLE_LENGTH).collect();
    (!kept.is_empty()).then_some(kept)
}
