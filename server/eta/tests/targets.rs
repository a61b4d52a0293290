//! Accuracy targets of `docs/eta.md`.

#[path = "../benches/accuracy/mod.rs"]
#[expect(dead_code, unused_imports, reason = "only the benchmark prints the details")]
mod accuracy;

use accuracy::{EARLIER, HALVES, Row, recorded, synthetic};

#[test]
fn synthetic_runs_meet_accuracy_targets() {
    for (half, seeds) in HALVES {
        let misses: Vec<_> = synthetic(&seeds, EARLIER).iter().flat_map(Row::misses).collect();
        assert!(misses.is_empty(), "{half}: {misses:#?}");
    }
}

#[test]
fn recorded_runs_meet_accuracy_targets() {
    let rows = recorded(true);
    assert_eq!(rows.len(), 7, "six tasks, and all of them together");
    let misses: Vec<_> = rows.iter().flat_map(Row::misses).collect();
    assert!(misses.is_empty(), "{misses:#?}");
}
