//! How well estimates of the time left come true, ours beside those of others. Shared by the bench that prints the table
//! and by the test that holds it to its targets.

mod judge;
mod recorded;
mod rivals;
mod shapes;
mod trace;

use std::ops::Range;

pub(crate) use judge::{ASKED, ESTIMATORS, Verdict};
pub(crate) use rivals::rivals;
pub(crate) use shapes::Shape;

/// The seeds of the runs that were looked at while the estimator was made, and of those that were not.
pub(crate) const HALVES: [(&str, Range<u64>); 2] = [("tuned on", 0..1_200), ("held out", 10_000..11_200)];
/// Runs of the kind before the one that is judged.
pub(crate) const EARLIER: usize = 8;
/// Our error, at most, as a share of that of elapsed / fraction …
const OF_ELAPSED: f64 = 0.6;
/// … where that is not as good as can be: a pace that is the same throughout, but for chance, has nothing to be found in it.
const EVEN: Shape = Shape::Steady;
/// Our error, at most, as a multiple of that of the best of the others.
const OF_BEST: f64 = 1.05;
/// How often the truth lies in the range, at least …
const IN_RANGE: f64 = 0.7;
/// … where it was asked so often: a share of a few says nothing.
const ENOUGH: u32 = 50;

/// What is judged together.
pub(crate) struct Row {
    /// What it is.
    pub(crate) name: String,
    /// How well all did.
    pub(crate) verdict: Verdict,
    /// How ours may compare, at most: with elapsed / fraction, with the best. `None` where nothing is asked of it.
    most: Option<(f64, f64)>,
}

impl Row {
    /// Which targets it misses.
    pub(crate) fn misses(&self) -> Vec<String> {
        let Some((of_elapsed, of_best)) = self.most else { return Vec::new() };
        let ours = self.verdict.overall(ESTIMATORS - 1);
        let others = (0..ESTIMATORS - 1).map(|other| self.verdict.overall(other));
        let mut misses = Vec::new();
        let mut compare = |with: &str, error: f64, most: f64| {
            if ours > error * most {
                misses.push(format!("{}: {:.2} times the error of {with}, at most {most}", self.name, ours / error));
            }
        };
        compare("elapsed / fraction", self.verdict.overall(0), of_elapsed);
        compare("the best of the others", others.fold(f64::INFINITY, f64::min), of_best);
        if self.verdict.asked() >= ENOUGH && self.verdict.in_range() < IN_RANGE {
            misses.push(format!("{}: in range {:.2}, at least {IN_RANGE}", self.name, self.verdict.in_range()));
        }
        misses
    }
}

/// Judges a run of each of many kinds of each shape, after `earlier` runs of the same kind.
pub(crate) fn made_up(seeds: &Range<u64>, earlier: usize) -> Vec<Row> {
    let row = |shape: Shape| {
        let mut verdict = Verdict::default();
        for seed in seeds.clone() {
            let (run, before) = shapes::runs(shape, seed, earlier);
            verdict.judge(&run, &before);
        }
        let of_elapsed = if shape == EVEN { OF_BEST } else { OF_ELAPSED };
        Row { name: shape.name().to_owned(), verdict, most: (earlier == EARLIER).then_some((of_elapsed, OF_BEST)) }
    };
    Shape::ALL.into_iter().map(row).collect()
}

/// Judges recorded runs of the product's own tasks, each after those recorded before it, or as if it were the first; then all
/// of them together. A task alone is judged by too few answers to be held to more than not to be worse than the others.
pub(crate) fn recorded(warm: bool) -> Vec<Row> {
    let kinds = recorded::all();
    let row = |name: &str, kinds: &[(String, Vec<trace::Trace>)], of_elapsed: f64| {
        let mut verdict = Verdict::default();
        for (_, runs) in kinds {
            for (place, run) in runs.iter().enumerate().skip(recorded::FIRST_JUDGED) {
                verdict.judge(run, if warm { &runs[..place] } else { &[] });
            }
        }
        Row { name: name.to_owned(), verdict, most: warm.then_some((of_elapsed, OF_BEST)) }
    };
    let each = kinds.iter().map(|kind| row(&kind.0, std::slice::from_ref(kind), OF_BEST));
    each.chain([row("all of them", &kinds, OF_ELAPSED)]).collect()
}
