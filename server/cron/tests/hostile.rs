//! Hostile input: every text is parsed or rejected in bounded time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use cron::Cron;
use model::Micros;
use proptest::prelude::*;

/// Time limit for one text in a debug build: parsing, description and ten due times.
const TIME_LIMIT: Duration = Duration::from_millis(50);

/// Checks a text. The fastest of three runs counts, because the machine may be busy.
fn check(expression: &str) {
    let quickest = (0..3).map(|_| time(expression)).find(|time| *time < TIME_LIMIT);
    assert!(quickest.is_some(), "{expression:?} takes longer than {TIME_LIMIT:?}");
}

fn time(expression: &str) -> Duration {
    let begun = Instant::now();
    match Cron::parse(expression, "Europe/Berlin") {
        Ok(cron) => {
            let words = cron.in_words();
            assert!(words.len() < 200 && !words.is_empty(), "{expression:?}: {words}");
            let times = cron.upcoming(Micros(1_700_000_000_000_000), 10);
            assert_eq!(times.len(), 10, "{expression:?}");
            assert!(times.is_sorted_by(|a, b| a < b), "{expression:?}: {times:?}");
            assert!(cron.expression().len() <= 100);
        }
        Err(fault) => assert!(fault.message.len() < 400, "{}", fault.message),
    }
    begun.elapsed()
}

#[test]
fn worst_known_expressions_are_cheap() {
    let list = |item: &str, count: usize| vec![item; count].join(",");
    let odd = "0,2,3,5,7,8,10,11,13,14,16,17,19,20,22,23,25,26,28,29,31,32,34,35,37,38,40 * * * *".to_owned();
    for expression in [
        "0 0 * 2 5#5".to_owned(),
        "* * * 2 0#5".to_owned(),
        "* * 29 2 *".to_owned(),
        "0 0 30 2 *".to_owned(),
        odd,
        format!("{} * * * *", list("*/1", 22)),
        format!("{} * * * *", list("1", 1_000_000)),
        "*/".repeat(1_000_000),
        " ".repeat(1_000_000),
        format!("0 0 * * {}", list("1#1", 22)),
        format!("{}5 * * * *", "0".repeat(90)),
        "0-58/2,1-59/7 1-23/2,0-22/5 1-31/3,1-31/7 1,3,5,8,11 0,2,4#1,5L,6#3".to_owned(),
    ] {
        check(&expression);
    }
}

/// Valid and invalid items of a field.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..70_u32).prop_map(|number| number.to_string()),
        (0..60_u32, 0..60_u32).prop_map(|(first, last)| format!("{first}-{last}")),
        (0..30_u32, 0..60_u32, 0..20_u32).prop_map(|(first, last, step)| format!("{first}-{last}/{step}")),
        (0..70_u32).prop_map(|step| format!("*/{step}")),
        (0..8_u32, 0..7_u32).prop_map(|(day, nth)| format!("{day}#{nth}")),
        (0..33_u32, "[LW]").prop_map(|(day, letter)| format!("{day}{letter}")),
        prop::sample::select(vec![
            "*",
            "L",
            "LW",
            "MON",
            "sun-sat",
            "JAN",
            "oct-dec",
            "?",
            "",
            "-",
            "99999999999",
            "\u{0}",
            "١"
        ])
        .prop_map(str::to_owned),
    ]
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("*".to_owned()), 3 => piece(), 2 => prop::collection::vec(piece(), 1..6).prop_map(|all| all.join(","))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_checked_in_time(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn text_of_allowed_characters_is_checked_in_time(text in "[0-9*,/LW#@ a-z-]{0,100}") {
        check(&text);
    }

    #[test]
    fn five_generated_fields_are_checked_in_time(fields in prop::collection::vec(field(), 5)) {
        check(&fields.join(" "));
    }

    #[test]
    fn expression_with_one_changed_letter_is_checked_in_time(
        sound in prop::sample::select(vec!["*/15 8-17 * * MON-FRI", "0 2 1,15,L * *", "30 4 LW JAN-MAR/2 *", "0 0 * * 5#3,1L", "@daily"]),
        place in 0..30_usize,
        letter in prop_oneof!["[0-9*,/LW# -]".prop_map(|text| text.chars().next().unwrap()), any::<char>()],
    ) {
        let mut letters: Vec<char> = sound.chars().collect();
        let place = place % letters.len();
        letters[place] = letter;
        check(&letters.into_iter().collect::<String>());
    }
}
