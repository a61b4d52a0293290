//! Asks all estimators at a quarter, a half and three quarters of a run's time, and compares with how it came out.

use std::sync::Arc;

use eta::{Estimator, History, Run};

use super::{rivals::rivals, trace::Trace};

/// When they are asked, as shares of the time that the run took.
pub(crate) const ASKED: [f64; 3] = [0.25, 0.5, 0.75];
/// The three others and ours.
pub(crate) const ESTIMATORS: usize = 4;

/// How well they did on many runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Relative errors of the time left, by estimator (ours last) and by when it was asked.
    errors: [[Vec<f64>; 3]; ESTIMATORS],
    asked: u32,
    shown: u32,
    in_range: u32,
    widths: Vec<f64>,
}

impl Verdict {
    /// Judges one run, after earlier ones of its kind.
    pub(crate) fn judge(&mut self, trace: &Trace, earlier: &[Trace]) {
        let runs: Vec<Run> = earlier.iter().rev().map(Trace::run).collect();
        let history = History::learn(trace.stages, &runs).map(Arc::new);
        for (asked, share) in ASKED.into_iter().enumerate() {
            let now = trace.end * share;
            let left = trace.end - now;
            let (mut others, mut ours) = (rivals(), Estimator::new(trace.stages, history.clone()));
            for reading in trace.readings.iter().filter(|reading| reading.seconds <= now) {
                ours.saw(*reading);
                if let Some(fraction) = reading.fraction {
                    for other in &mut others {
                        other.saw(reading.seconds, fraction);
                    }
                }
            }
            let error = |said: Option<f64>| said.map_or(1.0, |said| (said - left).abs() / left);
            for (errors, other) in self.errors.iter_mut().zip(&others) {
                errors[asked].push(error(other.left(now)));
            }
            self.errors[ESTIMATORS - 1][asked].push(error(ours.guess(now).map(|guess| guess.likely)));
            self.asked += 1;
            if let Some(range) = ours.estimate(now) {
                self.shown += 1;
                self.in_range += u32::from((range.low..=range.high).contains(&left));
                self.widths.push(range.high / range.low.max(1e-3));
            }
        }
    }

    /// The median error of an estimator when asked for the `asked`th time.
    pub(crate) fn error(&self, estimator: usize, asked: usize) -> f64 {
        median(self.errors[estimator][asked].clone())
    }

    /// Its median error over all the times it was asked.
    pub(crate) fn overall(&self, estimator: usize) -> f64 {
        median(self.errors[estimator].concat())
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.asked
    }

    /// How often a range was shown, as a share.
    pub(crate) fn shown(&self) -> f64 {
        f64::from(self.shown) / f64::from(self.asked.max(1))
    }

    /// How often the truth lay in it, as a share of the ranges that were shown.
    pub(crate) fn in_range(&self) -> f64 {
        f64::from(self.in_range) / f64::from(self.shown.max(1))
    }

    /// The median of the ranges' end over their beginning.
    pub(crate) fn width(&self) -> f64 {
        median(self.widths.clone())
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
