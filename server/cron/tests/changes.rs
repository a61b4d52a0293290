//! Changes of the clock: daylight saving time and skipped days.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use cron::Cron;
use jiff::Timestamp;
use model::Micros;

/// Returns the local due times in `from..to`.
#[track_caller]
fn due(expression: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let [from, to] = [from, to].map(|at| at.parse::<Timestamp>().unwrap().as_microsecond());
    let cron = Cron::parse(expression, zone).unwrap();
    let all = cron.upcoming(Micros(from - 1), 300);
    // A search from one time to the next has the same result.
    let mut last = Micros(from - 1);
    let mut shown = Vec::new();
    for at in all.into_iter().take_while(|at| at.0 < to) {
        assert_eq!(cron.next_after(last), Some(at), "{expression} after {last:?}");
        let zoned = Timestamp::from_microsecond(at.0).unwrap().in_tz(zone).unwrap();
        shown.push(zoned.strftime("%d %H:%M %:z").to_string());
        last = at;
    }
    shown
}

/// Returns the due times around a change, from noon to noon in UTC.
#[track_caller]
fn night(expression: &str, zone: &str, day: &str) -> Vec<String> {
    let noon: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
    let before = noon - jiff::SignedDuration::from_hours(24);
    due(expression, zone, &before.to_string(), &noon.to_string())
}

#[test]
fn skipped_fixed_time_is_due_once_at_change() {
    // North: 02:00 to 03:00, or 01:00 to 02:00. South: 02:00 to 03:00. By half an hour: 02:00 to 02:30.
    for (expression, zone, day, expected) in [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", "29 03:00 +02:00"),
        ("0 2 * * *", "Europe/Berlin", "2026-03-29", "29 03:00 +02:00"),
        ("30 1 * * *", "Europe/London", "2026-03-29", "29 02:00 +01:00"),
        ("59 2 * * *", "America/New_York", "2026-03-08", "08 03:00 -04:00"),
        ("15 2 * * *", "Australia/Sydney", "2026-10-04", "04 03:00 +11:00"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", "04 02:30 +11:00"),
        ("29 2 * * SUN", "Australia/Lord_Howe", "2026-10-04", "04 02:30 +11:00"),
    ] {
        assert_eq!(night(expression, zone, day), [expected], "{expression} in {zone}");
    }
}

#[test]
fn skipped_fixed_times_are_due_together() {
    assert_eq!(night("0,30 2 * * *", "Europe/Berlin", "2026-03-29"), ["29 03:00 +02:00"]);
    let hours = night("0 1,2,3,4 * * *", "Europe/Berlin", "2026-03-29");
    assert_eq!(hours, ["29 01:00 +01:00", "29 03:00 +02:00", "29 04:00 +02:00"]);
    assert_eq!(night("10 2,3 * * *", "Europe/Berlin", "2026-03-29"), ["29 03:00 +02:00", "29 03:10 +02:00"]);
}

#[test]
fn fixed_times_beside_change_are_unaffected() {
    assert_eq!(night("59 1 * * *", "Europe/Berlin", "2026-03-29"), ["29 01:59 +01:00"]);
    assert_eq!(night("0 3 * * *", "Europe/Berlin", "2026-03-29"), ["29 03:00 +02:00"]);
    assert_eq!(night("30 2 * * *", "Australia/Lord_Howe", "2026-10-04"), ["04 02:30 +11:00"]);
    assert_eq!(night("30 1 * * *", "Europe/Berlin", "2026-10-25"), ["25 01:30 +02:00"]);
    assert_eq!(night("0 3 * * *", "Europe/Berlin", "2026-10-25"), ["25 03:00 +01:00"]);
}

#[test]
fn repeated_fixed_time_is_due_the_first_time() {
    for (expression, zone, day, expected) in [
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", "25 02:30 +02:00"),
        ("0 1 * * *", "Europe/London", "2026-10-25", "25 01:00 +01:00"),
        ("59 1 * * *", "America/New_York", "2026-11-01", "01 01:59 -04:00"),
        ("0 2 * * *", "Australia/Sydney", "2026-04-05", "05 02:00 +11:00"),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", "05 01:45 +11:00"),
    ] {
        assert_eq!(night(expression, zone, day), [expected], "{expression} in {zone}");
    }
    let hours = night("30 1,2,3 * * *", "Europe/Berlin", "2026-10-25");
    assert_eq!(hours, ["25 01:30 +02:00", "25 02:30 +02:00", "25 03:30 +01:00"]);
}

#[test]
fn interval_is_due_whenever_clock_shows_its_time() {
    let spring = due("30 * * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z");
    assert_eq!(spring, ["29 00:30 +01:00", "29 01:30 +01:00", "29 03:30 +02:00", "29 04:30 +02:00"]);
    let autumn = due("30 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z");
    assert_eq!(autumn, ["25 01:30 +02:00", "25 02:30 +02:00", "25 02:30 +01:00", "25 03:30 +01:00"]);
    let by_half_an_hour = due("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", "2026-04-04T15:45:00Z");
    let twice = ["05 01:30 +11:00", "05 01:45 +11:00", "05 01:30 +10:30", "05 01:45 +10:30", "05 02:00 +10:30"];
    assert_eq!(by_half_an_hour, twice);
    let forward = due("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T16:00:00Z");
    assert_eq!(forward, ["04 01:30 +10:30", "04 01:45 +10:30", "04 02:30 +11:00", "04 02:45 +11:00"]);
    let south = night("0 */2 * * *", "Australia/Sydney", "2026-04-05");
    assert!(south.ends_with(&["05 18:00 +10:00", "05 20:00 +10:00"].map(str::to_owned)), "{south:?}");
    assert_eq!(south.iter().filter(|time| time.starts_with("05 02:00")).count(), 2);
}

#[test]
fn interval_within_skipped_hour_is_not_due() {
    assert_eq!(night("*/30 2 * * *", "Europe/Berlin", "2026-03-29"), [""; 0]);
    assert_eq!(night("*/30 2 * * *", "Europe/Berlin", "2026-10-25").len(), 4);
}

#[test]
fn step_or_range_with_one_value_is_a_fixed_time() {
    for minute in ["30", "30-30", "30-59/40"] {
        assert_eq!(night(&format!("{minute} 2 * * *"), "Europe/Berlin", "2026-03-29"), ["29 03:00 +02:00"], "{minute}");
    }
    let every_minute =
        [night("0-59 2 * * *", "Europe/Berlin", "2026-10-25"), night("* 2 * * *", "Europe/Berlin", "2026-10-25")];
    assert_eq!(every_minute.map(|times| times.len()), [120, 120]);
}

#[test]
fn search_from_repeated_hour_does_not_go_back() {
    let first_time = "2026-10-25T00:45:00Z"; // 02:45, and again an hour later.
    let second_time = "2026-10-25T01:15:00Z";
    let end = "2026-10-25T03:00:00Z";
    let half_hours = due("*/30 2 * * *", "Europe/Berlin", first_time, end);
    assert_eq!(half_hours, ["25 02:00 +01:00", "25 02:30 +01:00"]);
    assert_eq!(due("*/30 2 * * *", "Europe/Berlin", second_time, end), ["25 02:30 +01:00"]);
    assert_eq!(due("50 2 * * *", "Europe/Berlin", first_time, end), ["25 02:50 +02:00"]);
    assert_eq!(due("50 2 * * *", "Europe/Berlin", second_time, end), [""; 0]);
    assert_eq!(due("20 2,3 * * *", "Europe/Berlin", second_time, end), ["25 03:20 +01:00"]);
}

#[test]
fn change_at_midnight_keeps_daily_times() {
    // Paraguay changed from 00:00 to 01:00, and from 00:00 back to 23:00.
    let (zone, spring, autumn) = ("America/Asuncion", "2023-10-01", "2023-03-26");
    assert_eq!(night("0 0 * * *", zone, spring), ["01 01:00 -03:00"]);
    assert_eq!(night("30 0 1 * *", zone, spring), ["01 01:00 -03:00"]);
    assert_eq!(night("0 0 * * *", zone, autumn), ["26 00:00 -04:00"]);
    assert_eq!(night("30 23 25 * *", zone, autumn), ["25 23:30 -03:00"]);
    let twice = due("30 * * * *", zone, "2023-03-26T02:00:00Z", "2023-03-26T05:00:00Z");
    assert_eq!(twice, ["25 23:30 -03:00", "25 23:30 -04:00", "26 00:30 -04:00"]);
}

#[test]
fn fixed_times_of_skipped_day_are_due_at_its_end() {
    // Samoa had no 30 December 2011, a Friday.
    let all = |expression| due(expression, "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
    assert_eq!(all("0 12 * * *"), ["29 12:00 -10:00", "31 00:00 +14:00", "31 12:00 +14:00"]);
    assert_eq!(all("0 0 * * *"), ["31 00:00 +14:00", "01 00:00 +14:00"]);
    assert_eq!(all("0 8,20 * * FRI"), ["31 00:00 +14:00"]);
    assert_eq!(all("0 8 30 12 *"), ["31 00:00 +14:00"]);
    assert_eq!(all("0 */12 * * *"), ["29 12:00 -10:00", "31 00:00 +14:00", "31 12:00 +14:00", "01 00:00 +14:00"]);
    assert_eq!(all("0 */12 * * FRI"), [""; 0]);
}

#[test]
fn repeated_day_is_due_the_first_time() {
    // Alaska adopted the American date, one day back, at the end of 19 October 1867 by the Russian date.
    let noons = due("0 12 * * *", "America/Juneau", "1867-10-17T12:00:00Z", "1867-10-20T12:00:00Z");
    let days: Vec<&str> = noons.iter().map(|noon| &noon[..8]).collect();
    assert_eq!(days, ["18 12:00", "19 12:00"]);
    let twice = due("0 */12 * * *", "America/Juneau", "1867-10-17T12:00:00Z", "1867-10-20T12:00:00Z");
    assert!(twice.len() > 4, "{twice:?}");
}
