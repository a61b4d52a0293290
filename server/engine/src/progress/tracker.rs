//! The progress tracker of an attempt: counters written by the task from any thread, read by the sampler.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use model::{Micros, Progress, Tone};
use serde_json::Value;

use crate::progress::{forecast::Forecast, rate::Rate, stages::Stages};

/// Unfinished work never shows as 100 %.
const NEARLY_DONE: f64 = 0.9999;

/// The counters of one attempt. Its value is the sum of the stripes and `base`, in wrapping arithmetic.
#[derive(Debug)]
pub(crate) struct Tracker {
    /// Sums of `advance`: each thread has its own stripe, if there are enough.
    stripes: Box<[Stripe]>,
    /// Offset that makes the sum correct after the value was set or reset.
    base: AtomicU64,
    /// Incremented by every report except `advance`, which changes the stripes.
    changes: AtomicU64,
    warnings: AtomicU64,
    reports: Mutex<Reports>,
    stages: Stages,
}

/// A counter on its own cache lines: two, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

/// Rarely reported values.
#[derive(Debug)]
struct Reports {
    stage: Option<usize>,
    /// Whether the stage was entered since the last [`Tracker::new_stage`].
    is_new: bool,
    /// The value at which this attempt began the stage.
    begin: u64,
    /// Whether the task starts over instead of continuing from an earlier attempt.
    restarted: bool,
    max: Option<u64>,
    unit: &'static str,
    message: String,
    tone: Tone,
    data: Option<Value>,
    /// Seconds spent in each completed stage.
    seconds: Vec<f64>,
    entered: Instant,
}

impl Tracker {
    pub(crate) fn new(stages: Stages) -> Self {
        let seconds = vec![0.0; stages.count()];
        Self {
            stripes: (0..stripe_count()).map(|_| Stripe::default()).collect(),
            base: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            warnings: AtomicU64::new(0),
            reports: Mutex::new(Reports {
                stage: None,
                is_new: false,
                begin: 0,
                restarted: false,
                max: None,
                unit: "",
                message: String::new(),
                tone: Tone::Info,
                data: None,
                seconds,
                entered: Instant::now(),
            }),
            stages,
        }
    }

    /// Adds to the value: one relaxed atomic add.
    pub(crate) fn advance(&self, by: u64) {
        self.stripes[own_stripe() & (self.stripes.len() - 1)].0.fetch_add(by, Relaxed);
    }

    /// Sets the value.
    pub(crate) fn set(&self, value: u64) {
        self.base.store(value.wrapping_sub(self.sum()), Relaxed);
        self.changed();
    }

    /// Sets the value that an earlier attempt reached; it does not count for the speed.
    pub(crate) fn continue_at(&self, value: u64) {
        let mut reports = self.reports();
        reports.begin = value;
        self.base.store(value.wrapping_sub(self.sum()), Relaxed);
        self.changed();
    }

    /// Enters a stage; returns `false` if there is no such stage or it is over.
    pub(crate) fn stage(&self, index: usize) -> bool {
        let mut reports = self.reports();
        if index >= self.stages.count() || reports.stage.is_some_and(|current| index < current) {
            return false;
        }
        if reports.stage == Some(index) {
            return true;
        }
        let now = Instant::now();
        reports.leave_stage(now);
        reports.stage = Some(index);
        reports.is_new = true;
        reports.begin = 0;
        reports.max = None;
        reports.unit = "";
        self.base.store(0_u64.wrapping_sub(self.sum()), Relaxed);
        self.changed();
        true
    }

    /// The work of the current stage until `now`.
    pub(crate) fn stage_work(&self, now: Instant) -> Option<StageWork> {
        let reports = self.reports();
        let index = reports.stage?;
        let here = now.saturating_duration_since(reports.entered).as_secs_f64();
        Some(StageWork {
            index,
            name: self.stages.shown(index)?.name,
            value: self.base.load(Relaxed).wrapping_add(self.sum()),
            unit: reports.unit,
            seconds: reports.seconds[index] + here,
        })
    }

    /// The current stage, at the first call since it was entered.
    pub(crate) fn new_stage(&self) -> Option<model::Stage> {
        let mut reports = self.reports();
        let is_new = std::mem::take(&mut reports.is_new);
        reports.stage.filter(|_| is_new).and_then(|index| self.stages.shown(index))
    }

    /// Sets the total of this stage.
    pub(crate) fn total(&self, total: Option<u64>, unit: &'static str) {
        let mut reports = self.reports();
        reports.max = total;
        reports.unit = unit;
        self.changed();
    }

    /// Sets the message.
    pub(crate) fn message(&self, tone: Tone, text: String) {
        let mut reports = self.reports();
        reports.message = text;
        reports.tone = tone;
        self.changed();
    }

    /// Replaces the free data.
    pub(crate) fn data(&self, data: Value) {
        self.reports().data = Some(data);
        self.changed();
    }

    /// Counts a warning.
    pub(crate) fn warn(&self) {
        self.count_warnings(1);
    }

    /// Adds the warnings of an earlier attempt.
    pub(crate) fn count_warnings(&self, warnings: u64) {
        self.warnings.fetch_add(warnings, Relaxed);
        self.changed();
    }

    /// Discards the warnings and the progress of an earlier attempt.
    pub(crate) fn start_over(&self) {
        self.warnings.store(0, Relaxed);
        self.reports().restarted = true;
        self.changed();
    }

    /// Warnings so far.
    pub(crate) fn warnings(&self) -> u64 {
        self.warnings.load(Relaxed)
    }

    /// Number of stages.
    pub(crate) fn stage_count(&self) -> usize {
        self.stages.count()
    }

    /// Seconds spent in each stage until `now`.
    pub(crate) fn stage_seconds(&self, now: Instant) -> Vec<f64> {
        let mut reports = self.reports();
        reports.leave_stage(now);
        reports.seconds.clone()
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Relaxed);
    }

    fn sum(&self) -> u64 {
        self.stripes.iter().fold(0, |sum, stripe| sum.wrapping_add(stripe.0.load(Relaxed)))
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work of one stage so far.
#[derive(Debug)]
pub(crate) struct StageWork {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) value: u64,
    pub(crate) unit: &'static str,
    pub(crate) seconds: f64,
}

impl Reports {
    fn leave_stage(&mut self, now: Instant) {
        if let Some(stage) = self.stage {
            self.seconds[stage] += now.saturating_duration_since(self.entered).as_secs_f64();
        }
        self.entered = now;
    }
}

/// The sampler's state for a tracker between two samples.
#[derive(Debug)]
pub(crate) struct Sample {
    seen: (u64, u64),
    /// The stage, and the value at its beginning.
    began: (Option<usize>, u64),
    rate: Rate,
    /// Whether `progress` still shows the point where an earlier attempt stopped.
    left: bool,
    progress: Progress,
}

impl Sample {
    /// State of a new attempt; `left` is the progress of the earlier one.
    pub(crate) fn new(now: Instant, mut left: Progress) -> Self {
        let (rate, something) = (Rate::starting_at(now, 0), left != Progress::default());
        left.slow = false;
        Self { seen: (0, 0), began: (None, 0), rate, left: something, progress: left }
    }

    /// The latest sample.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Samples the tracker; returns whether it has moved since the last sample.
    pub(crate) fn update(&mut self, tracker: &Tracker, now: Instant, at: Micros) -> bool {
        let sum = tracker.sum();
        let seen = (tracker.changes.load(Relaxed), sum);
        if seen == self.seen {
            return false;
        }
        self.seen = seen;
        let reports = tracker.reports();
        // Read again under the lock, so that value, stage and total belong together.
        let value = tracker.base.load(Relaxed).wrapping_add(tracker.sum());
        if (reports.stage, reports.begin) != self.began {
            self.began = (reports.stage, reports.begin);
            self.rate = Rate::starting_at(now, reports.begin);
        }
        self.rate.observe(now, value);
        // `None` is less than any number.
        let fraction = tracker.stages.fraction(reports.stage, value, reports.max).map(|f| f.min(NEARLY_DONE));
        let progress = &mut self.progress;
        // A resumed task needs a moment to find its place; the bar stays until then.
        let finds_its_place = self.left && !reports.restarted && value == 0 && fraction <= progress.fraction;
        if !finds_its_place {
            let known = progress.fraction.filter(|_| !self.left);
            self.left = false;
            progress.value = value;
            progress.max = reports.max;
            reports.unit.clone_into(&mut progress.unit);
            // A known fraction stays known and never falls.
            progress.fraction = if fraction > known { fraction } else { known };
            progress.stage = reports.stage.and_then(|index| tracker.stages.shown(index));
        }
        if !finds_its_place || reports.data.is_some() {
            progress.data.clone_from(&reports.data);
        }
        progress.rev += 1;
        reports.message.clone_into(&mut progress.message);
        progress.tone = reports.tone;
        progress.rate = self.rate.per_second();
        progress.warnings = tracker.warnings();
        progress.at = Some(at);
        true
    }

    /// Sets the forecast and returns whether it is news: without `with_news` of the task, only if users can see the
    /// difference.
    pub(crate) fn set_forecast(&mut self, forecast: Forecast, with_news: bool) -> bool {
        let news = !with_news && forecast.differs(&Forecast::of(&self.progress));
        if news || with_news {
            let Forecast { eta, slow, quiet_after } = forecast;
            self.progress.eta = eta;
            self.progress.slow = slow;
            self.progress.quiet_after = quiet_after;
        }
        self.progress.rev += u64::from(news);
        news
    }

    /// The last sample. A succeeded job is complete, whatever it reported.
    pub(crate) fn close(&mut self, tracker: &Tracker, now: Instant, at: Micros, succeeded: bool) {
        self.update(tracker, now, at);
        self.progress.eta = None;
        if succeeded {
            self.progress.rev += 1;
            self.progress.fraction = Some(1.0);
        }
    }
}

/// Four per core, so that threads seldom share one; a power of two, so that finding it is a mask.
fn stripe_count() -> usize {
    static COUNT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *COUNT.get_or_init(|| {
        let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        (4 * cores).next_power_of_two().clamp(4, 32)
    })
}

/// Number of this thread, in the order of first reports.
fn own_stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let own = OWN.get();
    if own != usize::MAX {
        return own;
    }
    let own = NEXT.fetch_add(1, Relaxed);
    OWN.set(own);
    own
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The progress left by an attempt that had counted 60 of 100.
    fn left() -> Progress {
        Progress { value: 60, max: Some(100), unit: "rows".to_owned(), fraction: Some(0.6), ..Progress::default() }
    }

    #[test]
    fn progress_stays_until_resumed_task_catches_up() {
        let (tracker, now) = (Tracker::new(Stages::default()), Instant::now());
        let mut sample = Sample::new(now, left());
        let mut seen = |fraction, value| {
            assert!(sample.update(&tracker, now, Micros(0)));
            assert_eq!((sample.progress().fraction, sample.progress().value), (Some(fraction), value));
        };
        tracker.count_warnings(2);
        seen(0.6, 60);
        tracker.total(Some(200), "rows");
        seen(0.6, 60);
        // It resumes from a slightly older checkpoint; the progress does not fall.
        tracker.continue_at(100);
        seen(0.5, 100);
        tracker.set(0);
        seen(0.5, 0);
    }

    #[test]
    fn restarted_task_resets_its_progress() {
        let (tracker, now) = (Tracker::new(Stages::default()), Instant::now());
        let mut sample = Sample::new(now, left());
        tracker.start_over();
        assert!(sample.update(&tracker, now, Micros(0)));
        assert_eq!((sample.progress().fraction, sample.progress().value), (None, 0));
    }

    #[test]
    fn speed_excludes_earlier_attempts() {
        let (tracker, start) = (Tracker::new(Stages::default()), Instant::now());
        let mut sample = Sample::new(start, Progress::default());
        tracker.total(Some(1_000_100), "rows");
        tracker.continue_at(1_000_000);
        for second in 0..=5 {
            let now = start + Duration::from_secs(second);
            assert!(sample.update(&tracker, now, Micros(second as i64)));
            assert_eq!(sample.progress().value, 1_000_000 + 10 * second);
            tracker.advance(10);
        }
        let rate = sample.progress().rate.expect("it has been watched for long enough");
        assert!((rate - 10.0).abs() < 1e-6, "{rate}");
    }
}
