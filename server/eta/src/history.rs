//! What recent successful runs of a kind teach.

use crate::{Gaps, rhythm::Lengths};

/// So many runs are learned from at most; the newest count.
pub const RUNS: usize = 20;
/// What a run counts for, as a share of what the one after it does: machines, disks and data change.
const KEPT: f64 = 0.7;
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
/// However alike the runs were, the next one may differ by so much, as a standard deviation of the logarithm …
const LEAST_SPREAD: f64 = 0.04;
/// … and so much is assumed before any show it, as if so many had.
const ASSUMED_SPREAD: f64 = 0.4;
const DOUBT: f64 = 4.0;

/// One run that succeeded.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its stages, in order; one for a kind without stages.
    pub stages: Vec<StageRun>,
    /// The silence it was used to, seconds; see [`crate::Gaps::usual`].
    pub usual_gap: f64,
    /// Its rhythm, if it had one; see [`crate::Rhythm::lengths`].
    pub rhythm: Option<Lengths>,
}

/// One stage of a run.
#[derive(Clone, Debug, Default)]
pub struct StageRun {
    /// How long it took, seconds.
    pub seconds: f64,
    /// How much there was to do, in the task's unit; `None` where it did not say.
    pub work: Option<f64>,
    /// Places on its way, rising: share of its work done (0 to 1), seconds since the stage began.
    pub course: Vec<(f64, f64)>,
}

/// What the runs of a kind have in common.
#[derive(Clone, Debug)]
pub struct History {
    stages: Vec<UsualStage>,
    /// How much the runs differ from what is said of them, as the standard deviation of a logarithm.
    spread: f64,
    usual_gap: f64,
    rhythm: Option<Lengths>,
    /// Seconds of the runs in order, for what is usual and what is slow.
    totals: Vec<f64>,
}

#[derive(Clone, Debug)]
struct UsualStage {
    /// The stage whose work its time goes with: itself, or one before it.
    source: usize,
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
    shape: Shape,
    /// How much the runs differ in that, as standard deviations.
    scatter: Shape,
}

impl Usual {
    /// Before anything is known.
    pub(crate) const UNKNOWN: Self = Self { seconds: 0.0, shape: [0.0; PLACES + 1], scatter: [0.0; PLACES + 1] };

    /// Seconds into the stage when `done` of it is done, 0 to 1.
    pub(crate) fn until(&self, done: f64) -> f64 {
        between(&self.shape, done) * self.seconds
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

impl History {
    /// Learns from runs, newest first; `None` without any that has `stages` stages.
    pub fn learn(stages: usize, runs: &[Run]) -> Option<Self> {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.stages.len() == stages).take(RUNS).collect();
        if runs.is_empty() || stages == 0 {
            return None;
        }
        let mut totals: Vec<f64> = runs.iter().map(|run| run.seconds()).collect();
        totals.sort_unstable_by(f64::total_cmp);
        let usual_gap = median(runs.iter().map(|run| run.usual_gap).collect());
        let rhythms: Vec<Lengths> = runs.iter().filter_map(|run| run.rhythm).collect();
        // What only a few of them had is no habit of the kind.
        let rhythm = (2 * rhythms.len() > runs.len()).then(|| Lengths {
            burst: median(rhythms.iter().map(|lengths| lengths.burst).collect()),
            pause: median(rhythms.iter().map(|lengths| lengths.pause).collect()),
        });
        // A stall is an accident and no habit: nothing is learned from it.
        let runs: Vec<Run> = runs.into_iter().map(Run::without_stalls).collect();
        let stages: Vec<_> = (0..stages).map(|index| UsualStage::learn(index, &runs, rhythm.is_none())).collect();
        let mut history = Self { stages, spread: ASSUMED_SPREAD, usual_gap, rhythm, totals };
        let missed: f64 = runs.iter().zip(weights()).map(|(run, weight)| weight * history.missed(run).powi(2)).sum();
        // Two numbers were fitted for each stage; and a few runs that are alike by chance do not mean that all are.
        let free = (weight_of(runs.len()) - 2.0).max(0.0);
        history.spread = ((missed + DOUBT * ASSUMED_SPREAD.powi(2)) / (free + DOUBT)).sqrt().max(LEAST_SPREAD);
        Some(history)
    }

    /// How many stages there are.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// The silence that runs of the kind are used to, seconds.
    pub fn usual_gap(&self) -> f64 {
        self.usual_gap
    }

    /// Seconds that only a tenth of the runs took longer than; `None` with fewer than five runs.
    pub fn slow(&self) -> Option<f64> {
        let rank = (self.totals.len() * 9).div_ceil(10);
        (self.totals.len() >= 5).then(|| self.totals[rank - 1])
    }

    /// Half the runs took longer, seconds.
    pub fn usual(&self) -> f64 {
        self.totals[self.totals.len() / 2]
    }

    pub(crate) fn rhythm(&self) -> Option<Lengths> {
        self.rhythm
    }

    pub(crate) fn spread(&self) -> f64 {
        self.spread
    }

    /// What is usual in a stage for a run whose work is `works`, by stage, as far as it is known.
    pub(crate) fn usual_of(&self, stage: usize, works: &[Option<f64>]) -> Usual {
        let usual = &self.stages[stage];
        // What is as much larger in one stage is taken to be so in the others.
        let larger = works[usual.source].map_or_else(|| self.larger(works), |work| usual.larger(work));
        let (shape, scatter) = usual.shape(larger);
        Usual { seconds: (usual.level + usual.slope * larger).exp(), shape, scatter }
    }

    /// By how much the run is larger than usual in the last stage that says so, as a logarithm.
    fn larger(&self, works: &[Option<f64>]) -> f64 {
        let known = works.iter().zip(&self.stages).enumerate().rev();
        known
            .filter(|(index, (_, usual))| usual.source == *index && usual.size > 0.0)
            .find_map(|(_, (work, usual))| work.map(|work| usual.larger(work)))
            .unwrap_or(0.0)
    }

    /// How far a run was from what is said of it, as a logarithm.
    fn missed(&self, run: &Run) -> f64 {
        let works: Vec<_> = run.stages.iter().map(|stage| stage.work).collect();
        let said: f64 = (0..self.stages.len()).map(|stage| self.usual_of(stage, &works).seconds).sum();
        (run.seconds().max(1e-3) / said.max(1e-3)).ln()
    }
}

impl Run {
    /// Seconds in all its stages.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }

    fn without_stalls(&self) -> Self {
        Self { stages: self.stages.iter().map(StageRun::without_stalls).collect(), ..*self }
    }
}

impl StageRun {
    /// The same, as if each stall had lasted no longer than a usual step.
    fn without_stalls(&self) -> Self {
        let moved = |pair: &&[(f64, f64)]| pair[1].0 > pair[0].0;
        let mut steps = self.course.clone();
        steps.dedup_by(|next, first| next.0 <= first.0);
        let mut gaps = Gaps::default();
        steps.windows(2).filter(moved).for_each(|pair| gaps.saw(pair[1].1 - pair[0].1));
        let most = gaps.stall_after(0.0);
        let (mut lost, mut before) = (0.0, None);
        for (_, seconds) in &mut steps {
            let step = before.map_or(0.0, |before| *seconds - before);
            before = Some(*seconds);
            if step > most {
                lost += step - gaps.usual();
            }
            *seconds -= lost;
        }
        Self { seconds: self.seconds - lost, work: self.work, course: steps }
    }
}

impl UsualStage {
    /// From the stage of that index in the runs, whose course `bends` or is even, but for a rhythm.
    fn learn(index: usize, runs: &[Run], bends: bool) -> Self {
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

    /// By how much a run with so much work is larger than usual, as a logarithm.
    fn larger(&self, work: f64) -> f64 {
        work.max(1.0).ln() - self.size
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

/// What runs count for, newest first.
fn weights() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |weight| Some(weight * KEPT))
}

/// What so many runs count for together.
fn weight_of(runs: usize) -> f64 {
    weights().take(runs).sum()
}

/// The one in the middle of at least one.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
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
