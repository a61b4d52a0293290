//! What numbers of recent runs tell together, newest first: the newest count most.

/// What a run counts for, as a share of what the one after it does: machines, disks and data change.
const KEPT: f64 = 0.8;
/// How far points lie from their line before any show it, as a variance …
const ASSUMED_NOISE: f64 = 0.005;
/// … as if so many had.
const ASSUMED_POINTS: f64 = 2.0;
/// How much runs differ from what is said of them before any show it, as a standard deviation of the logarithm, as if one
/// had. Since old runs count for little, it also keeps that from ever being less than a tenth.
const ASSUMED_SPREAD: f64 = 0.3;

/// What runs count for.
fn weights() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |weight| Some(weight * KEPT))
}

/// A line, drawn through points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The middle of the points, which it goes through.
    pub(crate) middle: (f64, f64),
    /// Between 0 and 1.
    pub(crate) slope: f64,
}

impl Line {
    /// Through at least one point. Its slope is taken for 1 until they show better; how `unsure` that is, as a variance.
    pub(crate) fn through(points: &[(f64, f64)], unsure: f64) -> Self {
        let all: f64 = weights().take(points.len()).sum();
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| {
            points.iter().zip(weights()).map(|(point, weight)| weight * of(point)).sum::<f64>() / all
        };
        let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
        let wide = mean(&|point| (point.0 - x).powi(2));
        let together = mean(&|point| (point.0 - x) * (point.1 - y));
        let off = (mean(&|point| (point.1 - y).powi(2)) - together * together / wide.max(1e-9)).max(0.0);
        let noise = (off * all + ASSUMED_NOISE * ASSUMED_POINTS) / all.max(ASSUMED_POINTS);
        let drawn = noise / (all * unsure);
        Self { middle: (x, y), slope: ((together + drawn) / (wide + drawn)).clamp(0.0, 1.0) }
    }

    /// How high it is there.
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.middle.1 + self.slope * (x - self.middle.0)
    }
}

/// How much runs differ from what is said of them, by how far each was off: a standard deviation. Two numbers were fitted; and
/// a few runs that are alike by chance do not mean that all are.
pub(crate) fn spread_of(missed: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut all, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (missed, weight) in missed.zip(weights()) {
        sum += weight * missed * missed;
        all += weight;
        squares += weight * weight;
    }
    // Weighted runs tell as much as so many that count alike.
    let runs = all * all / squares;
    let free = (runs - 2.0).max(0.0);
    ((sum / all * runs + ASSUMED_SPREAD.powi(2)) / (free + 1.0)).sqrt()
}
