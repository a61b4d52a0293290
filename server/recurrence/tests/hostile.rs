//! Texts that nobody means well with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use model::Micros;
use proptest::prelude::*;
use recurrence::Recurrence;

/// The longest that a text may take in a debug build, to be read, said in words, and searched for ten times.
const LONGEST: Duration = Duration::from_millis(50);

/// What the server does with a text. Of three tries the quickest counts, because the machine has other work too.
fn judge(expression: &str) {
    let quickest = (0..3).map(|_| time(expression)).find(|time| *time < LONGEST);
    assert!(quickest.is_some(), "{expression:?} takes longer than {LONGEST:?}");
}

fn time(expression: &str) -> Duration {
    let begun = Instant::now();
    match Recurrence::parse(expression, "Europe/Berlin") {
        Ok(recurrence) => {
            let words = recurrence.in_words();
            assert!(words.len() < 200 && !words.is_empty(), "{expression:?}: {words}");
            let times = recurrence.upcoming(Micros(1_700_000_000_000_000), 10);
            assert_eq!(times.len(), 10, "{expression:?}");
            assert!(times.is_sorted_by(|a, b| a < b), "{expression:?}: {times:?}");
            assert!(recurrence.expression().len() <= 100);
        }
        Err(fault) => assert!(fault.message.len() < 400, "{}", fault.message),
    }
    begun.elapsed()
}

#[test]
fn the_worst_that_is_known_takes_no_time_and_no_room() {
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
        judge(&expression);
    }
}

/// What could be in a field, and what could not.
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
    fn any_text_is_judged_in_no_time(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_text_of_the_right_letters_is_judged_in_no_time(text in "[0-9*,/LW#@ a-z-]{0,100}") {
        judge(&text);
    }

    #[test]
    fn what_looks_like_an_expression_is_judged_in_no_time(fields in prop::collection::vec(field(), 5)) {
        judge(&fields.join(" "));
    }

    #[test]
    fn an_expression_with_a_letter_changed_is_judged_in_no_time(
        sound in prop::sample::select(vec!["*/15 8-17 * * MON-FRI", "0 2 1,15,L * *", "30 4 LW JAN-MAR/2 *", "0 0 * * 5#3,1L", "@daily"]),
        place in 0..30_usize,
        letter in prop_oneof!["[0-9*,/LW# -]".prop_map(|text| text.chars().next().unwrap()), any::<char>()],
    ) {
        let mut letters: Vec<char> = sound.chars().collect();
        let place = place % letters.len();
        letters[place] = letter;
        judge(&letters.into_iter().collect::<String>());
    }
}
