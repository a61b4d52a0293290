//! Start options: when a job starts and how urgent it is. Every form of a task has them beside the task's own fields.

use engine::{Error, StartOptions};
use model::{FieldError, Micros, Priority};

use super::Draft;
use crate::components::{instant, zone_name};

// Names of the form fields. No field of an input can have them.
pub(crate) const START_AT: &str = "$start_at";
pub(crate) const PRIORITY: &str = "$priority";

/// Whether an entry belongs to these fields.
pub(crate) fn is_own(name: &str) -> bool {
    [START_AT, PRIORITY].contains(&name)
}

/// Returns the start options that a form describes.
pub fn options(draft: &Draft) -> Result<StartOptions, Error> {
    match (read(draft, START_AT, start_at), read(draft, PRIORITY, priority)) {
        (Ok(run_at), Ok(priority)) => Ok(StartOptions {
            rerun_of: draft.rerun_of,
            run_at,
            priority: priority.unwrap_or_default(),
            ..StartOptions::default()
        }),
        (run_at, priority) => Err(Error::InvalidInput([run_at.err(), priority.err()].into_iter().flatten().collect())),
    }
}

/// Parses a field; `None` if it is empty.
fn read<T>(draft: &Draft, name: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, FieldError> {
    let text = draft.entry(name).trim();
    let fault = |message| FieldError { field: name.to_owned(), message };
    (!text.is_empty()).then(|| parse(text).map_err(fault)).transpose()
}

/// Parses RFC 3339, or date and time in the reader's zone.
pub(crate) fn start_at(text: &str) -> Result<Micros, String> {
    instant(text).ok_or_else(|| {
        format!("“{text}” is not a time. Enter it as 2026-12-24T18:00 (in {}) or 2026-12-24T17:00:00Z.", zone_name())
    })
}

pub(crate) fn priority(text: &str) -> Result<Priority, String> {
    text.parse().ok().and_then(Priority::new).ok_or_else(|| {
        format!(
            "“{text}” is not a priority. Enter a whole number from {} to {}.",
            Priority::RANGE.start(),
            Priority::RANGE.end()
        )
    })
}
