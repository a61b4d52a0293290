//! How long it will still take.

use std::sync::Arc;

use crate::{
    History,
    course::{Course, Pace},
    history::Usual,
};

/// No estimate is shown before so many steps forward …
const STEPS: u32 = 3;
/// … and so many seconds.
const SECONDS: f64 = 5.0;
/// A range whose end is more than so many times its beginning means nothing …
const WIDEST: f64 = 4.0;
/// … unless all of it is as near as this, seconds.
const NEAR: f64 = 10.0;
/// Standard deviations of the range on either side.
const DEVIATIONS: f64 = 1.5;
/// By how much the pace of what is left may differ from that of what is done, as a standard deviation of the logarithm:
/// without history, and with it.
const DRIFT: (f64, f64) = (0.15, 0.04);
/// The error of a pace of which nothing is known yet.
const NO_PACE: f64 = 1.0;

/// What a look at a run finds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Seconds since it began, never falling.
    pub seconds: f64,
    /// The stage at work, from 0; 0 for a run without stages.
    pub stage: usize,
    /// How much of the stage is done, 0 to 1; `None` where its total is not known.
    pub done: Option<f64>,
    /// How much there is to do in the stage, in the task's unit.
    pub work: Option<f64>,
    /// How much of the whole is done, 0 to 1.
    pub fraction: Option<f64>,
}

/// Seconds left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Optimistic.
    pub low: f64,
    /// The most likely.
    pub likely: f64,
    /// Pessimistic.
    pub high: f64,
}

/// Watches one run.
#[derive(Clone, Debug)]
pub struct Estimator {
    history: Option<Arc<History>>,
    course: Course,
    /// What there is to do in each stage, as far as it was said.
    works: Vec<Option<f64>>,
    /// What earlier runs took for as much, by stage.
    usual: Vec<Usual>,
    reading: Reading,
    /// When the stage at work began.
    entered: f64,
    /// The place, in usual seconds or, without history, as a fraction; and when it was reached.
    place: f64,
    moved_at: f64,
    steps: u32,
    begun: bool,
}

impl Estimator {
    /// Nothing seen yet of a run of so many stages (at least 1).
    pub fn new(stages: usize, history: Option<Arc<History>>) -> Self {
        let history = history.filter(|history| history.stages() == stages.max(1));
        let gap = history.as_ref().map_or(0.0, |history| history.usual_gap());
        let rhythm = history.as_ref().and_then(|history| history.rhythm());
        let mut new = Self {
            history,
            course: Course::new(gap, rhythm),
            works: vec![None; stages.max(1)],
            usual: vec![Usual::UNKNOWN; stages.max(1)],
            reading: Reading::default(),
            entered: 0.0,
            place: 0.0,
            moved_at: 0.0,
            steps: 0,
            begun: false,
        };
        new.compare();
        new
    }

    /// Takes what is usual for as much work as is known of.
    fn compare(&mut self) {
        if let Some(history) = &self.history {
            for (stage, usual) in self.usual.iter_mut().enumerate() {
                *usual = history.usual_of(stage, &self.works);
            }
        }
    }

    /// Takes note of where the run is. To be called also when it has not moved.
    pub fn saw(&mut self, reading: Reading) {
        let stage = reading.stage.min(self.works.len() - 1);
        let reading = Reading { stage, ..reading };
        let elsewhere = !self.begun || stage != self.reading.stage;
        if elsewhere && self.begun && self.history.is_none() {
            // Without history nothing says that the stages go equally fast.
            self.course = Course::new(0.0, None);
        }
        if elsewhere {
            self.entered = reading.seconds;
        }
        let before = self.works[stage];
        let resized = reading.work != before;
        if resized {
            self.works[stage] = reading.work;
            self.compare();
        }
        // Where more turns up to do, what was done is less of it. Else, if it goes on elsewhere, nothing of that is a step.
        let rebased = elsewhere || before.is_some() != reading.work.is_some();
        if let (Some(before), Some(work), Some(done), false) = (before, reading.work, self.reading.done, rebased)
            && resized
            && self.history.is_some()
        {
            let done = Some((done * before / work.max(1.0)).min(1.0));
            self.place = self.place_of(&Reading { done, ..reading }).unwrap_or(self.place);
        }
        self.reading = reading;
        self.begun = true;
        let Some(place) = self.place_of(&reading) else { return };
        if rebased || place < self.place {
            self.place = place;
            self.moved_at = reading.seconds;
        } else if place > self.place {
            self.course.saw(place - self.place, reading.seconds - self.moved_at);
            self.place = place;
            self.moved_at = reading.seconds;
            self.steps = self.steps.saturating_add(1);
        }
    }

    /// The range to show `now`, seconds since the run began; `None` where it would mean nothing: before three steps and
    /// five seconds, in a stall that has become longer than what is left, and where its end is more than four times its
    /// beginning.
    pub fn estimate(&self, now: f64) -> Option<Estimate> {
        if self.steps < STEPS || now < SECONDS {
            return None;
        }
        let estimate = self.guess(now)?;
        let silence = self.silence(now);
        let lost = silence > self.course.stall_after() && silence > estimate.low.max(NEAR);
        let wide = estimate.high > WIDEST * estimate.low && estimate.high > NEAR;
        (!lost && !wide).then_some(estimate)
    }

    /// The same whether it means something or not; `None` where nothing at all is known.
    pub fn guess(&self, now: f64) -> Option<Estimate> {
        let pace = self.course.pace(self.silence(now));
        let (left, variance) = match &self.history {
            Some(history) => self.beside(history, pace, now),
            None => self.alone(pace?)?,
        };
        let silence = self.silence(now);
        let usual = self.course.stall_after();
        // Work goes on in a usual silence. A stall is taken to last once more as long as it has lasted.
        let likely = (left - silence.min(usual)).max(0.05 * left) + (silence - usual).max(0.0);
        let width = (DEVIATIONS * variance.sqrt()).exp();
        let low = (left - silence.min(usual)).max(0.0).min(likely) / width;
        Some(Estimate { low, likely, high: likely * width + (silence - usual).max(0.0) })
    }

    /// Seconds without a step, where steps can be seen.
    fn silence(&self, now: f64) -> f64 {
        if self.place_of(&self.reading).is_some() { (now - self.moved_at).max(0.0) } else { 0.0 }
    }

    /// Where a reading is, in usual seconds or as a fraction.
    fn place_of(&self, reading: &Reading) -> Option<f64> {
        match &self.history {
            Some(_) => reading.done.map(|done| self.before(reading.stage) + self.usual[reading.stage].until(done)),
            None => reading.done.and(reading.fraction),
        }
    }

    /// Usual seconds before a stage.
    fn before(&self, stage: usize) -> f64 {
        self.usual[..stage].iter().map(|usual| usual.seconds).sum()
    }

    /// Seconds left and the variance of their logarithm, by the run itself.
    fn alone(&self, pace: Pace) -> Option<(f64, f64)> {
        let left = pace.until(1.0 - self.reading.fraction?);
        let error = pace.error.unwrap_or(NO_PACE).powi(2);
        let share = left / (left + pace.seconds);
        Some((left, error * (1.0 + left / pace.seconds) + DRIFT.0.powi(2) * share))
    }

    /// The same beside earlier runs. Both say how fast usual seconds pass, each with its error.
    fn beside(&self, history: &History, pace: Option<Pace>, now: f64) -> (f64, f64) {
        let total = self.before(self.usual.len());
        let left = if let Some(reached) = self.place_of(&self.reading) {
            total - reached
        } else {
            // A stage that cannot say how far it is takes its usual time, or somewhat longer than it has taken.
            let stage = self.reading.stage;
            let usual = self.usual[stage].seconds;
            let inside = now - self.entered;
            (total - self.before(stage) - usual) + (usual - inside).max(0.2 * inside)
        };
        let differ =
            self.reading.done.map_or(0.0, |done| self.usual[self.reading.stage].scatter(done) / left.max(1e-3));
        let expected = history.spread().powi(2);
        let Some(pace) = pace else { return (left, expected + DRIFT.1.powi(2)) };
        let share = left / (left + pace.gained);
        let seen = pace.error.unwrap_or(NO_PACE).powi(2) + DRIFT.1.powi(2) * share;
        let speed = (pace.speed.ln() * expected / (expected + seen)).exp();
        let known = expected * seen / (expected + seen);
        let rest = pace.error.unwrap_or(0.0).powi(2) * left / pace.gained.max(1e-3);
        (pace.until(left) * pace.speed / speed, known + rest + differ.powi(2) + DRIFT.1.powi(2) * share)
    }
}
