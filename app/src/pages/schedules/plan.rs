//! The plan in a form: its own fields, beside those of the input.

use engine::{
    Cron, Error,
    schedules::{NewSchedule, SCHEDULE_NAME_LENGTH, field, recurrence},
    store::{MOST_MISSED, Missed, Overlap, Plan, Schedule},
};
use jiff::tz::TimeZone;
use model::{Choice, Field, FieldError, FieldKind, Form, Priority};
use serde_json::json;

use super::words;
use crate::{
    context::app,
    pages::new::{Draft, when},
};

/// The names of the fields that are words: what holds where runs meet or are missed.
const OVERLAP: &str = "$overlap";
const MISSED: &str = "$missed";
/// The revision that the form was filled from.
pub(super) const REVISION: &str = "$revision";
/// What the button is called that asks for the next runs.
pub(super) const PREVIEW: &str = "$preview";
/// Made up for unless said otherwise.
const USUAL_MOST: u32 = 10;

/// The fields of a plan in this zone: those that say when, and those that say how.
pub(super) fn fields(zone: &str) -> [Vec<Field>; 2] {
    let text = |max| FieldKind::Text { multiline: false, min_length: None, max_length: max };
    let choice = |value: &str, label: String| Choice { value: value.to_owned(), label };
    let overlaps = Overlap::ALL.map(|overlap| choice(overlap.as_str(), words::overlap(overlap).to_owned()));
    let misses = [Missed::Skip, Missed::Once].map(|missed| choice(missed.as_str(), words::missed(missed)));
    let all = choice(Missed::All(1).as_str(), "Run each, up to the maximum".to_owned());
    let most = FieldKind::Integer { min: Some(1), max: Some(i64::from(MOST_MISSED)) };
    let [low, high] = [*Priority::RANGE.start(), *Priority::RANGE.end()].map(i64::from);
    let when = "Minute, hour, day of the month, month, weekday: 0 2 * * 1-5 is on weekdays at 02:00. \
                Shortcuts such as @daily also work.";
    [
        vec![
            of(field::NAME, "Name", "", text(Some(SCHEDULE_NAME_LENGTH as u64)), true, None),
            of(field::EXPRESSION, "Cron expression", when, text(None), true, None),
            of(
                field::ZONE,
                "Time zone",
                "Time zone of the expression.",
                FieldKind::Choice { choices: zones(zone) },
                true,
                None,
            ),
        ],
        vec![
            of(
                OVERLAP,
                "If the previous run is still active",
                "",
                FieldKind::Choice { choices: overlaps.to_vec() },
                false,
                Some(Overlap::default().as_str()),
            ),
            of(
                MISSED,
                "Missed runs",
                "When the server was off. Runs of a paused schedule are always skipped.",
                FieldKind::Choice { choices: misses.into_iter().chain([all]).collect() },
                false,
                Some(Missed::default().as_str()),
            ),
            of(field::MOST, "Maximum", "Newest first.", most, false, Some(&USUAL_MOST.to_string())),
            of(
                when::PRIORITY,
                "Priority",
                "Higher runs first. Default: 0.",
                FieldKind::Integer { min: Some(low), max: Some(high) },
                false,
                None,
            ),
        ],
    ]
}

fn of(name: &str, label: &str, help: &str, kind: FieldKind, required: bool, default: Option<&str>) -> Field {
    Field {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        required,
        default: default.map(|default| json!(default)),
        kind,
    }
}

/// All zones, the reader's own first, then the chosen one: it may have a name that is not among those of all.
fn zones(chosen: &str) -> Vec<Choice> {
    let own = own_zone();
    let choice = |zone: &str| Choice { value: zone.to_owned(), label: zone.to_owned() };
    let chosen = Some(chosen).filter(|zone| !zone.is_empty() && *zone != own);
    let others = engine::zones().filter(|zone| *zone != own && Some(*zone) != chosen);
    [choice(&own)].into_iter().chain(chosen.map(choice)).chain(others.map(choice)).collect()
}

/// The zone that the reader has chosen, else the server's.
fn own_zone() -> String {
    let zone = app().zone.unwrap_or_else(TimeZone::system);
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// Whether a form's entry belongs to these fields.
pub(crate) fn is_own(name: &str) -> bool {
    [field::NAME, field::EXPRESSION, field::ZONE, field::MOST, OVERLAP, MISSED, REVISION, PREVIEW].contains(&name)
}

/// Puts what a new plan begins with into a form.
pub(super) fn begin(draft: &mut Draft, name: &str) {
    for field in fields("").into_iter().flatten() {
        if let Some(default) = field.default.as_ref().and_then(|default| default.as_str()) {
            draft.entries.insert(field.name, default.to_owned());
        }
    }
    draft.entries.insert(field::NAME.to_owned(), name.to_owned());
    draft.entries.insert(field::ZONE.to_owned(), own_zone());
}

/// Puts a plan into a form, to be changed.
pub(super) fn take_over(draft: &mut Draft, schedule: &Schedule) {
    let Plan { name, priority, expression, zone, overlap, missed, .. } = &schedule.plan;
    let most = if let Missed::All(most) = missed { *most } else { USUAL_MOST };
    let level = Some(priority.level()).filter(|level| *level != 0).map(|level| level.to_string());
    let entries = [
        (field::NAME, name.clone()),
        (field::EXPRESSION, expression.clone()),
        (field::ZONE, zone.clone()),
        (OVERLAP, overlap.as_str().to_owned()),
        (MISSED, missed.as_str().to_owned()),
        (field::MOST, most.to_string()),
        (when::PRIORITY, level.unwrap_or_default()),
        (REVISION, schedule.revision.to_string()),
    ];
    draft.entries.extend(entries.map(|(name, text)| (name.to_owned(), text)));
}

/// Which revision of a schedule a form was filled from, where it is to take the place of no other.
pub fn revision(draft: &Draft) -> Option<i64> {
    draft.entry(REVISION).parse().ok()
}

/// What a form wants planned.
///
/// # Errors
/// `Error::InvalidInput` for what is no word or number of these fields.
pub fn wish(draft: &Draft, kind: &str, form: &Form) -> Result<NewSchedule, Error> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, message| faults.push(FieldError { field: field.to_owned(), message });
    let entry = |name| draft.entry(name).trim();
    let overlap = Overlap::from_word(entry(OVERLAP));
    if overlap.is_none() {
        fault(OVERLAP, "Choose what to do if the previous run is still active.".to_owned());
    }
    // What is out of range is told by the engine, of a schedule that needs it.
    let most = entry(field::MOST).parse().ok();
    let missed = Missed::from_word(entry(MISSED), most.unwrap_or_default());
    match missed {
        None => fault(MISSED, "Choose what to do about missed runs.".to_owned()),
        Some(Missed::All(_)) if most.is_none() => {
            fault(field::MOST, format!("Enter a whole number from 1 to {MOST_MISSED}."));
        }
        Some(_) => {}
    }
    let priority = match entry(when::PRIORITY) {
        "" => Some(Priority::default()),
        text => when::priority(text).map_err(|message| fault(when::PRIORITY, message)).ok(),
    };
    let (Some(overlap), Some(missed), Some(priority), true) = (overlap, missed, priority, faults.is_empty()) else {
        return Err(Error::InvalidInput(faults));
    };
    Ok(NewSchedule {
        name: entry(field::NAME).to_owned(),
        kind: kind.to_owned(),
        input: draft.input(form),
        priority,
        expression: entry(field::EXPRESSION).to_owned(),
        zone: entry(field::ZONE).to_owned(),
        overlap,
        missed,
    })
}

/// Whether a form was sent only to see its next runs, and if so, what is wrong with what they follow from.
pub fn previewed(draft: &mut Draft) -> Option<Result<(), Error>> {
    draft.entries.remove(PREVIEW)?;
    Some(recurrence(draft.entry(field::EXPRESSION).trim(), draft.entry(field::ZONE)).map(drop))
}

/// When what stands in a form is due; `None` where nothing does.
pub(super) fn preview(draft: &Draft) -> Option<Result<Cron, Error>> {
    let expression = draft.entry(field::EXPRESSION).trim();
    (!expression.is_empty()).then(|| recurrence(expression, draft.entry(field::ZONE)))
}
