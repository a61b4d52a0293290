//! History of a kind: baselines from its recent successful runs.

use std::ops::Range;

use crate::{
    Gaps,
    baseline::{Baseline, Coupling, StageBaseline},
    rhythm::Lengths,
    weighted_fit::{Line, spread_of},
};

/// Maximum number of runs in a history; the newest are used.
pub const RUNS: usize = 20;
/// Prior variance of the coupling of a stage to the stages before it. The prior coupling is 1: a stage is as fast or
/// slow as they are.
const COUPLING_VARIANCE: f64 = 0.25;

/// A successful run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The stages in order; one for a kind without stages.
    pub stages: Vec<StageRun>,
    /// The usual gap, seconds; see [`crate::Gaps::usual`].
    pub usual_gap: f64,
    /// The rhythm, if it was regular; see [`crate::Rhythm::lengths`].
    pub rhythm: Option<Lengths>,
}

/// One stage of a run.
#[derive(Clone, Debug, Default)]
pub struct StageRun {
    /// Duration, seconds.
    pub seconds: f64,
    /// Amount of work, in the task's unit; `None` if it was not reported.
    pub work: Option<f64>,
    /// Progress in ascending order: share of the work done (0 to 1), and seconds since the start of the stage.
    pub points: Vec<(f64, f64)>,
}

/// The common properties of the runs of a kind.
#[derive(Clone, Debug)]
pub struct History {
    stages: Vec<StageBaseline>,
    /// Standard deviation of the logarithm of the duration around its prediction.
    spread: f64,
    /// Coupling of each stage to the stages before it.
    couplings: Vec<Coupling>,
    usual_gap: f64,
    rhythm: Option<Lengths>,
    /// Durations of the runs in ascending order, seconds.
    totals: Vec<f64>,
}

impl History {
    /// Learns from runs, newest first; `None` if no run has `stages` stages.
    pub fn learn(stages: usize, runs: &[Run]) -> Option<Self> {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.stages.len() == stages).take(RUNS).collect();
        if runs.is_empty() || stages == 0 {
            return None;
        }
        let mut totals: Vec<f64> = runs.iter().map(|run| run.seconds()).collect();
        totals.sort_unstable_by(f64::total_cmp);
        let usual_gap = median(runs.iter().map(|run| run.usual_gap).collect());
        let rhythms: Vec<Lengths> = runs.iter().filter_map(|run| run.rhythm).collect();
        // The kind has a rhythm only if most of its runs had one.
        let rhythm = (2 * rhythms.len() > runs.len()).then(|| Lengths {
            burst: median(rhythms.iter().map(|lengths| lengths.burst).collect()),
            pause: median(rhythms.iter().map(|lengths| lengths.pause).collect()),
        });
        // Nothing is learned from a stall: it is an accident.
        let runs: Vec<Run> = runs.into_iter().map(Run::without_stalls).collect();
        let stages: Vec<_> = (0..stages).map(|index| StageBaseline::learn(index, &runs, rhythm.is_none())).collect();
        let mut history = Self { stages, spread: 0.0, couplings: Vec::new(), usual_gap, rhythm, totals };
        let count = history.stages();
        history.couplings = (0..count).map(|stage| history.coupling(stage, &runs)).collect();
        history.spread = spread_of(runs.iter().map(|run| history.residual(run, 0..count)));
        Some(history)
    }

    /// Returns the number of stages.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Returns the number of runs.
    pub(crate) fn runs(&self) -> usize {
        self.totals.len()
    }

    /// Returns the usual gap of the kind, seconds.
    pub fn usual_gap(&self) -> f64 {
        self.usual_gap
    }

    /// Returns the 90th percentile of the durations, seconds; `None` with fewer than five runs.
    pub fn slow(&self) -> Option<f64> {
        let rank = (self.totals.len() * 9).div_ceil(10);
        (self.totals.len() >= 5).then(|| self.totals[rank - 1])
    }

    /// Returns the median duration, seconds.
    pub fn median_seconds(&self) -> f64 {
        self.totals[self.totals.len() / 2]
    }

    pub(crate) fn rhythm(&self) -> Option<Lengths> {
        self.rhythm
    }

    pub(crate) fn spread(&self) -> f64 {
        self.spread
    }

    /// Returns the baseline of a stage for a run with `works`, the known work of each stage.
    pub(crate) fn baseline(&self, stage: usize, works: &[Option<f64>]) -> Baseline {
        self.stages[stage].for_larger(self.larger_in(stage, works), self.couplings[stage])
    }

    /// Returns by how much the run is larger than usual in a stage, as a logarithm. A stage without known work is
    /// assumed to be larger by as much as the others.
    fn larger_in(&self, stage: usize, works: &[Option<f64>]) -> f64 {
        let baseline = &self.stages[stage];
        works[baseline.source].map_or_else(|| self.larger(works), |work| baseline.larger(work))
    }

    /// Returns by how much the run is larger than usual in the last stage with known work, as a logarithm.
    fn larger(&self, works: &[Option<f64>]) -> f64 {
        let known = works.iter().zip(&self.stages).enumerate().rev();
        known
            .filter(|(index, (_, baseline))| baseline.source == *index && baseline.is_sized())
            .find_map(|(_, (work, baseline))| work.map(|work| baseline.larger(work)))
            .unwrap_or(0.0)
    }

    /// Fits the coupling of a stage to the stages before it.
    fn coupling(&self, stage: usize, runs: &[Run]) -> Coupling {
        let residual = |run| (self.residual(run, 0..stage), self.residual(run, stage..stage + 1));
        let points: Vec<(f64, f64)> = runs.iter().map(residual).collect();
        let line = Line::fit(&points, COUPLING_VARIANCE);
        Coupling {
            follows: line.slope,
            spread: spread_of(points.iter().map(|(before, here)| here - line.slope * before)),
        }
    }

    /// Returns the logarithm of the actual over the predicted duration of these stages; 0 without stages.
    fn residual(&self, run: &Run, stages: Range<usize>) -> f64 {
        let works: Vec<_> = run.stages.iter().map(|stage| stage.work).collect();
        let predicted = |stage: usize| self.stages[stage].seconds(self.larger_in(stage, &works));
        let expected: f64 = stages.clone().map(predicted).sum();
        let took: f64 = run.stages[stages].iter().map(|stage| stage.seconds).sum();
        (took.max(1e-3) / expected.max(1e-3)).ln()
    }
}

impl Run {
    /// Returns the duration of all stages, seconds.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }

    fn without_stalls(&self) -> Self {
        Self { stages: self.stages.iter().map(StageRun::without_stalls).collect(), ..*self }
    }
}

impl StageRun {
    /// Returns the stage with each stall shortened to the usual gap.
    fn without_stalls(&self) -> Self {
        let moved = |pair: &&[(f64, f64)]| pair[1].0 > pair[0].0;
        let mut steps = self.points.clone();
        steps.dedup_by(|next, first| next.0 <= first.0);
        let mut gaps = Gaps::default();
        steps.windows(2).filter(moved).for_each(|pair| gaps.observe(pair[1].1 - pair[0].1));
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
        Self { seconds: self.seconds - lost, work: self.work, points: steps }
    }
}

/// Returns the median of at least one number.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
