//! Estimator of the time left of one run.

use std::sync::Arc;

use crate::{
    History,
    baseline::Baseline,
    pace::{Pace, PaceEstimate},
};

/// No estimate is shown before this number of steps, unless as many earlier runs are known …
const MIN_STEPS: usize = 3;
/// … and before this many seconds.
const MIN_SECONDS: f64 = 5.0;
/// Maximum ratio of the ends of a useful range …
const MAX_RATIO: f64 = 4.0;
/// … unless its end is nearer than this, seconds.
const NEAR: f64 = 10.0;
/// Width of the range on either side, standard deviations.
const DEVIATIONS: f64 = 1.5;
/// Standard deviation of the logarithm of the pace that is left, relative to the pace so far: without and with history.
const DRIFT: (f64, f64) = (0.15, 0.04);
/// Relative error of an unknown pace.
const NO_PACE: f64 = 1.0;

/// One observation of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Seconds since the start; never decreases.
    pub seconds: f64,
    /// The present stage, from 0; 0 for a run without stages.
    pub stage: usize,
    /// Done share of the stage, 0 to 1; `None` if its total is not known.
    pub done: Option<f64>,
    /// Amount of work in the stage, in the task's unit.
    pub work: Option<f64>,
    /// Done share of the whole run, 0 to 1.
    pub fraction: Option<f64>,
}

/// Estimated seconds left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The optimistic end of the range.
    pub low: f64,
    /// The most likely value.
    pub likely: f64,
    /// The pessimistic end of the range.
    pub high: f64,
}

/// Estimates the time left of one run from its samples.
#[derive(Clone, Debug)]
pub struct Estimator {
    history: Option<Arc<History>>,
    pace: Pace,
    /// The work of each stage, as far as it was reported.
    works: Vec<Option<f64>>,
    /// The baseline of each stage for this work.
    baselines: Vec<Baseline>,
    sample: Sample,
    /// Start of the present stage, seconds.
    entered: f64,
    /// The position in baseline seconds, or without history as a fraction.
    position: f64,
    moved_at: f64,
    steps: u32,
    begun: bool,
}

impl Estimator {
    /// Creates an estimator of a run with `stages` stages (at least 1).
    pub fn new(stages: usize, history: Option<Arc<History>>) -> Self {
        let history = history.filter(|history| history.stages() == stages.max(1));
        let gap = history.as_ref().map_or(0.0, |history| history.usual_gap());
        let rhythm = history.as_ref().and_then(|history| history.rhythm());
        let mut new = Self {
            history,
            pace: Pace::new(gap, rhythm),
            works: vec![None; stages.max(1)],
            baselines: vec![Baseline::UNKNOWN; stages.max(1)],
            sample: Sample::default(),
            entered: 0.0,
            position: 0.0,
            moved_at: 0.0,
            steps: 0,
            begun: false,
        };
        new.update_baselines();
        new
    }

    /// Recomputes the baselines for the work that is known.
    fn update_baselines(&mut self) {
        if let Some(history) = &self.history {
            for (stage, baseline) in self.baselines.iter_mut().enumerate() {
                *baseline = history.baseline(stage, &self.works);
            }
        }
    }

    /// Records a sample. Call it also when the run has not moved.
    pub fn observe(&mut self, sample: Sample) {
        let stage = sample.stage.min(self.works.len() - 1);
        let sample = Sample { stage, ..sample };
        let new_stage = !self.begun || stage != self.sample.stage;
        if new_stage && self.begun && self.history.is_none() {
            // Without history, the pace of one stage has no bearing on the next.
            self.pace = Pace::new(0.0, None);
        }
        if new_stage {
            self.entered = sample.seconds;
        }
        let before = self.works[stage];
        let resized = sample.work != before;
        if resized {
            self.works[stage] = sample.work;
            self.update_baselines();
        }
        // If the total grows, the done share shrinks. In another stage, or with a new kind of total, the change is not
        // a step.
        let rebased = new_stage || before.is_some() != sample.work.is_some();
        if let (Some(before), Some(work), Some(done), false) = (before, sample.work, self.sample.done, rebased)
            && resized
            && self.history.is_some()
        {
            let done = Some((done * before / work.max(1.0)).min(1.0));
            self.position = self.position_of(&Sample { done, ..sample }).unwrap_or(self.position);
        }
        self.sample = sample;
        self.begun = true;
        let Some(position) = self.position_of(&sample) else { return };
        if rebased || position < self.position {
            self.position = position;
            self.moved_at = sample.seconds;
        } else if position > self.position {
            self.pace.observe(position - self.position, sample.seconds - self.moved_at);
            self.position = position;
            self.moved_at = sample.seconds;
            self.steps = self.steps.saturating_add(1);
        }
    }

    /// Returns the range to show at `now`, seconds since the start. Returns `None` while it would be useless: before
    /// five seconds, before three steps without three earlier runs, in a stall that is longer than the time left, in a
    /// stage without progress that is overdue, and if its end is more than four times its beginning.
    pub fn estimate(&self, now: f64) -> Option<Estimate> {
        // Earlier runs are as informative as steps.
        let earlier = self.history.as_ref().map_or(0, |history| history.runs());
        if earlier.max(self.steps as usize) < MIN_STEPS || now < MIN_SECONDS {
            return None;
        }
        let estimate = self.raw_estimate(now)?;
        let silence = self.silence(now);
        let stalled = silence > self.pace.stall_after() && silence > estimate.low.max(NEAR);
        let wide = estimate.high > MAX_RATIO * estimate.low && estimate.high > NEAR;
        (!stalled && !wide && !self.is_overdue(now)).then_some(estimate)
    }

    /// Returns the range even if it is too wide to be useful; `None` without any information.
    pub fn raw_estimate(&self, now: f64) -> Option<Estimate> {
        let pace = self.pace.estimate(self.silence(now));
        let (left, variance) = match &self.history {
            Some(history) => self.with_history(history, pace, now),
            None => self.without_history(pace?)?,
        };
        let silence = self.silence(now);
        let stall_after = self.pace.stall_after();
        // Work continues during a usual gap. A stall is expected to last as long again.
        let likely = (left - silence.min(stall_after)).max(0.05 * left) + (silence - stall_after).max(0.0);
        let width = (DEVIATIONS * variance.sqrt()).exp();
        let low = (left - silence.min(stall_after)).max(0.0).min(likely) / width;
        Some(Estimate { low, likely, high: likely * width + (silence - stall_after).max(0.0) })
    }

    /// Returns the seconds since the last step, if the stage reports progress; else 0.
    fn silence(&self, now: f64) -> f64 {
        if self.position_of(&self.sample).is_some() { (now - self.moved_at).max(0.0) } else { 0.0 }
    }

    /// Returns the position of a sample in baseline seconds, or as a fraction.
    fn position_of(&self, sample: &Sample) -> Option<f64> {
        match &self.history {
            Some(_) => sample
                .done
                .map(|done| self.baseline_before(sample.stage) + self.baselines[sample.stage].elapsed_at(done)),
            None => sample.done.and(sample.fraction),
        }
    }

    /// Returns the baseline seconds before a stage.
    fn baseline_before(&self, stage: usize) -> f64 {
        self.baselines[..stage].iter().map(|baseline| baseline.seconds).sum()
    }

    /// Returns the seconds left and the variance of their logarithm, from the pace alone.
    fn without_history(&self, pace: PaceEstimate) -> Option<(f64, f64)> {
        let left = pace.until(1.0 - self.sample.fraction?);
        let error = pace.error.unwrap_or(NO_PACE).powi(2);
        let share = left / (left + pace.seconds);
        Some((left, error * (1.0 + left / pace.seconds) + DRIFT.0.powi(2) * share))
    }

    /// Returns the same from the pace and earlier runs, each weighted by its error.
    fn with_history(&self, history: &History, pace: Option<PaceEstimate>, now: f64) -> (f64, f64) {
        let expected = history.spread().powi(2);
        let Some(reached) = self.position_of(&self.sample) else { return self.without_progress(expected, pace, now) };
        let here = self.baseline_before(self.sample.stage + 1) - reached;
        let (after, stage_variance) = self.later_stages(1.0);
        let Some(pace) = pace else { return (here + after, expected + DRIFT.1.powi(2)) };
        let left = here + after;
        let share = left / (left + pace.gained);
        let (speed, known) = combined(expected, &pace, share);
        let rest = pace.error.unwrap_or(0.0).powi(2) * left / pace.gained.max(1e-3);
        let differ = self.sample.done.map_or(0.0, |done| self.baselines[self.sample.stage].scatter(done)).powi(2);
        let variance = known + rest + (differ + stage_variance) / left.powi(2).max(1e-6) + DRIFT.1.powi(2) * share;
        (pace.until(here) * pace.speed / speed + self.later_stages(speed).0, variance)
    }

    /// Returns the same in a stage that does not report progress, from the durations in earlier runs.
    fn without_progress(&self, expected: f64, pace: Option<PaceEstimate>, now: f64) -> (f64, f64) {
        let (speed, known) = self.speed(expected, pace);
        let (after, stage_variance) = self.later_stages(speed);
        let baseline = &self.baselines[self.sample.stage];
        // One standard deviation on either side of the median.
        let [low, middle, high] =
            [0.16, 0.5, 0.84].map(|chance| baseline.remaining(self.stage_seconds(now), chance, speed) + after);
        let left = middle.max(1e-3);
        (left, ((high / low.max(1e-3)).ln() / 2.0).powi(2) + (known * after.powi(2) + stage_variance) / left.powi(2))
    }

    /// Returns the pace before a stage that does not report progress, and the variance of its logarithm.
    fn speed(&self, expected: f64, pace: Option<PaceEstimate>) -> (f64, f64) {
        let ahead = self.baseline_before(self.baselines.len()) - self.baseline_before(self.sample.stage);
        pace.map_or((1.0, expected), |pace| combined(expected, &pace, ahead / (ahead + pace.gained)))
    }

    /// Returns the expected seconds of the later stages at `speed`, and their variance.
    fn later_stages(&self, speed: f64) -> (f64, f64) {
        let later = &self.baselines[self.sample.stage + 1..];
        (
            later.iter().map(|baseline| baseline.expected(speed)).sum(),
            later.iter().map(|baseline| baseline.deviation(speed).powi(2)).sum(),
        )
    }

    /// Returns the seconds since the start of the present stage.
    fn stage_seconds(&self, now: f64) -> f64 {
        (now - self.entered).max(0.0)
    }

    /// Returns whether a stage that does not report progress takes far longer than in earlier runs.
    fn is_overdue(&self, now: f64) -> bool {
        let inside = self.stage_seconds(now);
        let (Some(history), None) = (&self.history, self.position_of(&self.sample)) else { return false };
        if inside <= NEAR {
            return false;
        }
        let (speed, _) = self.speed(history.spread().powi(2), self.pace.estimate(0.0));
        self.baselines[self.sample.stage].is_overdue(inside, speed)
    }
}

/// Combines the pace of the run with the pace 1 of earlier runs, for the `share` of the run that is left. `expected` is
/// the variance among earlier runs. Returns the pace and the variance of its logarithm.
fn combined(expected: f64, pace: &PaceEstimate, share: f64) -> (f64, f64) {
    let seen = pace.error.unwrap_or(NO_PACE).powi(2) + DRIFT.1.powi(2) * share;
    let sum = expected + seen;
    ((pace.speed.ln() * expected / sum).exp(), expected * seen / sum)
}
