//! Parsing: accepted expressions, and messages for rejected ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use cron::{Cron, Field};
use jiff::Timestamp;
use model::Micros;

fn parse(expression: &str) -> Result<Cron, String> {
    Cron::parse(expression, "UTC").map_err(|error| {
        assert_eq!(error.field, Field::Expression);
        error.message
    })
}

/// Returns the next due times from 2026 on, as "07-01 07:00".
fn next(expression: &str, count: usize) -> Vec<String> {
    let from: Timestamp = "2025-12-31T23:59:59Z".parse().unwrap();
    let times = parse(expression).unwrap().upcoming(Micros(from.as_microsecond()), count);
    times.iter().map(|at| Timestamp::from_microsecond(at.0).unwrap().strftime("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn expression_is_kept_without_extra_blanks() {
    let cron = Cron::parse("  0\t2  *  * Mon-FRI\n", "europe/berlin").unwrap();
    assert_eq!(cron.expression(), "0 2 * * Mon-FRI");
    assert_eq!(cron.zone(), "Europe/Berlin");
    assert_eq!(parse("@Daily").unwrap().expression(), "@Daily");
    assert_eq!(cron, Cron::parse("0 2 * * Mon-FRI", "Europe/Berlin").unwrap());
    assert_ne!(cron, Cron::parse("0 2 * * Mon-FRI", "Europe/Paris").unwrap());
}

#[test]
fn fields_accept_values_ranges_steps_and_lists() {
    for (expression, expected) in [
        ("0 2 * * *", ["01-01 02:00", "01-02 02:00", "01-03 02:00"]),
        ("*/20 * * * *", ["01-01 00:00", "01-01 00:20", "01-01 00:40"]),
        ("5-20/7 3 * * *", ["01-01 03:05", "01-01 03:12", "01-01 03:19"]),
        ("05 03 1,15 * *", ["01-01 03:05", "01-15 03:05", "02-01 03:05"]),
        ("0 0 1 jan,JUL *", ["01-01 00:00", "07-01 00:00", "01-01 00:00"]),
        ("0 0 * 2-3 MON", ["02-02 00:00", "02-09 00:00", "02-16 00:00"]),
        ("0 0 * * sat-sun", ["01-03 00:00", "01-04 00:00", "01-10 00:00"]),
        ("0 0 * * 5-7", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("0 0 * * 7", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * 0", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * */3", ["01-03 00:00", "01-04 00:00", "01-07 00:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
    ] {
        assert_eq!(next(expression, 3), expected, "{expression}");
    }
}

#[test]
fn shorthand_equals_five_fields() {
    for (shorthand, expression) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@WEEKLY", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ] {
        assert_eq!(next(shorthand, 50), next(expression, 50), "{shorthand}");
    }
}

#[test]
fn day_or_weekday_matches_if_both_are_given() {
    assert_eq!(next("0 0 13 * FRI", 4), ["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]);
    // A step, or a range over all days, is not `*`.
    assert_eq!(next("0 0 */10 * MON", 4), ["01-01 00:00", "01-05 00:00", "01-11 00:00", "01-12 00:00"]);
    assert_eq!(next("0 0 1-31 * MON", 3), ["01-01 00:00", "01-02 00:00", "01-03 00:00"]);
}

#[test]
fn last_nearest_and_nth_days_are_found() {
    // January 2026 begins on a Thursday and ends on a Saturday; February has four whole weeks that begin on Sunday.
    assert_eq!(next("0 0 L * *", 3), ["01-31 00:00", "02-28 00:00", "03-31 00:00"]);
    assert_eq!(next("0 0 lw * *", 3), ["01-30 00:00", "02-27 00:00", "03-31 00:00"]);
    assert_eq!(next("0 0 L,LW * *", 4), ["01-30 00:00", "01-31 00:00", "02-27 00:00", "02-28 00:00"]);
    assert_eq!(next("0 0 1W * *", 3), ["01-01 00:00", "02-02 00:00", "03-02 00:00"]);
    assert_eq!(next("0 0 1W 8 *", 1), ["08-03 00:00"], "the 1st is a Saturday");
    assert_eq!(next("0 0 31W 5 *", 1), ["05-29 00:00"], "the 31st is a Sunday");
    assert_eq!(next("0 0 30W * *", 2), ["01-30 00:00", "03-30 00:00"], "February has no 30th");
    assert_eq!(next("0 0 * * FRIL", 2), ["01-30 00:00", "02-27 00:00"]);
    assert_eq!(next("0 0 * * 7L", 2), ["01-25 00:00", "02-22 00:00"]);
    assert_eq!(next("0 0 * * mon#1,5#5", 3), ["01-05 00:00", "01-30 00:00", "02-02 00:00"]);
}

#[test]
fn rarest_expression_is_found_within_horizon() {
    let begin = |year: i16| Micros(jiff::civil::date(year, 1, 1).in_tz("UTC").unwrap().timestamp().as_microsecond());
    let mut longest = 0;
    for weekday in 0..7 {
        let rare = parse(&format!("0 0 * 2 {weekday}#5")).unwrap();
        let times = rare.upcoming(begin(1900), 80);
        assert_eq!(times.len(), 80);
        for pair in times.windows(2) {
            assert_eq!(rare.next_after(pair[0]), Some(pair[1]));
            longest = longest.max((pair[1].0 - pair[0].0) / (365 * 86_400 * 1_000_000));
        }
    }
    assert_eq!(longest, 40);
    // The calendar ends with the year 9999.
    assert_eq!(parse("@yearly").unwrap().next_after(begin(9999)), None);
    assert_eq!(parse("@yearly").unwrap().next_after(Micros(i64::MAX)), None);
    assert_eq!(parse("@yearly").unwrap().next_after(Micros(i64::MIN)), None);
    assert_eq!(parse("@yearly").unwrap().upcoming(begin(9990), 100).len(), 9);
}

#[test]
fn expression_that_is_never_due_is_rejected() {
    for never in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30W,31 feb *"] {
        assert_eq!(
            parse(never).unwrap_err(),
            "This never happens: none of its months has such a day. Write another day or month."
        );
    }
    for rare in ["0 0 29 2 *", "0 0 31 2,3 *", "0 0 30 2 MON", "0 0 30,L 2 *", "0 0 29W 2 *"] {
        assert!(parse(rare).is_ok(), "{rare}");
    }
}

#[test]
fn error_names_field_and_correction() {
    let thousand = vec!["1"; 1000].join(",");
    let thousand = format!("{thousand} * * * *");
    for (expression, expected) in [
        ("", "Write five fields: minute, hour, day of the month, month and weekday, such as 0 2 * * * for every day"),
        (" \n", "Write five fields"),
        ("0 2 * *", "These are 4 of five fields; write minute, hour, day of the month, month and weekday, and * for"),
        (
            "0 0 2 * * *",
            "These are 6 fields; write five: minute, hour, day of the month, month and weekday. There is none",
        ),
        ("0 0 2 * * * 2026", "These are 7 fields; write five"),
        (&thousand, "An expression has at most 100 bytes; this one has 2007."),
        ("@reboot", "@reboot is not known; write @hourly, @daily, @weekly, @monthly or @yearly, or five fields."),
        ("@daily *", "@daily * is not known"),
        ("60 2 * * *", "In the minute field 60 is not allowed; write 0 to 59."),
        ("99999999999 * * * *", "In the minute field 99999999999 is not allowed; write 0 to 59."),
        ("0 24 * * *", "In the hour field 24 is not allowed; write 0 to 23."),
        ("0 0 0 * *", "In the day field 0 is not allowed; write 1 to 31, or L."),
        ("0 0 32W * *", "In the day field 32 is not allowed; write 1 to 31, or L."),
        ("0 0 * 13 *", "In the month field 13 is not allowed; write 1 to 12, or JAN to DEC."),
        ("0 0 * * 8", "In the weekday field 8 is not allowed; write 0 to 6, or SUN to SAT."),
        ("0 MON * * *", "In the hour field MON is not allowed; write 0 to 23."),
        ("0 0 * JANFEB *", "In the month field JANFEB is not allowed; write 1 to 12, or JAN to DEC."),
        ("0 0 * L *", "In the month field L is not allowed; write 1 to 12, or JAN to DEC."),
        ("L 0 * * *", "In the minute field L is not allowed; write 0 to 59."),
        ("0 0 L-3 * *", "In the day field L is not allowed; write 1 to 31, or L."),
        ("0 0 15W5 * *", "In the day field 15W5 is not allowed; write 1 to 31, or L."),
        ("0 0 W * *", "In the day field a value is missing; write 1 to 31, or L."),
        ("0 0 ? * *", "In the day field ? is not allowed"),
        ("+5 * * * *", "In the minute field +5 is not allowed"),
        ("*/0 * * * *", "In the minute field the step /0 is not allowed; write /1 to /59."),
        ("*/60 * * * *", "In the minute field the step /60 is not allowed; write /1 to /59."),
        ("*/ * * * *", "In the minute field the step / is not allowed; write /1 to /59."),
        ("*/5/5 * * * *", "In the minute field the step /5/5 is not allowed; write /1 to /59."),
        ("/5 * * * *", "In the minute field a value is missing; write 0 to 59."),
        ("3/5 * * * *", "In the minute field 3/5 has a step but no range; write 3-59/5."),
        ("1-2-3 * * * *", "In the minute field 1-2-3 is not a range; write its first and its last value only."),
        ("1- * * * *", "In the minute field a value is missing; write 0 to 59."),
        ("-1 * * * *", "In the minute field a value is missing; write 0 to 59."),
        (
            "0 22-2 * * *",
            "In the hour field the range 22-2 runs backwards; write 22-23,0-2 if it is meant to wrap around.",
        ),
        ("0 0 * * fri-mon", "In the weekday field the range FRI-MON runs backwards; write FRI-6,0-MON if it is meant"),
        ("1,,2 * * * *", "In the minute field there is a comma without a value beside it; remove it."),
        (", * * * *", "In the minute field there is a comma without a value beside it; remove it."),
        ("*,5 * * * *", "In the minute field * already means all values; write it alone."),
        ("** * * * *", "In the minute field ** is not allowed; write 0 to 59."),
        ("0 0 * * MON#6", "In the weekday field #6 is not allowed; write #1 to #5, the first to the fifth of a month."),
        ("0 0 * * MON#", "In the weekday field # is not allowed"),
        ("0 0 * * 1-3#2", "In the weekday field 1-3 is not allowed; write 0 to 6, or SUN to SAT."),
        ("0 0 * * L", "In the weekday field L needs a day; write FRIL for the last Friday of the month."),
        ("0 0 * * +MON", "In the weekday field +MON is not allowed"),
        (
            "0 0 * * \u{17f}un",
            "An expression cannot contain 'ſ'; write digits, * , - / # L W, and names such as MON or JAN.",
        ),
        ("\u{661} * * * *", "An expression cannot contain '١'"),
        ("0 0\u{0} * * *", "An expression cannot contain '\\0'"),
        ("0 0\u{a0}* * *", "An expression cannot contain '\\u{a0}'"),
    ] {
        let message = parse(expression).unwrap_err();
        assert!(message.starts_with(expected), "{expression}: {message}");
        assert!(message.len() < 300 && message.ends_with('.'), "{message}");
    }
}
