//! Job states: the table in `docs/states.md` and the code agree.

use std::collections::HashMap;

use model::{Event, JobState};
use proptest::prelude::*;

const TABLE: &str = include_str!("../../../../docs/states.md");

/// A row of the table: the next state, whether a new attempt starts, the charge.
type Row = (JobState, bool, i8);

/// Parses the table of the document.
fn table() -> HashMap<(JobState, Event), Row> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [from, event, to, attempt, charge, _why] = cells.as_slice() else { panic!("not six cells: {line}") };
        let state = |word: &str| JobState::from_word(word).unwrap_or_else(|| panic!("no state: {word}"));
        let event = Event::ALL.into_iter().find(|known| format!("{known:?}") == *event);
        let key = (state(from), event.unwrap_or_else(|| panic!("no event: {line}")));
        (key, (state(to), *attempt == "yes", charge.replace('−', "-").parse().expect("a number")))
    });
    let rows: Vec<_> = rows.collect();
    let table: HashMap<_, _> = rows.iter().copied().collect();
    assert_eq!(table.len(), rows.len(), "no pair of state and event is in two rows");
    table
}

#[test]
fn documented_transitions_match_the_code() {
    let table = table();
    assert!(!table.is_empty(), "the table is found");
    for from in JobState::ALL {
        for event in Event::ALL {
            let code = from.apply(event).ok();
            let row = table.get(&(from, event));
            assert_eq!(code, row.map(|row| row.0), "{from} {event:?}");
            if let Some((_, attempt, charge)) = row {
                assert_eq!(event.starts_new_attempt(from), *attempt, "new attempt: {from} {event:?}");
                assert_eq!(event.charge(from), *charge, "charge: {from} {event:?}");
            }
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop::sample::select(Event::ALL.to_vec())
}

proptest! {
    /// For any sequence of events: rejected events change nothing, at most one attempt runs at a time, an attempt
    /// number is never claimed twice, and the charge equals the number of charged attempts.
    #[test]
    fn any_event_sequence_keeps_job_consistent(events in prop::collection::vec(any_event(), 0..60)) {
        let table = table();
        let (mut state, mut attempt, mut charged) = (JobState::Queued, 1_u32, 0_i32);
        let mut claimed = std::collections::HashSet::new();
        for event in events {
            let Some((to, new_attempt, charge)) = table.get(&(state, event)).copied() else {
                prop_assert!(state.apply(event).is_err());
                continue;
            };
            prop_assert_eq!(state.apply(event), Ok(to));
            if event == Event::Claim || event == Event::Return {
                let held = attempt + u32::from(new_attempt);
                prop_assert!(claimed.insert(held), "attempt {} is held twice", held);
            }
            if state.is_terminal() {
                prop_assert!(matches!(event, Event::Retry | Event::Return));
            }
            state = to;
            attempt += u32::from(new_attempt);
            charged += i32::from(charge);
            prop_assert!(charged >= 0);
        }
    }
}
