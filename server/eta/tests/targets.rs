//! The estimates come true as well as `docs/eta.md` says.

#[path = "../benches/accuracy/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the bench prints more than is held to here")]
mod accuracy;

use accuracy::{EARLIER, HALVES, Row, made_up, recorded};

#[test]
fn estimates_are_as_good_as_is_said_also_on_runs_that_they_were_not_made_for() {
    for (half, seeds) in HALVES {
        let misses: Vec<_> = made_up(&seeds, EARLIER).iter().flat_map(Row::misses).collect();
        assert!(misses.is_empty(), "{half}: {misses:#?}");
    }
}

#[test]
fn estimates_are_as_good_as_is_said_on_recorded_runs_of_the_products_own_tasks() {
    let rows = recorded(true);
    assert_eq!(rows.len(), 7, "six tasks, and all of them");
    let misses: Vec<_> = rows.iter().flat_map(Row::misses).collect();
    assert!(misses.is_empty(), "{misses:#?}");
}
