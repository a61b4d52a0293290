//! Estimators of other programs, reimplemented from their sources. They use the fraction of the whole run.

/// An estimator of another program.
pub(crate) trait Rival {
    /// The name in the table.
    fn name(&self) -> &'static str;
    /// Records the fraction (0 to 1) at a time in seconds.
    fn observe(&mut self, at: f64, fraction: f64);
    /// Returns the seconds left at a time; `None` without data.
    fn left(&self, at: f64) -> Option<f64>;
}

/// Elapsed time over fraction, as in Cronicle and many others.
#[derive(Default)]
pub(crate) struct Elapsed {
    fraction: f64,
}

impl Rival for Elapsed {
    fn name(&self) -> &'static str {
        "elapsed / fraction"
    }

    fn observe(&mut self, _at: f64, fraction: f64) {
        self.fraction = fraction;
    }

    fn left(&self, at: f64) -> Option<f64> {
        (self.fraction > 0.0).then(|| at / self.fraction * (1.0 - self.fraction))
    }
}

/// tqdm: exponential means of the steps and of their times, 0.3 for the newest, corrected for their start
/// (`tqdm/std.py`, class `EMA` and `format_meter`). Updated when the value moves, at most every 0.1 s.
#[derive(Default)]
pub(crate) struct Tqdm {
    steps: (f64, i32),
    times: f64,
    fraction: f64,
    at: f64,
}

const SMOOTHING: f64 = 0.3;

impl Rival for Tqdm {
    fn name(&self) -> &'static str {
        "tqdm"
    }

    fn observe(&mut self, at: f64, fraction: f64) {
        if fraction > self.fraction && at - self.at >= 0.1 {
            let mix = |old: f64, new: f64| SMOOTHING * new + (1.0 - SMOOTHING) * old;
            self.steps = (mix(self.steps.0, fraction - self.fraction), self.steps.1 + 1);
            self.times = mix(self.times, at - self.at);
            (self.fraction, self.at) = (fraction, at);
        }
    }

    fn left(&self, _at: f64) -> Option<f64> {
        // Both have the same correction factor.
        (self.steps.1 > 0).then(|| (1.0 - self.fraction) * self.times / self.steps.0)
    }
}

/// indicatif (0.18, `src/state.rs`, `Estimator`): a pace smoothed twice over time; data 15 s old has a tenth of the
/// weight.
#[derive(Default)]
pub(crate) struct Indicatif {
    once: f64,
    twice: f64,
    fraction: f64,
    at: f64,
}

fn weight(seconds: f64) -> f64 {
    0.1_f64.powf(seconds / 15.0)
}

impl Rival for Indicatif {
    fn name(&self) -> &'static str {
        "indicatif"
    }

    fn observe(&mut self, at: f64, fraction: f64) {
        let passed = at - self.at;
        if fraction <= self.fraction || passed <= 0.0 {
            return;
        }
        let kept = weight(passed);
        self.once = self.once * kept + (fraction - self.fraction) / passed * (1.0 - kept);
        let normalised = self.once / (1.0 - weight(at));
        self.twice = self.twice * kept + normalised * (1.0 - kept);
        (self.fraction, self.at) = (fraction, at);
    }

    fn left(&self, at: f64) -> Option<f64> {
        // A stall counts as an update of no steps.
        let pace = self.twice * weight(at - self.at) / (1.0 - weight(at));
        (pace > 0.0).then(|| (1.0 - self.fraction) / pace)
    }
}

/// Creates all of them.
pub(crate) fn rivals() -> Vec<Box<dyn Rival>> {
    vec![Box::<Elapsed>::default(), Box::<Tqdm>::default(), Box::<Indicatif>::default()]
}
