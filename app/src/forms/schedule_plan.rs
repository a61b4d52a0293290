//! Schedule plan: reads and fills the fields of a schedule.

use engine::{
    Cron, Error,
    schedules::{NewSchedule, field, parse_cron},
    store::{MAX_CATCH_UP_RUNS, Missed, Overlap, Plan, Schedule},
};
use model::{FieldError, Form};

use super::{Draft, start_options};

// Names of the form fields, beside those of the engine's `schedules::field`.
pub(crate) const OVERLAP: &str = "$overlap";
pub(crate) const MISSED: &str = "$missed";
/// The revision that the form was filled from.
pub(crate) const REVISION: &str = "$revision";
/// The name of the button that asks for a preview of the next runs.
pub(crate) const PREVIEW: &str = "$preview";
/// The name of the button of a start form that continues with a schedule.
pub(crate) const BEGIN: &str = "$begin";

/// The default for the maximum of missed runs to catch up on.
pub(crate) const DEFAULT_MOST: u32 = 10;

/// Whether an entry belongs to these fields.
pub(crate) fn is_own(name: &str) -> bool {
    [field::NAME, field::EXPRESSION, field::ZONE, field::MOST, OVERLAP, MISSED, REVISION, PREVIEW].contains(&name)
}

/// Fills the form from a schedule.
pub(crate) fn fill_from(draft: &mut Draft, schedule: &Schedule) {
    let Plan { name, priority, expression, zone, overlap, missed, .. } = &schedule.plan;
    let most = if let Missed::All(most) = missed { *most } else { DEFAULT_MOST };
    let level = Some(priority.level()).filter(|level| *level != 0).map(|level| level.to_string());
    let entries = [
        (field::NAME, name.clone()),
        (field::EXPRESSION, expression.clone()),
        (field::ZONE, zone.clone()),
        (OVERLAP, overlap.as_str().to_owned()),
        (MISSED, missed.as_str().to_owned()),
        (field::MOST, most.to_string()),
        (start_options::PRIORITY, level.unwrap_or_default()),
        (REVISION, schedule.revision.to_string()),
    ];
    draft.entries.extend(entries.map(|(name, text)| (name.to_owned(), text)));
}

/// Returns the revision that the form was filled from, if it edits a schedule.
pub fn revision(draft: &Draft) -> Option<i64> {
    draft.entry(REVISION).parse().ok()
}

/// Returns the schedule that the form describes, and adds the invalid choices and numbers to `faults`; they become
/// defaults.
pub(super) fn parse(draft: &Draft, kind: &str, form: &Form, faults: &mut Vec<FieldError>) -> NewSchedule {
    let mut fault = |field: &str, message| faults.push(FieldError { field: field.to_owned(), message });
    let entry = |name| draft.entry(name).trim();
    let overlap = Overlap::from_word(entry(OVERLAP));
    if overlap.is_none() {
        fault(OVERLAP, "Choose what to do if the previous run is still active.".to_owned());
    }
    // The engine checks the range, of a schedule that needs it.
    let most = entry(field::MOST).parse().ok();
    let missed = Missed::from_word(entry(MISSED), most.unwrap_or_default());
    match missed {
        None => fault(MISSED, "Choose what to do about missed runs.".to_owned()),
        Some(Missed::All(_)) if most.is_none() => {
            fault(field::MOST, format!("Enter a whole number from 1 to {MAX_CATCH_UP_RUNS}."));
        }
        Some(_) => {}
    }
    let priority = match entry(start_options::PRIORITY) {
        "" => None,
        text => start_options::priority(text).map_err(|message| fault(start_options::PRIORITY, message)).ok(),
    };
    NewSchedule {
        name: entry(field::NAME).to_owned(),
        kind: kind.to_owned(),
        input: draft.input(form),
        priority: priority.unwrap_or_default(),
        expression: entry(field::EXPRESSION).to_owned(),
        zone: entry(field::ZONE).to_owned(),
        overlap: overlap.unwrap_or_default(),
        missed: missed.unwrap_or_default(),
    }
}

/// Returns whether the form was that of a job until now: it has no plan yet, and nothing to save.
pub fn take_begin_request(draft: &mut Draft) -> bool {
    draft.entries.remove(BEGIN).is_some()
}

/// Returns whether only a preview was requested, and if so, whether the expression is valid.
pub fn take_preview_request(draft: &mut Draft) -> Option<Result<(), Error>> {
    draft.entries.remove(PREVIEW)?;
    Some(parse_cron(draft.entry(field::EXPRESSION).trim(), draft.entry(field::ZONE)).map(drop))
}

/// Parses the expression; `None` if it is empty.
pub(crate) fn preview(draft: &Draft) -> Option<Result<Cron, Error>> {
    let expression = draft.entry(field::EXPRESSION).trim();
    (!expression.is_empty()).then(|| parse_cron(expression, draft.entry(field::ZONE)))
}
