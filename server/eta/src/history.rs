//! What recent successful runs of a kind teach.

use std::ops::Range;

use crate::{
    Gaps,
    rhythm::Lengths,
    usual::{Habit, Usual, UsualStage},
    weighing::{Line, spread_of},
};

/// So many runs are learned from at most; the newest count.
pub const RUNS: usize = 20;
/// A stage goes as quick or slow as those before it until runs show better: how unsure that is, as the variance of which
/// part of it.
const CARRIED: f64 = 0.25;

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
    /// How each stage goes along with those before it.
    habits: Vec<Habit>,
    usual_gap: f64,
    rhythm: Option<Lengths>,
    /// Seconds of the runs in order, for what is usual and what is slow.
    totals: Vec<f64>,
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
        let mut history = Self { stages, spread: 0.0, habits: Vec::new(), usual_gap, rhythm, totals };
        let count = history.stages();
        history.habits = (0..count).map(|stage| history.habit(stage, &runs)).collect();
        history.spread = spread_of(runs.iter().map(|run| history.missed(run, 0..count)));
        Some(history)
    }

    /// How many stages there are.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// How many runs it was learned from.
    pub(crate) fn runs(&self) -> usize {
        self.totals.len()
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
        self.stages[stage].for_larger(self.larger_in(stage, works), self.habits[stage])
    }

    /// By how much the run is larger than usual in a stage, as a logarithm: what is as much larger in one stage is taken to
    /// be so in the others.
    fn larger_in(&self, stage: usize, works: &[Option<f64>]) -> f64 {
        let usual = &self.stages[stage];
        works[usual.source].map_or_else(|| self.larger(works), |work| usual.larger(work))
    }

    /// By how much the run is larger than usual in the last stage that says so, as a logarithm.
    fn larger(&self, works: &[Option<f64>]) -> f64 {
        let known = works.iter().zip(&self.stages).enumerate().rev();
        known
            .filter(|(index, (_, usual))| usual.source == *index && usual.is_sized())
            .find_map(|(_, (work, usual))| work.map(|work| usual.larger(work)))
            .unwrap_or(0.0)
    }

    /// How a stage went along with those before it.
    fn habit(&self, stage: usize, runs: &[Run]) -> Habit {
        let missed = |run| (self.missed(run, 0..stage), self.missed(run, stage..stage + 1));
        let points: Vec<(f64, f64)> = runs.iter().map(missed).collect();
        let line = Line::through(&points, CARRIED);
        Habit { follows: line.slope, spread: spread_of(points.iter().map(|(before, here)| here - line.slope * before)) }
    }

    /// How far a run was in these stages from what is said of it, as a logarithm; 0 in none.
    fn missed(&self, run: &Run, stages: Range<usize>) -> f64 {
        let works: Vec<_> = run.stages.iter().map(|stage| stage.work).collect();
        let usual = |stage: usize| self.stages[stage].seconds(self.larger_in(stage, &works));
        let said: f64 = stages.clone().map(usual).sum();
        let took: f64 = run.stages[stages].iter().map(|stage| stage.seconds).sum();
        (took.max(1e-3) / said.max(1e-3)).ln()
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

/// The one in the middle of at least one.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
