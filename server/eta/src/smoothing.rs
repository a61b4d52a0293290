//! Recent pace by double exponential smoothing over time, as in indicatif's estimator.

/// The time constant, as a share of the time since the last change of pace …
const SHARE: f64 = 0.25;
/// … and its minimum, seconds.
const MIN_SECONDS: f64 = 5.0;

/// A pace that is smoothed twice. Data older than the time constant has a tenth of the weight, independent of the
/// number of updates; the time constant grows with the run. Both sums are divided by their weights, so that the start
/// is not biased towards zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Smoothing {
    once: (f64, f64),
    twice: (f64, f64),
}

impl Smoothing {
    /// Records progress of `gained` in `seconds`, `age` seconds after the first step.
    pub(crate) fn observe(&mut self, gained: f64, seconds: f64, age: f64) {
        let kept = 0.1_f64.powf(seconds / (SHARE * age).max(MIN_SECONDS));
        let mix = |(sum, weight): (f64, f64), new: f64| (sum * kept + new * (1.0 - kept), weight * kept + 1.0 - kept);
        self.once = mix(self.once, gained / seconds);
        self.twice = mix(self.twice, self.once.0 / self.once.1);
    }

    /// Returns the recent progress per second; `None` before the first step.
    pub(crate) fn pace(&self) -> Option<f64> {
        (self.twice.1 > 0.0).then(|| self.twice.0 / self.twice.1)
    }
}
