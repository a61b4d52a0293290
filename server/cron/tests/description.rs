//! Descriptions in English.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;

use cron::Cron;
use jiff::Timestamp;
use model::Micros;

fn describe(expression: &str) -> String {
    Cron::parse(expression, "UTC").unwrap().in_words()
}

#[test]
fn common_expressions_have_natural_descriptions() {
    for (expression, expected) in [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,30 * * * *", "Every 30 minutes"),
        ("@hourly", "Every hour"),
        ("5 * * * *", "Every hour at minute 5"),
        ("15,45 * * * *", "Every hour at minutes 15 and 45"),
        ("0 */2 * * *", "Every 2 hours"),
        ("30 */2 * * *", "Every 2 hours from 00:30 to 22:30"),
        ("0 8-18/2 * * 1-5", "Every 2 hours from 08:00 to 18:00 on weekdays"),
        ("*/15 8-17 * * MON-FRI", "Every 15 minutes from 08:00 to 17:59 on weekdays"),
        ("* 2 * * *", "Every minute from 02:00 to 02:59"),
        ("*/10 0-5,22-23 * * *", "Every 10 minutes from 00:00 to 05:59 and from 22:00 to 23:59"),
        ("@daily", "Every day at 00:00"),
        ("0 2 * * *", "Every day at 02:00"),
        ("0 8,20 * * *", "Every day at 08:00 and 20:00"),
        ("30 7,12,18 * * *", "Every day at 07:30, 12:30 and 18:30"),
        ("0 9-17 * * 1-5", "On weekdays hourly from 09:00 to 17:00"),
        ("0 2 * * 1-5", "On weekdays at 02:00"),
        ("0 2 * * SAT,SUN", "On weekends at 02:00"),
        ("@weekly", "On Sundays at 00:00"),
        ("0 2 * * THU,MON", "On Mondays and Thursdays at 02:00"),
        ("0 7 1 * *", "On the 1st of each month at 07:00"),
        ("0 7 1,15 * *", "On the 1st and the 15th of each month at 07:00"),
        ("0 7 1-7 * *", "On the 1st to the 7th of each month at 07:00"),
        ("0 7 L * *", "On the last day of each month at 07:00"),
        ("0 7 LW * *", "On the last weekday of each month at 07:00"),
        ("0 7 15W * *", "On the weekday nearest the 15th of each month at 07:00"),
        ("0 7 * * MON#1", "On the first Monday of each month at 07:00"),
        ("0 7 * * FRIL", "On the last Friday of each month at 07:00"),
        ("0 7 25 12 *", "Every year on 25 December at 07:00"),
        ("@yearly", "Every year on 1 January at 00:00"),
        ("0 7 1 */3 *", "On the 1st of January, April, July and October at 07:00"),
        ("0 7 L 2 *", "On the last day of February at 07:00"),
        ("0 7 * 6-8 *", "Every day in June to August at 07:00"),
        ("*/5 * * 12 *", "Every 5 minutes in December"),
        ("0 7 * 12 MON", "On Mondays in December at 07:00"),
        ("0 7 13 * FRI", "On the 13th of each month and on Fridays at 07:00"),
        ("0 7 1-31 * FRI", "Every day at 07:00"),
    ] {
        assert_eq!(describe(expression), expected, "{expression}");
    }
}

#[test]
fn uncommon_expressions_are_described_by_field() {
    for (expression, expected) in [
        ("*/45 * * * *", "Every hour at minutes 0 and 45"),
        ("5-59/10 * * * *", "Every hour at minutes 5, 15 and so on up to 55"),
        ("0 */5 * * *", "Every 5 hours from 00:00 to 20:00"),
        ("*/25 2 * * *", "Every 25 minutes from 02:00 to 02:50"),
        ("*/45 2-4 * * *", "Whenever it is 02:00, 02:45, 03:00, 03:45, 04:00 or 04:45"),
        ("*/45 2-8 * * *", "Whenever it is minute 0 or 45 of the hours 2 to 8"),
        ("*/15 */2 * * *", "Every 15 minutes in the hours 0, 2 and so on up to 22"),
        ("0,45 2-8 * * *", "Every day at minutes 0 and 45 of the hours 2 to 8"),
        ("1-40 2 * * *", "Every day at minutes 1 to 40 of the hour 2"),
        ("0 7 */2 * *", "On the 1st, the 3rd and so on up to the 31st of each month at 07:00"),
        ("0 7 1,15,L * *", "On the 1st, the 15th and the last day of each month at 07:00"),
        (
            "0 7 1 * MON,FRI#2",
            "On the 1st of each month and on Mondays and on the second Friday of each month at 07:00",
        ),
        (
            "0 0 * * 1#1,2#1,3#1,4#1,5#1,1#2,2#2,3#2,4#2,5#2,1#3,2#3",
            "As the expression says: 0 0 * * 1#1,2#1,3#1,4#1,5#1,1#2,2#2,3#2,4#2,5#2,1#3,2#3",
        ),
    ] {
        assert_eq!(describe(expression), expected, "{expression}");
    }
}

/// Expressions of many forms; some of them are equivalent.
fn family() -> Vec<String> {
    let minutes = [
        "0",
        "5",
        "30-30",
        "*",
        "0-59",
        "*/15",
        "0,15,30,45",
        "0-45/15",
        "*/45",
        "0,45",
        "5-59/10",
        "5,15,25,35,45,55",
    ];
    let hours = [
        "*",
        "0-23",
        "2",
        "2-3",
        "2,3",
        "2-3/1",
        "*/2",
        "0,2,4,6,8,10,12,14,16,18,20,22",
        "*/12",
        "0,12",
        "1-9/4",
        "1,5,9",
    ];
    let days = [
        "* * *",
        "* * 0-6",
        "1-31 * *",
        "1-31 * MON",
        "* 1-12 *",
        "1 * *",
        "1 * MON",
        "* * MON",
        "* * 1",
        "* * 1-5",
        "* * 6,7",
        "L * *",
        "LW * *",
        "L,LW * *",
        "1W * *",
        "* * MON#1",
        "* * MONL",
        "* * MON,MON#1",
        "1 1 *",
        "1 1,2 *",
        "1,2 1 *",
        "* 3 SUN",
        "* 10 SUN",
        "*/2 * *",
        "1-29/2 * *",
        "31 * *",
        "29,30 2-3 *",
        "1,15 3-10 SUN",
    ];
    let times = minutes.iter().flat_map(|minute| hours.iter().map(move |hour| format!("{minute} {hour}")));
    times.flat_map(|time| days.iter().map(move |day| format!("{time} {day}"))).collect()
}

#[test]
fn equal_descriptions_have_equal_due_times() {
    // Each search begins before a change of the clock and covers it.
    let from = ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"]
        .map(|at| Micros(at.parse::<Timestamp>().unwrap().as_microsecond()));
    let mut described: HashMap<String, (String, [Vec<Micros>; 2])> = HashMap::new();
    let mut same = 0;
    for expression in family() {
        let cron = Cron::parse(&expression, "Europe/Berlin").unwrap();
        let words = cron.in_words();
        assert!(words.len() < 200, "{expression}: {words}");
        let due = from.map(|from| cron.upcoming(from, 100));
        match described.get(&words) {
            Some((other, occurrences)) => {
                assert_eq!(occurrences, &due, "{expression} and {other} are both {words:?}");
                same += 1;
            }
            None => drop(described.insert(words, (expression, due))),
        }
    }
    assert!(same > 500, "only {same} descriptions occur more than once");
    assert!(described.len() > 500, "only {} descriptions differ", described.len());
}
