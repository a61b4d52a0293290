//! Score of the estimators: errors at a quarter, a half and three quarters of a run's time.

use std::sync::Arc;

use eta::{Estimator, History, Run};

use super::{rivals::rivals, trace::Trace};

/// Times of the estimates, as shares of the duration.
pub(crate) const ASKED: [f64; 3] = [0.25, 0.5, 0.75];
/// Number of estimators: three others and ours.
pub(crate) const ESTIMATORS: usize = 4;

/// Scores over many runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// Relative errors of the time left, by estimator (ours is last) and by time.
    errors: [[Vec<f64>; 3]; ESTIMATORS],
    asked: u32,
    shown: u32,
    in_range: u32,
    widths: Vec<f64>,
}

impl Score {
    /// Adds a run, after earlier runs of its kind.
    pub(crate) fn add(&mut self, trace: &Trace, earlier: &[Trace]) {
        let runs: Vec<Run> = earlier.iter().rev().map(Trace::run).collect();
        let history = History::learn(trace.stages, &runs).map(Arc::new);
        for (asked, share) in ASKED.into_iter().enumerate() {
            let now = trace.end * share;
            let left = trace.end - now;
            let (mut others, mut ours) = (rivals(), Estimator::new(trace.stages, history.clone()));
            for sample in trace.samples.iter().filter(|sample| sample.seconds <= now) {
                ours.observe(*sample);
                if let Some(fraction) = sample.fraction {
                    for other in &mut others {
                        other.observe(sample.seconds, fraction);
                    }
                }
            }
            let error = |estimate: Option<f64>| estimate.map_or(1.0, |estimate| (estimate - left).abs() / left);
            for (errors, other) in self.errors.iter_mut().zip(&others) {
                errors[asked].push(error(other.left(now)));
            }
            self.errors[ESTIMATORS - 1][asked].push(error(ours.raw_estimate(now).map(|estimate| estimate.likely)));
            self.asked += 1;
            if let Some(range) = ours.estimate(now) {
                self.shown += 1;
                self.in_range += u32::from((range.low..=range.high).contains(&left));
                self.widths.push(range.high / range.low.max(1e-3));
            }
        }
    }

    /// Returns the median error of an estimator at the time with index `asked`.
    pub(crate) fn error(&self, estimator: usize, asked: usize) -> f64 {
        median(self.errors[estimator][asked].clone())
    }

    /// Returns the median error of an estimator over all times.
    pub(crate) fn overall(&self, estimator: usize) -> f64 {
        median(self.errors[estimator].concat())
    }

    /// Returns the number of estimates.
    pub(crate) fn asked(&self) -> u32 {
        self.asked
    }

    /// Returns the share of estimates with a shown range.
    pub(crate) fn shown(&self) -> f64 {
        f64::from(self.shown) / f64::from(self.asked.max(1))
    }

    /// Returns the share of shown ranges that contain the true value.
    pub(crate) fn in_range(&self) -> f64 {
        f64::from(self.in_range) / f64::from(self.shown.max(1))
    }

    /// Returns the median ratio of the ends of the ranges.
    pub(crate) fn width(&self) -> f64 {
        median(self.widths.clone())
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
