//! Description of days.

use super::list::{Last, join, shorten};
use crate::{
    expression::{Days, Expression, Weekdays},
    values::Values,
};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const PLACES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The described days of an expression.
pub(super) enum On {
    EveryDay,
    /// Every day of some months: "January and July".
    EveryDayOf(String),
    /// Some days: "on weekdays".
    Days(String),
}

/// Describes the days on which an expression is due.
pub(super) fn on(expression: &Expression) -> On {
    let months = (expression.months.len() < 12)
        .then(|| join(&shorten(expression.months, |month| MONTHS[usize::from(month) - 1].to_owned()), Last::And));
    let every_day = match (&expression.days, &expression.weekdays) {
        (None, None) => true,
        (days, weekdays) => {
            days.as_ref().is_some_and(|days| days.plain.len() == 31)
                || weekdays.as_ref().is_some_and(|weekdays| weekdays.plain.len() == 7)
        }
    };
    if every_day {
        return months.map_or(On::EveryDay, On::EveryDayOf);
    }
    if let (Some(days), None) = (&expression.days, &expression.weekdays)
        && let (Some(day), Some(month)) = (only_day(days), expression.months.only())
    {
        return On::Days(format!("every year on {day} {}", MONTHS[usize::from(month) - 1]));
    }
    let of = months.as_deref().unwrap_or("each month");
    let mut parts = Vec::new();
    if let Some(days) = &expression.days {
        parts.push(format!("on {} of {of}", days_of_month(days)));
    }
    if let Some(weekdays) = &expression.weekdays {
        if !weekdays.plain.is_empty() {
            let within = months.as_ref().map(|months| format!(" in {months}")).unwrap_or_default();
            parts.push(format!("on {}{within}", plain_weekdays(weekdays.plain)));
        }
        let placed = placed_weekdays(weekdays);
        if !placed.is_empty() {
            parts.push(format!("on {} of {of}", join(&placed, Last::And)));
        }
    }
    On::Days(parts.join(" and "))
}

/// Describes days of the month: "the 1st, the 15th and the last day".
fn days_of_month(days: &Days) -> String {
    let mut items = shorten(days.plain, |day| format!("the {}", ordinal(day)));
    items.extend(days.nearest.iter().map(|day| format!("the weekday nearest the {}", ordinal(day))));
    if days.last_weekday {
        items.push("the last weekday".to_owned());
    }
    if days.last {
        items.push("the last day".to_owned());
    }
    join(&items, Last::And)
}

/// Describes weekdays: "weekdays", "Mondays and Thursdays".
fn plain_weekdays(days: Values) -> String {
    match monday_first(days).collect::<Vec<_>>()[..] {
        [1, 2, 3, 4, 5] => "weekdays".to_owned(),
        [6, 0] => "weekends".to_owned(),
        ref days => {
            let names: Vec<String> = days.iter().map(|day| format!("{}s", WEEKDAYS[usize::from(*day)])).collect();
            join(&names, Last::And)
        }
    }
}

/// Describes weekdays by their place in the month: "the first Monday", "the last Friday".
fn placed_weekdays(weekdays: &Weekdays) -> Vec<String> {
    let places = PLACES.iter().zip(weekdays.nth).chain([(&"last", weekdays.last)]);
    places
        .flat_map(|(place, days)| {
            monday_first(days).map(move |day| format!("the {place} {}", WEEKDAYS[usize::from(day)]))
        })
        .collect()
}

fn monday_first(days: Values) -> impl Iterator<Item = u8> {
    [1, 2, 3, 4, 5, 6, 0].into_iter().filter(move |day| days.contains(*day))
}

fn only_day(days: &Days) -> Option<u8> {
    days.plain.only().filter(|_| !days.last && !days.last_weekday && days.nearest.is_empty())
}

fn ordinal(day: u8) -> String {
    let ending = match day {
        11..=13 => "th",
        _ => match day % 10 {
            1 => "st",
            2 => "nd",
            3 => "rd",
            _ => "th",
        },
    };
    format!("{day}{ending}")
}
