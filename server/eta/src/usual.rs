//! What earlier runs took for one stage, and how they went through it.

use crate::{
    Run, StageRun,
    history::{weight_of, weights},
};

/// A stage's course is kept at so many places, evenly through its work.
const PLACES: usize = 32;
/// Twice the work takes twice the time, as long as no runs of different sizes show better: how sure that is, as the
/// variance of the slope between the logarithms of both.
const PROPORTIONAL: f64 = 0.09;
/// How far times lie from that line before any show it, as the variance of a logarithm, as if so many had.
const ASSUMED_NOISE: f64 = 0.005;
const FITTED: f64 = 2.0;
/// Runs count as about as large within this, as a standard deviation of the logarithm of their work …
const ALIKE: f64 = 0.25;
/// … and all others count for so much.
const LEAST_WEIGHT: f64 = 0.02;
/// A bend counts in full once it is much larger than so many times what chance explains.
const SURE: f64 = 2.0;
/// How far one run's course is bent by chance, as the variance of a share of its time.
const CHANCE: f64 = 0.0006;

/// What a stage has in common in the runs of a kind.
#[derive(Clone, Debug)]
pub(crate) struct UsualStage {
    /// The stage whose work its time goes with: itself, or one before it.
    pub(crate) source: usize,
    /// `ln seconds = level + slope * (ln work - size)`.
    level: f64,
    slope: f64,
    size: f64,
    /// How each run went through it: the logarithm of its work, and its shape.
    shapes: Vec<(f64, Shape)>,
}

/// The share of a stage's time that has passed at each of the places, evenly through its work.
type Shape = [f64; PLACES + 1];

/// What is usual in one stage for as much work as a certain run has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    /// Seconds.
    pub(crate) seconds: f64,
    /// How much the runs differ in that at the pace of the stages before, as the standard deviation of a logarithm.
    pub(crate) spread: f64,
    shape: Shape,
    /// How much the runs differ in that, as standard deviations.
    scatter: Shape,
}

impl Usual {
    /// Before anything is known.
    pub(crate) const UNKNOWN: Self =
        Self { seconds: 0.0, spread: 0.0, shape: [0.0; PLACES + 1], scatter: [0.0; PLACES + 1] };

    /// Seconds into the stage when `done` of it is done, 0 to 1.
    pub(crate) fn until(&self, done: f64) -> f64 {
        between(&self.shape, done) * self.seconds
    }

    /// Seconds that are still to come when it has taken `inside`, so that a share `chance` of such runs is done by then: its
    /// time is taken for log-logistic, whose median and spread are those of the earlier runs. So what has taken longer than
    /// it ever did is expected to take the longer still.
    pub(crate) fn still(&self, inside: f64, chance: f64, speed: f64) -> f64 {
        let usual = (self.seconds / speed).max(1e-3);
        let steepness = std::f64::consts::PI / (3.0_f64.sqrt() * self.spread);
        let scale = usual.max(inside);
        let [usual, taken] = [usual, inside].map(|seconds| (seconds / scale).powf(steepness));
        scale * ((usual + taken) / (1.0 - chance) - usual).powf(1.0 / steepness) - inside
    }

    /// How much earlier runs differ there, seconds: the standard deviation.
    pub(crate) fn scatter(&self, done: f64) -> f64 {
        between(&self.scatter, done) * self.seconds
    }
}

/// The value at a place between two that are kept.
fn between(shape: &Shape, done: f64) -> f64 {
    let at = done.clamp(0.0, 1.0) * PLACES as f64;
    let place = (at as usize).min(PLACES - 1);
    shape[place] + (shape[place + 1] - shape[place]) * (at - place as f64)
}

impl UsualStage {
    /// From the stage of that index in the runs, whose course `bends` or is even, but for a rhythm.
    pub(crate) fn learn(index: usize, runs: &[Run], bends: bool) -> Self {
        let told_by_all = |stage: &usize| runs.iter().all(|run| run.stages[*stage].work.is_some_and(|work| work > 0.0));
        let known = (0..=index).rev().find(told_by_all);
        let source = known.unwrap_or(index);
        let points: Vec<(f64, f64)> = runs
            .iter()
            .map(|run| {
                let size = run.stages[source].work.map_or(0.0, |work| work.max(1.0).ln());
                (size, run.stages[index].seconds.max(1e-3).ln())
            })
            .collect();
        let all = weight_of(points.len());
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| {
            points.iter().zip(weights()).map(|(point, weight)| weight * of(point)).sum::<f64>() / all
        };
        let (size, level) = (mean(&|(x, _)| *x), mean(&|(_, y)| *y));
        let variance = mean(&|(x, _)| (x - size).powi(2));
        let together = mean(&|(x, y)| (x - size) * (y - level));
        let off_the_line = (mean(&|(_, y)| (y - level).powi(2)) - together * together / variance.max(1e-9)).max(0.0);
        let noise = (off_the_line * all + ASSUMED_NOISE * FITTED) / all.max(FITTED);
        let drawn = noise / (all * PROPORTIONAL);
        let slope = ((together + drawn) / (variance + drawn)).clamp(0.0, 1.0);
        let slope = if known.is_some() { slope } else { 0.0 };
        let shapes =
            points.iter().zip(runs).filter_map(|((size, _), run)| Some((*size, shape_of(&run.stages[index])?)));
        Self { source, level, slope, size, shapes: shapes.filter(|_| bends).collect() }
    }

    /// What is usual in it for a run that is so much larger.
    pub(crate) fn seconds(&self, larger: f64) -> f64 {
        (self.level + self.slope * larger).exp()
    }

    /// By how much a run with so much work is larger than usual, as a logarithm.
    pub(crate) fn larger(&self, work: f64) -> f64 {
        work.max(1.0).ln() - self.size
    }

    /// What is usual in it for a run that is so much larger, from which earlier runs differed by `spread`.
    pub(crate) fn for_larger(&self, larger: f64, spread: f64) -> Usual {
        let (shape, scatter) = self.shape(larger);
        Usual { seconds: self.seconds(larger), spread, shape, scatter }
    }

    /// Whether the runs said how much there was to do in it.
    pub(crate) fn is_sized(&self) -> bool {
        self.size > 0.0
    }

    /// The mean shape of the runs, in which those count most that were about as large; drawn towards an even one as far
    /// as its bends may be chance. And how much the runs differ.
    fn shape(&self, larger: f64) -> (Shape, Shape) {
        let size = self.size + larger;
        let (mut sums, mut squares, mut all, mut all_squares) = ([0.0; PLACES + 1], [0.0; PLACES + 1], 0.0, 0.0);
        for (its_size, shape) in &self.shapes {
            let weight = (-((its_size - size) / ALIKE).powi(2) / 2.0).exp() + LEAST_WEIGHT;
            all += weight;
            all_squares += weight * weight;
            for (place, share) in shape.iter().enumerate() {
                let bend = share - even(place);
                sums[place] += weight * bend;
                squares[place] += weight * bend * bend;
            }
        }
        let (mut shape, mut scatter) = (std::array::from_fn(even), [0.0; PLACES + 1]);
        if all == 0.0 {
            return (shape, scatter);
        }
        let runs = all * all / all_squares;
        for place in 0..=PLACES {
            let bend = sums[place] / all;
            let differ = (squares[place] / all - bend * bend).max(0.0);
            let chance = SURE * (differ + CHANCE) / runs;
            shape[place] += bend * (1.0 - chance / (bend * bend + 1e-9)).max(0.0);
            scatter[place] = differ.sqrt();
        }
        (shape, scatter)
    }
}

/// Where an even course would be.
fn even(place: usize) -> f64 {
    place as f64 / PLACES as f64
}

/// How a run went through a stage; `None` where it did not tell.
fn shape_of(stage: &StageRun) -> Option<Shape> {
    let told = stage.seconds > 0.0 && stage.course.len() > 1;
    told.then(|| std::array::from_fn(|place| seconds_at(stage, place as f64 / PLACES as f64) / stage.seconds))
}

/// Seconds since the stage began when so much of its work was done, between the points that are known.
fn seconds_at(stage: &StageRun, done: f64) -> f64 {
    let after = stage.course.partition_point(|(share, _)| *share < done);
    let (x0, y0) = if after == 0 { (0.0, 0.0) } else { stage.course[after - 1] };
    let (x1, y1) = stage.course.get(after).copied().unwrap_or((1.0, stage.seconds));
    let y = if x1 > x0 { y0 + (y1 - y0) * (done - x0) / (x1 - x0) } else { y1 };
    y.clamp(0.0, stage.seconds)
}
