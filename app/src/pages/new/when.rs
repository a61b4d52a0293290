//! When a job starts, and how urgent it is: fields that every form has beside those of its task.

use engine::{Error, StartOptions};
use leptos::prelude::*;
use model::{Field, FieldError, FieldKind, Micros, Priority};

use super::{Draft, fields::Control};
use crate::ui::{Icon, instant, whose_zone, zone_name};

/// The names of these fields. No field of an input can be called so.
const START_AT: &str = "$start_at";
pub(crate) const PRIORITY: &str = "$priority";

/// The fields, closed while nothing stands in them.
#[component]
pub(super) fn WhenAndHow(draft: Draft) -> impl IntoView {
    let [start_at, priority] = fields().map(|field| Control::new(&field, &draft));
    let open = [&start_at, &priority].into_iter().any(|control| !control.text.is_empty());
    let range = Priority::RANGE;
    view! {
        <details class="disclosure" open=open>
            <summary>
                <Icon name="right" />
                "Scheduling options "
                <small>"start time, priority"</small>
            </summary>
            <div class="fields">
                {start_at.labelled("field", start_at.moment())}
                {priority.labelled("field", priority.number(Some((i64::from(*range.start()), i64::from(*range.end())))))}
            </div>
        </details>
    }
}

/// What they are called.
pub(super) fn fields() -> [Field; 2] {
    let field = |name: &str, label: &str, help: String, kind| Field {
        name: name.to_owned(),
        label: label.to_owned(),
        help,
        required: false,
        default: None,
        kind,
    };
    let text = FieldKind::Text { multiline: false, min_length: None, max_length: None };
    let [low, high] = [*Priority::RANGE.start(), *Priority::RANGE.end()].map(i64::from);
    [
        field(
            START_AT,
            "Start at",
            format!("In {} time zone ({}). Leave empty to start now.", whose_zone(), zone_name()),
            text,
        ),
        field(
            PRIORITY,
            "Priority",
            "Higher runs first. Default: 0.".to_owned(),
            FieldKind::Integer { min: Some(low), max: Some(high) },
        ),
    ]
}

/// Whether a form's entry belongs to these fields.
pub(super) fn is_own(name: &str) -> bool {
    [START_AT, PRIORITY].contains(&name)
}

/// How a form wants its job started.
pub(super) fn options(draft: &Draft) -> Result<StartOptions, Error> {
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

/// What stands in a field; `None` where nothing does.
fn read<T>(draft: &Draft, name: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, FieldError> {
    let text = draft.entry(name).trim();
    let fault = |message| FieldError { field: name.to_owned(), message };
    (!text.is_empty()).then(|| parse(text).map_err(fault)).transpose()
}

/// An instant: RFC 3339, or date and time in the reader's zone.
pub(crate) fn start_at(text: &str) -> Result<Micros, String> {
    instant(text).ok_or_else(|| {
        format!("“{text}” is not a time. Enter it as 2026-12-24T18:00 (in {}) or 2026-12-24T17:00:00Z.", zone_name())
    })
}

/// A priority.
pub(crate) fn priority(text: &str) -> Result<Priority, String> {
    text.parse().ok().and_then(Priority::new).ok_or_else(|| {
        format!(
            "“{text}” is not a priority. Enter a whole number from {} to {}.",
            Priority::RANGE.start(),
            Priority::RANGE.end()
        )
    })
}
