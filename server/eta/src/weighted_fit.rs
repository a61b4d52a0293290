//! Weighted fit over recent runs: a line and a spread, with the largest weight on the newest run.

/// Weight of a run relative to the next newer one: machines, disks and data change.
const DECAY: f64 = 0.8;
/// Prior variance of the points around their line …
const ASSUMED_NOISE: f64 = 0.005;
/// … and its weight, in points.
const ASSUMED_POINTS: f64 = 2.0;
/// Prior standard deviation of the logarithm of the duration, with the weight of one run. Since old runs have little
/// weight, the result never falls below about a tenth.
const ASSUMED_SPREAD: f64 = 0.3;

/// Returns the weights of the runs, newest first.
fn weights() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |weight| Some(weight * DECAY))
}

/// A line fitted to points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The weighted mean of the points, which is on the line.
    pub(crate) middle: (f64, f64),
    /// The slope, 0 to 1.
    pub(crate) slope: f64,
}

impl Line {
    /// Fits a line to at least one point. The prior slope is 1, with `prior_variance`.
    pub(crate) fn fit(points: &[(f64, f64)], prior_variance: f64) -> Self {
        let all: f64 = weights().take(points.len()).sum();
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| {
            points.iter().zip(weights()).map(|(point, weight)| weight * of(point)).sum::<f64>() / all
        };
        let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
        let variance = mean(&|point| (point.0 - x).powi(2));
        let covariance = mean(&|point| (point.0 - x) * (point.1 - y));
        let residual = (mean(&|point| (point.1 - y).powi(2)) - covariance * covariance / variance.max(1e-9)).max(0.0);
        let noise = (residual * all + ASSUMED_NOISE * ASSUMED_POINTS) / all.max(ASSUMED_POINTS);
        let shrinkage = noise / (all * prior_variance);
        Self { middle: (x, y), slope: ((covariance + shrinkage) / (variance + shrinkage)).clamp(0.0, 1.0) }
    }

    /// Returns the value of the line at `x`.
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.middle.1 + self.slope * (x - self.middle.0)
    }
}

/// Returns the standard deviation of the residuals, corrected for the two fitted numbers. The prior keeps a few runs
/// that are equal by chance from giving a spread of zero.
pub(crate) fn spread_of(residuals: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut all, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (residual, weight) in residuals.zip(weights()) {
        sum += weight * residual * residual;
        all += weight;
        squares += weight * weight;
    }
    // The effective number of runs, by Kish.
    let runs = all * all / squares;
    let degrees = (runs - 2.0).max(0.0);
    ((sum / all * runs + ASSUMED_SPREAD.powi(2)) / (degrees + 1.0)).sqrt()
}
