//! Baseline of a stage: its duration and shape in earlier runs.

use std::f64::consts::PI;

use crate::{Run, StageRun, weighted_fit::Line};

/// Number of equal steps of the work at which a shape is kept.
const STEPS: usize = 32;
/// Prior variance of the slope between the logarithms of work and time. The prior slope is 1: twice the work takes
/// twice the time.
const SLOPE_VARIANCE: f64 = 0.09;
/// A stage is overdue when only this percentage of runs takes longer.
const OVERDUE_PERCENT: f64 = 5.0;
/// Runs of similar size have more weight: the standard deviation of the logarithm of their work …
const SIZE_BANDWIDTH: f64 = 0.25;
/// … and the minimum weight of all others.
const MIN_WEIGHT: f64 = 0.02;
/// A deviation from an even shape counts in full once it is much larger than this multiple of the chance variance.
const CHANCE_FACTOR: f64 = 2.0;
/// Variance of one run's shape by chance, as a share of its time.
const CHANCE_VARIANCE: f64 = 0.0006;

/// The common properties of one stage in the runs of a kind.
#[derive(Clone, Debug)]
pub(crate) struct StageBaseline {
    /// The stage whose work determines the time of this one: itself, or an earlier one.
    pub(crate) source: usize,
    /// The logarithm of the seconds over the logarithm of the work.
    line: Line,
    /// The logarithm of the work and the shape, for each run.
    shapes: Vec<(f64, Shape)>,
}

/// The elapsed share of a stage's time at equal steps of its work.
type Shape = [f64; STEPS + 1];

/// Coupling of the pace of a stage to the pace of the stages before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coupling {
    /// The share of the earlier deviation that carries over, 0 to 1.
    pub(crate) follows: f64,
    /// The remaining standard deviation of the logarithm of the time.
    pub(crate) spread: f64,
}

/// The baseline of one stage for the amount of work of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline {
    /// Expected duration, seconds.
    pub(crate) seconds: f64,
    coupling: Coupling,
    shape: Shape,
    /// Standard deviation of the shape among the runs.
    scatter: Shape,
}

impl Baseline {
    /// The baseline before anything is known.
    pub(crate) const UNKNOWN: Self = Self {
        seconds: 0.0,
        coupling: Coupling { follows: 1.0, spread: 0.0 },
        shape: [0.0; STEPS + 1],
        scatter: [0.0; STEPS + 1],
    };

    /// Returns the expected duration, in seconds, after stages that ran at `speed`.
    pub(crate) fn expected(&self, speed: f64) -> f64 {
        self.seconds / speed.powf(self.coupling.follows)
    }

    /// Returns the standard deviation of the expected duration, seconds.
    pub(crate) fn deviation(&self, speed: f64) -> f64 {
        self.expected(speed) * self.coupling.spread
    }

    /// Returns the baseline seconds into the stage when a share `done` of it is done.
    pub(crate) fn elapsed_at(&self, done: f64) -> f64 {
        interpolate(&self.shape, done) * self.seconds
    }

    /// Returns the seconds left after `inside` seconds, at the quantile `chance`. The duration is assumed to be
    /// log-logistic, with the median and the spread of the earlier runs: the longer a stage exceeds them, the longer it
    /// is expected to take.
    pub(crate) fn remaining(&self, inside: f64, chance: f64, speed: f64) -> f64 {
        let usual = self.expected(speed).max(1e-3);
        let scale = usual.max(inside);
        let [usual, taken] = [usual, inside].map(|seconds| (seconds / scale).powf(self.steepness()));
        scale * ((usual + taken) / (1.0 - chance) - usual).powf(1.0 / self.steepness()) - inside
    }

    /// Returns whether only [`OVERDUE_PERCENT`] of runs take longer than `inside` seconds.
    pub(crate) fn is_overdue(&self, inside: f64, speed: f64) -> bool {
        let late = (100.0 / OVERDUE_PERCENT - 1.0).powf(1.0 / self.steepness());
        inside > self.expected(speed) * late
    }

    /// Returns the shape parameter of a log-logistic distribution with the same spread.
    fn steepness(&self) -> f64 {
        PI / (3.0_f64.sqrt() * self.coupling.spread)
    }

    /// Returns the standard deviation of [`Baseline::elapsed_at`] among earlier runs, seconds.
    pub(crate) fn scatter(&self, done: f64) -> f64 {
        interpolate(&self.scatter, done) * self.seconds
    }
}

/// Interpolates between two steps of a shape.
fn interpolate(shape: &Shape, done: f64) -> f64 {
    let at = done.clamp(0.0, 1.0) * STEPS as f64;
    let place = (at as usize).min(STEPS - 1);
    shape[place] + (shape[place + 1] - shape[place]) * (at - place as f64)
}

impl StageBaseline {
    /// Learns the stage `index` from the runs; with `bends` also its shape. A stage with a rhythm has an even shape.
    pub(crate) fn learn(index: usize, runs: &[Run], bends: bool) -> Self {
        let known_in_all =
            |stage: &usize| runs.iter().all(|run| run.stages[*stage].work.is_some_and(|work| work > 0.0));
        let known = (0..=index).rev().find(known_in_all);
        let source = known.unwrap_or(index);
        let points: Vec<(f64, f64)> = runs
            .iter()
            .map(|run| {
                let size = run.stages[source].work.map_or(0.0, |work| work.max(1.0).ln());
                (size, run.stages[index].seconds.max(1e-3).ln())
            })
            .collect();
        let mut line = Line::fit(&points, SLOPE_VARIANCE);
        if known.is_none() {
            line.slope = 0.0;
        }
        let shapes =
            points.iter().zip(runs).filter_map(|((size, _), run)| Some((*size, shape_of(&run.stages[index])?)));
        Self { source, line, shapes: shapes.filter(|_| bends).collect() }
    }

    /// Returns the expected seconds of a run whose work is larger than usual by the logarithm `larger`.
    pub(crate) fn seconds(&self, larger: f64) -> f64 {
        self.line.at(self.line.middle.0 + larger).exp()
    }

    /// Returns by how much a run with this work is larger than usual, as a logarithm.
    pub(crate) fn larger(&self, work: f64) -> f64 {
        work.max(1.0).ln() - self.line.middle.0
    }

    /// Returns the baseline of a run whose work is larger than usual by the logarithm `larger`.
    pub(crate) fn for_larger(&self, larger: f64, coupling: Coupling) -> Baseline {
        let (shape, scatter) = self.shape(larger);
        Baseline { seconds: self.seconds(larger), coupling, shape, scatter }
    }

    /// Returns whether the runs reported the amount of work.
    pub(crate) fn is_sized(&self) -> bool {
        self.line.middle.0 > 0.0
    }

    /// Returns the mean shape of the runs and its standard deviation. Runs of similar size have the largest weight, and
    /// deviations from an even shape shrink as far as they may be chance.
    fn shape(&self, larger: f64) -> (Shape, Shape) {
        let size = self.line.middle.0 + larger;
        let (mut sums, mut squares, mut all, mut all_squares) = ([0.0; STEPS + 1], [0.0; STEPS + 1], 0.0, 0.0);
        for (its_size, shape) in &self.shapes {
            let weight = (-((its_size - size) / SIZE_BANDWIDTH).powi(2) / 2.0).exp() + MIN_WEIGHT;
            all += weight;
            all_squares += weight * weight;
            for (place, share) in shape.iter().enumerate() {
                let bend = share - even(place);
                sums[place] += weight * bend;
                squares[place] += weight * bend * bend;
            }
        }
        let (mut shape, mut scatter) = (std::array::from_fn(even), [0.0; STEPS + 1]);
        if all == 0.0 {
            return (shape, scatter);
        }
        let runs = all * all / all_squares;
        for place in 0..=STEPS {
            let bend = sums[place] / all;
            let variance = (squares[place] / all - bend * bend).max(0.0);
            let chance = CHANCE_FACTOR * (variance + CHANCE_VARIANCE) / runs;
            shape[place] += bend * (1.0 - chance / (bend * bend + 1e-9)).max(0.0);
            scatter[place] = variance.sqrt();
        }
        (shape, scatter)
    }
}

/// Returns the value of an even shape.
fn even(place: usize) -> f64 {
    place as f64 / STEPS as f64
}

/// Returns the shape of a stage in a run; `None` without points.
fn shape_of(stage: &StageRun) -> Option<Shape> {
    let known = stage.seconds > 0.0 && stage.points.len() > 1;
    known.then(|| std::array::from_fn(|place| seconds_at(stage, even(place)) / stage.seconds))
}

/// Interpolates the seconds from the start of the stage until a share `done` of its work was done.
fn seconds_at(stage: &StageRun, done: f64) -> f64 {
    let after = stage.points.partition_point(|(share, _)| *share < done);
    let (x0, y0) = if after == 0 { (0.0, 0.0) } else { stage.points[after - 1] };
    let (x1, y1) = stage.points.get(after).copied().unwrap_or((1.0, stage.seconds));
    let y = if x1 > x0 { y0 + (y1 - y0) * (done - x0) / (x1 - x0) } else { y1 };
    y.clamp(0.0, stage.seconds)
}
