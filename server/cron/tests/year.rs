//! A year, minute by minute, compared with a second implementation: croner for the fields and the calendar, chrono for
//! the time zones, and a walk over every minute of the year.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::thread;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use cron::Cron;
use croner::{Weekday, parser::CronParser};
use model::Micros;

/// A leap year.
const YEAR: i32 = 2024;

const MINUTES: [&str; 5] = ["0", "30", "*/15", "5,35", "7-50/9"];
const HOURS: [&str; 6] = ["*", "2", "1-3", "*/2", "0,12,23", "8-17"];
const DATES: [&str; 14] = [
    "* * *",
    "* * MON-FRI",
    "1 * *",
    "L * *",
    "*/2 * 1",
    "15W,31W * *",
    "* * FRI#2",
    "* 3,10 *",
    "* * SUNL",
    "29 2 *",
    "13 * FRI",
    "31 * *",
    "LW 1-6 *",
    "10-20/5 */3 SUN,3#1",
];
/// Only a few: comparing frequent due times takes long.
const OFTEN: [&str; 5] =
    ["* * * 3-4,10-11 SUN", "* 2 * * *", "*/7 * * * *", "1-59/2 0-4 * 3-4 *", "0-58/2,31 */3 L * 6-7"];

fn family() -> impl Iterator<Item = String> {
    let times = MINUTES.iter().flat_map(|minute| HOURS.iter().map(move |hour| format!("{minute} {hour}")));
    let all = times.flat_map(|time| DATES.iter().map(move |date| format!("{time} {date}")));
    all.chain(OFTEN.iter().map(ToString::to_string))
}

/// A minute of the year with its local time.
struct Minute {
    at: Micros,
    shown: Time,
    /// Whether this local time occurred before.
    again: bool,
    /// Local times that were skipped right before it.
    skipped: Vec<Time>,
}

/// A local time.
#[derive(Clone, Copy, PartialEq)]
struct Time {
    /// Days since the last day of the year before.
    day: usize,
    /// Minutes since midnight.
    minute: usize,
}

impl From<NaiveDateTime> for Time {
    fn from(time: NaiveDateTime) -> Self {
        let day = (time.date() - new_years_eve()).num_days();
        Self { day: day.try_into().unwrap(), minute: (time.hour() * 60 + time.minute()) as usize }
    }
}

fn new_years_eve() -> NaiveDate {
    NaiveDate::from_ymd_opt(YEAR - 1, 12, 31).unwrap()
}

/// Returns all minutes of the year in UTC.
fn minutes(zone: Tz) -> Vec<Minute> {
    let minute = TimeDelta::minutes(1);
    let first = Utc.with_ymd_and_hms(YEAR, 1, 1, 0, 0, 0).unwrap();
    let all = std::iter::successors(Some(first), |at| Some(*at + minute)).take_while(|at| at.year() == YEAR);
    let minute_at = |at: DateTime<Utc>| {
        let here = at.with_timezone(&zone);
        let shown = here.naive_local();
        let before = (at - minute).with_timezone(&zone).naive_local();
        let again = zone.from_local_datetime(&shown).earliest().unwrap() != here;
        let skipped = std::iter::successors(Some(before + minute), |time| Some(*time + minute));
        let skipped = skipped.take_while(|time| *time < shown).map(Time::from).collect();
        Minute { at: Micros(at.timestamp_micros()), shown: shown.into(), again, skipped }
    };
    all.map(minute_at).collect()
}

/// Due days and due times of the day of an expression, by croner.
struct Expected {
    days: Vec<bool>,
    times: Vec<bool>,
    repeats: bool,
}

impl Expected {
    fn of(expression: &str) -> Self {
        let cron: croner::Cron = CronParser::new().parse(expression).unwrap();
        let is_on = |date: NaiveDate| {
            let weekday = Weekday::from_days_from_sunday(date.weekday().num_days_from_sunday());
            cron.pattern.month_match(date.month()).unwrap()
                && cron.pattern.day_match(date.year(), date.month(), date.day(), weekday).unwrap()
        };
        let is_at = |minute: u32| {
            cron.pattern.hour_match(minute / 60).unwrap() && cron.pattern.minute_match(minute % 60).unwrap()
        };
        let clock: String = expression.split(' ').take(2).collect();
        Self {
            days: new_years_eve().iter_days().take(368).map(is_on).collect(),
            times: (0..1440).map(is_at).collect(),
            repeats: clock.contains(['*', '/']),
        }
    }

    fn is_due(&self, minute: &Minute) -> bool {
        let names = |time: Time| self.days[time.day] && self.times[time.minute];
        if self.repeats {
            return names(minute.shown);
        }
        names(minute.shown) && !minute.again || minute.skipped.iter().any(|time| names(*time))
    }

    /// Skips days that are not due and have no change of the clock.
    fn occurrences(&self, days: &[&[Minute]]) -> Vec<Micros> {
        let may_be =
            |day: &&&[Minute]| self.days[day[0].shown.day] || day.iter().any(|minute| !minute.skipped.is_empty());
        let minutes = days.iter().filter(may_be).flat_map(|day| day.iter());
        minutes.filter(|minute| self.is_due(minute)).map(|minute| minute.at).collect()
    }
}

fn compare(zone: Tz) {
    let minutes = minutes(zone);
    let days: Vec<&[Minute]> = minutes.chunk_by(|a, b| a.shown.day == b.shown.day).collect();
    let begin = Micros(minutes[0].at.0 - 1);
    let end = minutes.last().unwrap().at;
    // Three hours before and after each change of the clock.
    let is_changed =
        |place: &usize| !minutes[*place].skipped.is_empty() || minutes[*place].again && !minutes[place - 1].again;
    let changes: Vec<usize> = (1..minutes.len()).filter(is_changed).collect();
    assert_eq!(changes.len(), 2, "{zone}");

    for expression in family() {
        let expected = Expected::of(&expression).occurrences(&days);
        let cron = Cron::parse(&expression, zone.name()).unwrap();
        let mut found = cron.upcoming(begin, expected.len() + 1);
        assert!(found.pop().unwrap() > end, "{expression} in {zone}");
        let differs = expected.iter().zip(&found).find(|(expected, found)| expected != found);
        assert_eq!(differs, None, "{expression} in {zone}");

        if expression.ends_with("* * *") {
            for change in &changes {
                for minute in &minutes[change - 180..change + 180] {
                    let after = minute.at;
                    let next = expected[expected.partition_point(|at| *at <= after)..].first();
                    assert_eq!(cron.next_after(after).as_ref(), next, "{expression} in {zone} after {after:?}");
                }
            }
        }
    }
}

#[test]
fn due_times_of_a_year_match_second_implementation() {
    assert!(family().count() > 400);
    thread::scope(|scope| {
        for zone in [Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe] {
            scope.spawn(move || compare(zone));
        }
    });
}
