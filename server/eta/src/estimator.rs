//! How long it will still take.

use std::sync::Arc;

use crate::{
    History,
    course::{Course, Pace},
    usual::Usual,
};

/// No estimate is shown before so many steps forward, unless as many earlier runs are known …
const STEPS: usize = 3;
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

    /// The range to show `now`, seconds since the run began; `None` where it would mean nothing: before five seconds, and
    /// without three steps or three earlier runs; in a stall that has become longer than what is left; in a stage that cannot
    /// say how far it is, once hardly any run takes longer; and where its end is more than four times its beginning.
    pub fn estimate(&self, now: f64) -> Option<Estimate> {
        // Earlier runs tell as much as steps.
        let earlier = self.history.as_ref().map_or(0, |history| history.runs());
        if earlier.max(self.steps as usize) < STEPS || now < SECONDS {
            return None;
        }
        let estimate = self.guess(now)?;
        let silence = self.silence(now);
        let stalled = silence > self.course.stall_after() && silence > estimate.low.max(NEAR);
        let wide = estimate.high > WIDEST * estimate.low && estimate.high > NEAR;
        (!stalled && !wide && !self.is_overdue(now)).then_some(estimate)
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
        let expected = history.spread().powi(2);
        let Some(reached) = self.place_of(&self.reading) else { return self.unseen(expected, pace, now) };
        let here = self.before(self.reading.stage + 1) - reached;
        let (after, surprise) = self.later(1.0);
        let Some(pace) = pace else { return (here + after, expected + DRIFT.1.powi(2)) };
        let left = here + after;
        let share = left / (left + pace.gained);
        let (speed, known) = blended(expected, &pace, share);
        let rest = pace.error.unwrap_or(0.0).powi(2) * left / pace.gained.max(1e-3);
        let differ = self.reading.done.map_or(0.0, |done| self.usual[self.reading.stage].scatter(done)).powi(2);
        let variance = known + rest + (differ + surprise) / left.powi(2).max(1e-6) + DRIFT.1.powi(2) * share;
        (pace.until(here) * pace.speed / speed + self.later(speed).0, variance)
    }

    /// The same in a stage that cannot say how far it is: what earlier runs took for it, and for those after it.
    fn unseen(&self, expected: f64, pace: Option<Pace>, now: f64) -> (f64, f64) {
        let (speed, known) = self.speed(expected, pace);
        let (after, surprise) = self.later(speed);
        let usual = &self.usual[self.reading.stage];
        // A standard deviation on either side of the middle.
        let [low, middle, high] = [0.16, 0.5, 0.84].map(|chance| usual.still(self.inside(now), chance, speed) + after);
        let left = middle.max(1e-3);
        (left, ((high / low.max(1e-3)).ln() / 2.0).powi(2) + (known * after.powi(2) + surprise) / left.powi(2))
    }

    /// How fast usual seconds have passed before a stage that cannot say how far it is, and the variance of the logarithm.
    fn speed(&self, expected: f64, pace: Option<Pace>) -> (f64, f64) {
        let ahead = self.before(self.usual.len()) - self.before(self.reading.stage);
        pace.map_or((1.0, expected), |pace| blended(expected, &pace, ahead / (ahead + pace.gained)))
    }

    /// Seconds that the stages still to come take where usual seconds have passed at `speed`, and the variance.
    fn later(&self, speed: f64) -> (f64, f64) {
        let later = &self.usual[self.reading.stage + 1..];
        (
            later.iter().map(|usual| usual.after(speed)).sum(),
            later.iter().map(|usual| usual.surprise(speed).powi(2)).sum(),
        )
    }

    /// Seconds in the stage at work.
    fn inside(&self, now: f64) -> f64 {
        (now - self.entered).max(0.0)
    }

    /// Whether a stage that cannot say how far it is takes so long that what earlier runs took means nothing any more.
    fn is_overdue(&self, now: f64) -> bool {
        let inside = self.inside(now);
        let (Some(history), None) = (&self.history, self.place_of(&self.reading)) else { return false };
        if inside <= NEAR {
            return false;
        }
        let (speed, _) = self.speed(history.spread().powi(2), self.course.pace(0.0));
        self.usual[self.reading.stage].is_overdue(inside, speed)
    }
}

/// How fast usual seconds pass in the `share` of a run that is left, and the variance of its logarithm: by earlier runs, which
/// were `expected` to differ so much from each other, and by its own pace.
fn blended(expected: f64, pace: &Pace, share: f64) -> (f64, f64) {
    let seen = pace.error.unwrap_or(NO_PACE).powi(2) + DRIFT.1.powi(2) * share;
    let sum = expected + seen;
    ((pace.speed.ln() * expected / sum).exp(), expected * seen / sum)
}
