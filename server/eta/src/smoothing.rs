//! The recent pace: double exponential smoothing in time, the idea of indicatif's estimator.

/// The last part of the run that matters, as a share of the time since the pace last changed …
const SHARE: f64 = 0.25;
/// … and at least, seconds.
const SHORTEST: f64 = 5.0;

/// A pace that is smoothed twice. What is older than the time constant weighs a tenth, however many updates there were;
/// the time constant grows with the run, so that an hour is not judged by its last seconds. Both smoothings are divided
/// by the weight they have seen, so that neither is biased towards zero at the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Smoothing {
    once: (f64, f64),
    twice: (f64, f64),
}

impl Smoothing {
    /// Takes note of a step of `gained` in `seconds`, `age` seconds into the course.
    pub(crate) fn saw(&mut self, gained: f64, seconds: f64, age: f64) {
        let kept = 0.1_f64.powf(seconds / (SHARE * age).max(SHORTEST));
        let mix = |(sum, weight): (f64, f64), new: f64| (sum * kept + new * (1.0 - kept), weight * kept + 1.0 - kept);
        self.once = mix(self.once, gained / seconds);
        self.twice = mix(self.twice, self.once.0 / self.once.1);
    }

    /// Gained per second lately; `None` before the first step.
    pub(crate) fn pace(&self) -> Option<f64> {
        (self.twice.1 > 0.0).then(|| self.twice.0 / self.twice.1)
    }
}
