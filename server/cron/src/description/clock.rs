//! Description of intervals and times of the day.

use super::list::{Last, join, shorten, step};
use crate::{expression::Expression, values::Values};

/// Maximum number of listed times of a day.
const LISTED: usize = 6;
/// Maximum number of listed spans of hours.
const SPANS: usize = 3;

/// Describes an interval: "every 15 minutes".
pub(super) fn every(expression: &Expression) -> String {
    let (minutes, hours) = (expression.minutes, expression.hours);
    let even = evenly(minutes, 60).map(|step| amount(step, "minute"));
    match (even, hours.len()) {
        (Some(even), 24) => even,
        (None, 24) if minutes.only() == Some(0) => "every hour".to_owned(),
        (None, 24) => format!("every hour at {}", minutes_in_words(minutes)),
        (Some(even), _) => format!("{even} {}", spans(hours)),
        (None, _) => hourly(minutes, hours).or_else(|| within_an_hour(minutes, hours)).unwrap_or_else(|| {
            format!(
                "whenever it is {}",
                match times(expression) {
                    Some(times) => join(&times, Last::Or),
                    None => format!("minute {} of {}", numbers(minutes, Last::Or), hours_in_words(hours)),
                }
            )
        }),
    }
}

/// Describes fixed times: "at 02:00".
pub(super) fn at(expression: &Expression) -> String {
    let (minutes, hours) = (expression.minutes, expression.hours);
    if let Some(times) = times(expression) {
        return format!("at {}", join(&times, Last::And));
    }
    if let (Some(minute), Some(1), Some((first, last))) = (minutes.only(), step(hours), hours.ends()) {
        return format!("hourly from {} to {}", time(first, minute), time(last, minute));
    }
    format!("at {} of {}", minutes_in_words(minutes), hours_in_words(hours))
}

/// Describes a step of hours: "every 2 hours", "every 2 hours from 08:00 to 18:00".
fn hourly(minutes: Values, hours: Values) -> Option<String> {
    let (minute, every) = (minutes.only()?, amount(step(hours)?, "hour"));
    let (first, last) = hours.ends()?;
    let all_day = evenly(hours, 24).is_some() && minute == 0;
    Some(if all_day { every } else { format!("{every} from {} to {}", time(first, minute), time(last, minute)) })
}

/// Describes a step of minutes in one hour: "every 25 minutes from 02:00 to 02:50".
fn within_an_hour(minutes: Values, hours: Values) -> Option<String> {
    let (hour, every) = (hours.only()?, amount(step(minutes)?, "minute"));
    let (first, last) = minutes.ends()?;
    Some(format!("{every} from {} to {}", time(hour, first), time(hour, last)))
}

/// Returns the times of a day, if there are at most [`LISTED`].
fn times(expression: &Expression) -> Option<Vec<String>> {
    let (minutes, hours) = (expression.minutes, expression.hours);
    let all = || hours.iter().flat_map(|hour| minutes.iter().map(move |minute| time(hour, minute)));
    (hours.len() * minutes.len() <= LISTED).then(|| all().collect())
}

/// Returns the step of the values, if they divide `whole` evenly from 0.
fn evenly(values: Values, whole: u8) -> Option<u8> {
    let step = step(values)?;
    (values.contains(0) && usize::from(step) * values.len() == usize::from(whole)).then_some(step)
}

/// Describes spans of hours: "from 08:00 to 17:59", or "in the hours 0, 2 and so on up to 22".
fn spans(hours: Values) -> String {
    let all: Vec<u8> = hours.iter().collect();
    let spans: Vec<_> = all.chunk_by(|a, b| a + 1 == *b).collect();
    if spans.len() > SPANS {
        return format!("in {}", hours_in_words(hours));
    }
    let span = |span: &[u8]| format!("from {} to {}", time(span[0], 0), time(span[span.len() - 1], 59));
    join(&spans.into_iter().map(span).collect::<Vec<_>>(), Last::And)
}

fn amount(step: u8, unit: &str) -> String {
    if step == 1 { format!("every {unit}") } else { format!("every {step} {unit}s") }
}

fn minutes_in_words(minutes: Values) -> String {
    format!("{} {}", if minutes.len() == 1 { "minute" } else { "minutes" }, numbers(minutes, Last::And))
}

fn hours_in_words(hours: Values) -> String {
    format!("the {} {}", if hours.len() == 1 { "hour" } else { "hours" }, numbers(hours, Last::And))
}

fn numbers(values: Values, last: Last) -> String {
    join(&shorten(values, |value| value.to_string()), last)
}

fn time(hour: u8, minute: u8) -> String {
    format!("{hour:02}:{minute:02}")
}
