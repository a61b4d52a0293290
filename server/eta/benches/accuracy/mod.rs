//! Accuracy of estimates, ours and those of other estimators. Shared by the benchmark and by the test of the targets.

mod recorded;
mod rivals;
mod score;
mod synthetic;
mod trace;

use std::ops::Range;

pub(crate) use rivals::rivals;
pub(crate) use score::{ASKED, ESTIMATORS, Score};
pub(crate) use synthetic::Shape;

/// Seeds of the runs that the estimator was tuned on, and of held-out runs.
pub(crate) const HALVES: [(&str, Range<u64>); 2] = [("tuned on", 0..1_200), ("held out", 10_000..11_200)];
/// Number of earlier runs of the same kind.
pub(crate) const EARLIER: usize = 8;
/// Maximum error relative to elapsed / fraction …
const OF_ELAPSED: f64 = 0.6;
/// … except for this shape: for a constant pace, elapsed / fraction is already optimal.
const EVEN: Shape = Shape::Steady;
/// Maximum error relative to the best of the other estimators.
const OF_BEST: f64 = 1.05;
/// Minimum share of shown ranges that contain the true value …
const IN_RANGE: f64 = 0.7;
/// … if there are at least this many.
const ENOUGH: u32 = 50;

/// One row of the table.
pub(crate) struct Row {
    /// The name of the row.
    pub(crate) name: String,
    /// The scores of all estimators.
    pub(crate) score: Score,
    /// Maximum error relative to elapsed / fraction and to the best; `None` without targets.
    limits: Option<(f64, f64)>,
}

impl Row {
    /// Returns the missed targets.
    pub(crate) fn misses(&self) -> Vec<String> {
        let Some((of_elapsed, of_best)) = self.limits else { return Vec::new() };
        let ours = self.score.overall(ESTIMATORS - 1);
        let others = (0..ESTIMATORS - 1).map(|other| self.score.overall(other));
        let mut misses = Vec::new();
        let mut compare = |with: &str, error: f64, limit: f64| {
            if ours > error * limit {
                misses.push(format!("{}: {:.2} times the error of {with}, at most {limit}", self.name, ours / error));
            }
        };
        compare("elapsed / fraction", self.score.overall(0), of_elapsed);
        compare("the best other estimator", others.fold(f64::INFINITY, f64::min), of_best);
        if self.score.asked() >= ENOUGH && self.score.in_range() < IN_RANGE {
            misses.push(format!("{}: in range {:.2}, at least {IN_RANGE}", self.name, self.score.in_range()));
        }
        misses
    }
}

/// Scores a run of each of many kinds of each shape, after `earlier` runs of the same kind.
pub(crate) fn synthetic(seeds: &Range<u64>, earlier: usize) -> Vec<Row> {
    let row = |shape: Shape| {
        let mut score = Score::default();
        for seed in seeds.clone() {
            let (run, before) = synthetic::runs(shape, seed, earlier);
            score.add(&run, &before);
        }
        let of_elapsed = if shape == EVEN { OF_BEST } else { OF_ELAPSED };
        Row { name: shape.name().to_owned(), score, limits: (earlier == EARLIER).then_some((of_elapsed, OF_BEST)) }
    };
    Shape::ALL.into_iter().map(row).collect()
}

/// Scores recorded runs of the built-in tasks, each after the earlier ones or as if it were the first, then all of them
/// together. A single task has too few answers for a stricter target than being no worse than the others.
pub(crate) fn recorded(warm: bool) -> Vec<Row> {
    let kinds = recorded::all();
    let row = |name: &str, kinds: &[(String, Vec<trace::Trace>)], of_elapsed: f64| {
        let mut score = Score::default();
        for (_, runs) in kinds {
            for (place, run) in runs.iter().enumerate().skip(recorded::FIRST_SCORED) {
                score.add(run, if warm { &runs[..place] } else { &[] });
            }
        }
        Row { name: name.to_owned(), score, limits: warm.then_some((of_elapsed, OF_BEST)) }
    };
    let each = kinds.iter().map(|kind| row(&kind.0, std::slice::from_ref(kind), OF_BEST));
    each.chain([row("all of them", &kinds, OF_ELAPSED)]).collect()
}
