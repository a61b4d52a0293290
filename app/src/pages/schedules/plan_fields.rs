//! Fields of a schedule's plan: when it runs, and what happens to runs that overlap or are missed.

use engine::{
    schedules::{SCHEDULE_NAME_LENGTH, field},
    store::{MAX_CATCH_UP_RUNS, Missed, Overlap},
};
use model::{Choice, Field, FieldKind, Priority};
use serde_json::json;

use super::{descriptions, text};
use crate::{
    context::app,
    forms::{
        Draft,
        schedule_plan::{DEFAULT_MOST, MISSED, OVERLAP},
        start_options::PRIORITY,
    },
};

/// Returns the fields that say when, and those that say how.
pub(super) fn fields(zone: &str) -> [Vec<Field>; 2] {
    let text = |max| FieldKind::Text { multiline: false, min_length: None, max_length: max };
    let choice = |value: &str, label: String| Choice { value: value.to_owned(), label };
    let overlaps = Overlap::ALL.map(|overlap| choice(overlap.as_str(), descriptions::overlap(overlap).to_owned()));
    let misses = [Missed::Skip, Missed::Once].map(|missed| choice(missed.as_str(), descriptions::missed(missed)));
    let all = choice(Missed::All(1).as_str(), text::RUN_EACH_UP_TO_MAXIMUM.to_owned());
    let most = FieldKind::Integer { min: Some(1), max: Some(i64::from(MAX_CATCH_UP_RUNS)) };
    let [low, high] = [*Priority::RANGE.start(), *Priority::RANGE.end()].map(i64::from);
    let when = text::CRON_EXPRESSION_HELP;
    [
        vec![
            of(field::NAME, text::NAME, "", text(Some(SCHEDULE_NAME_LENGTH as u64)), true, None),
            of(field::EXPRESSION, text::CRON_EXPRESSION, when, text(None), true, None),
            of(
                field::ZONE,
                text::TIME_ZONE,
                text::TIME_ZONE_HELP,
                FieldKind::Choice { choices: zones(zone) },
                true,
                None,
            ),
        ],
        vec![
            of(
                OVERLAP,
                text::OVERLAP_LABEL,
                "",
                FieldKind::Choice { choices: overlaps.to_vec() },
                false,
                Some(Overlap::default().as_str()),
            ),
            of(
                MISSED,
                text::MISSED_RUNS,
                text::MISSED_RUNS_HELP,
                FieldKind::Choice { choices: misses.into_iter().chain([all]).collect() },
                false,
                Some(Missed::default().as_str()),
            ),
            of(field::MOST, text::MAXIMUM, text::MAXIMUM_HELP, most, false, Some(&DEFAULT_MOST.to_string())),
            of(
                PRIORITY,
                text::PRIORITY,
                text::PRIORITY_HELP,
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

/// All zones: the user's own first, then the chosen one, which may be an alias that the list does not have.
fn zones(chosen: &str) -> Vec<Choice> {
    let own = app().zone_name();
    let choice = |zone: &str| Choice { value: zone.to_owned(), label: zone.to_owned() };
    let chosen = Some(chosen).filter(|zone| !zone.is_empty() && *zone != own);
    let others = engine::zones().filter(|zone| *zone != own && Some(*zone) != chosen);
    [choice(&own)].into_iter().chain(chosen.map(choice)).chain(others.map(choice)).collect()
}

/// Fills the form with the defaults of a new schedule.
pub(super) fn begin(draft: &mut Draft, name: &str) {
    for field in fields("").into_iter().flatten() {
        if let Some(default) = field.default.as_ref().and_then(|default| default.as_str()) {
            draft.entries.insert(field.name, default.to_owned());
        }
    }
    draft.entries.insert(field::NAME.to_owned(), name.to_owned());
    draft.entries.insert(field::ZONE.to_owned(), app().zone_name());
}
