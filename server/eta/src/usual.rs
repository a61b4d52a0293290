//! What earlier runs took for one stage, and how they went through it.

use std::f64::consts::PI;

use crate::{Run, StageRun, weighing::Line};

/// A stage's course is kept at so many places, evenly through its work.
const PLACES: usize = 32;
/// Twice the work takes twice the time, until runs of different sizes show better: how unsure that is, as the variance of the
/// slope between the logarithms of both.
const PROPORTIONAL: f64 = 0.09;
/// So few in a hundred runs of a kind take longer than what is overdue.
const OVERDUE: f64 = 5.0;
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
    /// The logarithm of its seconds over that of the work.
    line: Line,
    /// How each run went through it: the logarithm of its work, and its shape.
    shapes: Vec<(f64, Shape)>,
}

/// The share of a stage's time that has passed at each of the places, evenly through its work.
type Shape = [f64; PLACES + 1];

/// How a stage goes along with the pace of those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    /// Which part of their being quick or slow it shares, between 0 and 1.
    pub(crate) follows: f64,
    /// How much the runs differ beside that, as the standard deviation of a logarithm.
    pub(crate) spread: f64,
}

/// What is usual in one stage for as much work as a certain run has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    /// Seconds.
    pub(crate) seconds: f64,
    habit: Habit,
    shape: Shape,
    /// How much the runs differ in that, as standard deviations.
    scatter: Shape,
}

impl Usual {
    /// Before anything is known.
    pub(crate) const UNKNOWN: Self = Self {
        seconds: 0.0,
        habit: Habit { follows: 1.0, spread: 0.0 },
        shape: [0.0; PLACES + 1],
        scatter: [0.0; PLACES + 1],
    };

    /// Seconds for all of it after stages that went at `speed`.
    pub(crate) fn after(&self, speed: f64) -> f64 {
        self.seconds / speed.powf(self.habit.follows)
    }

    /// How much that may be off, seconds: the standard deviation.
    pub(crate) fn surprise(&self, speed: f64) -> f64 {
        self.after(speed) * self.habit.spread
    }

    /// Seconds into the stage when `done` of it is done, 0 to 1.
    pub(crate) fn until(&self, done: f64) -> f64 {
        between(&self.shape, done) * self.seconds
    }

    /// Seconds that are still to come when it has taken `inside`, so that a share `chance` of such runs is done by then. Its
    /// time is taken for log-logistic, whose median and spread are those of the earlier runs: what has taken longer than it
    /// ever did is expected to take the longer still.
    pub(crate) fn still(&self, inside: f64, chance: f64, speed: f64) -> f64 {
        let usual = self.after(speed).max(1e-3);
        let scale = usual.max(inside);
        let [usual, taken] = [usual, inside].map(|seconds| (seconds / scale).powf(self.steepness()));
        scale * ((usual + taken) / (1.0 - chance) - usual).powf(1.0 / self.steepness()) - inside
    }

    /// Whether hardly any run takes longer than `inside`.
    pub(crate) fn is_overdue(&self, inside: f64, speed: f64) -> bool {
        let late = (100.0 / OVERDUE - 1.0).powf(1.0 / self.steepness());
        inside > self.after(speed) * late
    }

    /// That of a log-logistic distribution with the same spread.
    fn steepness(&self) -> f64 {
        PI / (3.0_f64.sqrt() * self.habit.spread)
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
        let mut line = Line::through(&points, PROPORTIONAL);
        if known.is_none() {
            line.slope = 0.0;
        }
        let shapes =
            points.iter().zip(runs).filter_map(|((size, _), run)| Some((*size, shape_of(&run.stages[index])?)));
        Self { source, line, shapes: shapes.filter(|_| bends).collect() }
    }

    /// What is usual in it for a run that is so much larger.
    pub(crate) fn seconds(&self, larger: f64) -> f64 {
        self.line.at(self.line.middle.0 + larger).exp()
    }

    /// By how much a run with so much work is larger than usual, as a logarithm.
    pub(crate) fn larger(&self, work: f64) -> f64 {
        work.max(1.0).ln() - self.line.middle.0
    }

    /// What is usual in it for a run that is so much larger, and has that `habit`.
    pub(crate) fn for_larger(&self, larger: f64, habit: Habit) -> Usual {
        let (shape, scatter) = self.shape(larger);
        Usual { seconds: self.seconds(larger), habit, shape, scatter }
    }

    /// Whether the runs said how much there was to do in it.
    pub(crate) fn is_sized(&self) -> bool {
        self.line.middle.0 > 0.0
    }

    /// The mean shape of the runs, in which those count most that were about as large; drawn towards an even one as far
    /// as its bends may be chance. And how much the runs differ.
    fn shape(&self, larger: f64) -> (Shape, Shape) {
        let size = self.line.middle.0 + larger;
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
    told.then(|| std::array::from_fn(|place| seconds_at(stage, even(place)) / stage.seconds))
}

/// Seconds since the stage began when so much of its work was done, between the points that are known.
fn seconds_at(stage: &StageRun, done: f64) -> f64 {
    let after = stage.course.partition_point(|(share, _)| *share < done);
    let (x0, y0) = if after == 0 { (0.0, 0.0) } else { stage.course[after - 1] };
    let (x1, y1) = stage.course.get(after).copied().unwrap_or((1.0, stage.seconds));
    let y = if x1 > x0 { y0 + (y1 - y0) * (done - x0) / (x1 - x0) } else { y1 };
    y.clamp(0.0, stage.seconds)
}
