//! Forecast of a running attempt: its progress curve and the estimated time left.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eta::{Estimator, Sample};
use model::{Eta, Progress};

use crate::{
    progress::kind_history::{HistoryLookup, KindHistory},
    types::curve::{Curve, Recorder, done},
};

/// Shorter attempts have no forecast.
pub(crate) const BEGINS: Duration = Duration::from_secs(1);
/// Time between two estimates of a job that moves …
const MOVING: Duration = Duration::from_secs(1);
/// … and of a job that does not.
const RESTING: Duration = Duration::from_secs(2);
/// Longest wait for the newest history of the kind; after that the cached one is used.
const WAIT: Duration = Duration::from_secs(4);
/// Time between two saves of the curve.
const SAVE: Duration = Duration::from_secs(10);
/// Smallest visible change, as a part of the range.
const SEEN: f64 = 0.1;

/// The forecast of one attempt: its progress curve and its estimator.
#[derive(Debug)]
pub(crate) struct RunForecast {
    recorder: Recorder,
    stages: usize,
    began: Instant,
    /// Seconds of work that earlier attempts have done and this one continues.
    earlier_work: f64,
    estimator: Option<Box<Estimator>>,
    kind_history: Arc<KindHistory>,
    /// The input of the job.
    input: Arc<str>,
    looked_at: Option<Instant>,
    /// Whether the progress has moved since then.
    moved: bool,
    saved_at: Instant,
    unsaved: bool,
}

/// The estimated time left, as shown to users.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Forecast {
    pub(crate) eta: Option<Eta>,
    pub(crate) slow: bool,
    pub(crate) quiet_after: Option<f64>,
}

impl RunForecast {
    /// A forecast for an attempt with `stages` stages and this input that started at `began` and continues
    /// `earlier_work` seconds of work.
    pub(crate) fn new(stages: usize, began: Instant, earlier_work: f64, input: Arc<str>, now: Instant) -> Self {
        Self {
            recorder: Recorder::new(stages, now.saturating_duration_since(began).as_secs_f64()),
            stages,
            began,
            earlier_work,
            estimator: None,
            kind_history: Arc::default(),
            input,
            looked_at: None,
            moved: false,
            saved_at: now,
            unsaved: false,
        }
    }

    /// Adds a sample of the progress. `news` is whether it moved.
    pub(crate) fn observe(&mut self, progress: &Progress, news: bool, now: Instant) {
        if news || self.recorder.is_empty() {
            self.recorder.observe(self.seconds(now), progress);
            self.moved = true;
            self.unsaved = true;
        }
    }

    /// Estimates the time left, if a new estimate is due. Calls `lookup` for the history of the kind until it is up to
    /// date.
    pub(crate) fn forecast(
        &mut self,
        progress: &Progress,
        now: Instant,
        lookup: impl FnOnce() -> HistoryLookup,
    ) -> Option<Forecast> {
        let pause = if self.moved { MOVING } else { RESTING };
        if self.looked_at.is_some_and(|looked| now.saturating_duration_since(looked) < pause) {
            return None;
        }
        self.looked_at = Some(now);
        self.moved = false;
        if self.estimator.is_none() {
            let HistoryLookup { kind_history, stale } = lookup();
            if stale && now.saturating_duration_since(self.began) < WAIT {
                return None;
            }
            self.kind_history = kind_history;
            self.estimator = Some(Box::new(Estimator::new(self.stages, self.kind_history.history.clone())));
        }
        let seconds = self.seconds(now);
        let estimator = self.estimator.as_mut()?;
        estimator.observe(Sample {
            seconds,
            stage: progress.stage.as_ref().map_or(0, |stage| stage.index as usize),
            done: done(progress),
            work: progress.max.map(|max| max as f64),
            fraction: progress.fraction,
        });
        // Without a total, only runs with the same input show how long the stage takes.
        let known = done(progress).is_some() || self.kind_history.knows(&self.input);
        let estimate = estimator.estimate(seconds).filter(|_| known);
        let slow = self.kind_history.history.as_ref().and_then(|history| history.slow());
        Some(Forecast {
            eta: estimate.map(|estimate| Eta { low: tenths(estimate.low), high: tenths(estimate.high) }),
            slow: slow.is_some_and(|slow| self.earlier_work + seconds > slow),
            quiet_after: self.kind_history.quiet_after,
        })
    }

    /// The curve, if it is due to be saved.
    pub(crate) fn due_curve(&mut self, now: Instant) -> Option<Curve> {
        let rested = now.saturating_duration_since(self.saved_at) >= SAVE;
        (self.unsaved && rested).then(|| {
            self.saved_at = now;
            self.unsaved = false;
            self.recorder.curve()
        })
    }

    /// The curve so far.
    pub(crate) fn curve(&self) -> Curve {
        self.recorder.curve()
    }

    fn seconds(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.began).as_secs_f64()
    }
}

impl Forecast {
    /// The forecast that `progress` shows already.
    pub(crate) const fn of(progress: &Progress) -> Self {
        Self { eta: progress.eta, slow: progress.slow, quiet_after: progress.quiet_after }
    }

    /// Whether users can see the difference to `other`.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let far = |a: f64, b: f64| (a - b).abs() > SEEN * a.max(b).max(1.0);
        let ranges = match (self.eta, other.eta) {
            (Some(a), Some(b)) => far(a.low, b.low) || far(a.high, b.high),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        ranges || self.slow != other.slow || self.quiet_after != other.quiet_after
    }
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PastRun;

    /// The forecast after 10 s in a stage without a total, after five runs of 60 s with the input `{}`.
    fn forecast_after_10_s(input: &str, earlier_work: f64) -> Forecast {
        let run =
            PastRun { seconds: 60.0, stage_seconds: vec![60.0], input: Some("{}".to_owned()), ..PastRun::default() };
        let kind_history = Arc::new(KindHistory::of(1, &vec![run; 5]));
        let began = Instant::now();
        let now = began + Duration::from_secs(10);
        let progress = Progress { value: 3, unit: "files".to_owned(), ..Progress::default() };
        let mut run = RunForecast::new(1, began, earlier_work, input.into(), began);
        run.observe(&progress, true, now);
        run.forecast(&progress, now, || HistoryLookup { kind_history, stale: false }).expect("it is due")
    }

    #[test]
    fn stage_without_total_has_a_range_only_for_a_known_input() {
        assert!(forecast_after_10_s("{}", 0.0).eta.is_some_and(|eta| eta.low < 50.0 && 50.0 < eta.high));
        assert_eq!(forecast_after_10_s(r#"{"seconds":600}"#, 0.0).eta, None);
    }

    #[test]
    fn resumed_attempt_is_slow_by_the_work_time_of_the_job() {
        assert!(!forecast_after_10_s("{}", 0.0).slow);
        assert!(forecast_after_10_s("{}", 100.0).slow);
    }
}
