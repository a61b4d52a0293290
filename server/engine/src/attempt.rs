//! A running attempt: the state that its task, the sampler and a cancel share.

pub(crate) mod artifacts;
pub(crate) mod attempt_folder;
pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod checkpoint;
pub(crate) mod ctx;
pub(crate) mod log_buffer;
pub(crate) mod run;
pub(crate) mod running;
pub(crate) mod step_log;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use model::{AnsiStyles, JobId, JobView, Level, LogLine, Micros, Progress, ProgressEvent, QUIET_AFTER};
use tokio::sync::Notify;

use crate::{
    attempt::{attempt_folder::AttemptFolder, checkpoint::Checkpoints, log_buffer::LogBuffer},
    files::disk::WriteBudget,
    progress::{
        forecast::{BEGINS, RunForecast},
        stages::Stages,
        tracker::{Sample, Tracker},
    },
    runtime::flag::Flag,
    shared::Shared,
    store::{Artifact, Claimed, Fence, LogAck, LogAppend, SMALL_INPUT},
    task::registry::Entry,
    types::curve::Curve,
};

/// A running attempt.
pub(crate) struct Attempt {
    /// The right to write for this attempt.
    pub(crate) fence: Fence,
    pub(crate) entry: Arc<Entry>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tracker: Tracker,
    /// Raised when the task should stop, and after it has ended, so that its leftover work stops too.
    pub(crate) stop: Flag,
    /// Whether a user cancelled the job.
    pub(crate) cancelled: AtomicBool,
    /// Whether the task called [`Ctx::alive`](crate::Ctx::alive) since the sampler's last round.
    pub(crate) alive: AtomicBool,
    /// The time limit that it exceeded, if it was stopped for that.
    pub(crate) timed_out: OnceLock<TimeOut>,
    began: Instant,
    /// Seconds of work that this attempt continues from a checkpoint.
    earlier_work: f64,
    /// The input of the job; empty if it is large.
    input: Arc<str>,
    /// Attempts charged to the job, with this one, and attempts granted.
    attempts: (u32, u32),
    /// Raised when the future should be dropped.
    pub(crate) dropped: Flag,
    /// Raised when nothing of the attempt runs any more.
    pub(crate) ended: Flag,
    pub(crate) blocking: Blocking,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) folder: AttemptFolder,
    pub(crate) budget: WriteBudget,
    files: Mutex<Files>,
    log: Mutex<LogBuffer>,
    watch: Mutex<Watch>,
    latest: Mutex<Option<Arc<ProgressEvent>>>,
    /// What is acknowledged to the reporter of a reported job.
    pub(crate) report_log: Option<ReportLog>,
}

/// The log of a reported attempt, as far as its reporter needs to know it.
#[derive(Debug, Default)]
pub(crate) struct ReportLog {
    /// The last entry whose lines are in the log buffer or were taken from it. Changes while the buffer is locked.
    pub(crate) logged: AtomicU64,
    /// Whether a chunk was refused: the job is hosted elsewhere, or over.
    pub(crate) fenced: Arc<AtomicBool>,
}

/// State of the sampler for one attempt. The attempt cannot end while the guard is held.
pub(crate) struct Watch {
    /// The attempt has ended: nothing more is published.
    pub(crate) closed: bool,
    /// The latest sample.
    pub(crate) sample: Sample,
    /// Time of the last save.
    pub(crate) saved_at: Option<Instant>,
    /// Whether the progress has changed since the last save.
    pub(crate) unsaved: bool,
    /// Whether it was sampled and saved between two rounds, and is to be published by the next one.
    pub(crate) unpublished: bool,
    /// Time of the task's last report, log line or [`Ctx::alive`](crate::Ctx::alive).
    pub(crate) reported_at: Instant,
    /// The forecast, once the attempt has run for a second.
    pub(crate) forecast: Option<Box<RunForecast>>,
}

/// Why a task should stop; see [`Ctx::stop_reason`](crate::Ctx::stop_reason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A user cancelled the job.
    Cancel,
    /// The attempt exceeded a time limit of its kind.
    TimeOut,
    /// The process shuts down. The job continues in the next one, from its last checkpoint.
    Shutdown,
    /// This process was silent for its lease, and another one has taken the job. Results of this attempt are discarded.
    Lost,
}

/// A time limit that an attempt has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeOut {
    /// Total duration.
    Total(Duration),
    /// Time without a report.
    Quiet(Duration),
}

/// Artifacts of an attempt.
#[derive(Default)]
pub(crate) struct Files {
    /// Names in use, finished or not.
    pub(crate) names: BTreeSet<String>,
    /// Finished artifacts.
    pub(crate) artifacts: Vec<Artifact>,
}

/// Counts blocking work in flight, and notifies when there is none.
#[derive(Debug, Default)]
pub(crate) struct Blocking {
    in_flight: AtomicU32,
    idle: Notify,
}

/// The last reports of an attempt, for the store.
pub(crate) struct Closing {
    pub(crate) progress: Progress,
    pub(crate) stage_seconds: Vec<f64>,
    pub(crate) curve: Option<Curve>,
    pub(crate) log: Option<LogAppend>,
}

impl Attempt {
    pub(crate) fn new(shared: Arc<Shared>, entry: Arc<Entry>, stages: Stages, claimed: &Claimed) -> Self {
        let now = Instant::now();
        let Fence { job, attempt, .. } = claimed.fence;
        let work = AttemptFolder::new(shared.data.work_of(job, attempt));
        let earlier_work = Micros(claimed.view.earlier_work).seconds_since(Micros(0));
        let new = Self {
            fence: claimed.fence.clone(),
            entry,
            checkpoints: Checkpoints::new(shared.checkpoint_every, work),
            folder: AttemptFolder::new(shared.data.attempt(job, attempt)),
            budget: WriteBudget::new(Arc::clone(&shared.disk), shared.write_limit),
            shared,
            tracker: Tracker::new(stages),
            stop: Flag::default(),
            cancelled: AtomicBool::new(false),
            alive: AtomicBool::new(false),
            timed_out: OnceLock::new(),
            began: now,
            earlier_work: if claimed.view.progress == Progress::default() { 0.0 } else { earlier_work },
            input: if claimed.input.len() > SMALL_INPUT { "" } else { &claimed.input }.into(),
            attempts: (claimed.charged, claimed.view.max_attempts),
            dropped: Flag::default(),
            ended: Flag::default(),
            blocking: Blocking::default(),
            files: Mutex::default(),
            log: Mutex::new(LogBuffer::new(claimed.next_line)),
            watch: Mutex::new(Watch {
                closed: false,
                sample: Sample::new(now, claimed.view.progress.clone()),
                saved_at: None,
                unsaved: false,
                unpublished: false,
                reported_at: now,
                forecast: None,
            }),
            latest: Mutex::new(None),
            report_log: None,
        };
        new.log_start(&claimed.view.title);
        new
    }

    pub(crate) fn job(&self) -> JobId {
        self.fence.job
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        // No artifact has this name: names do not begin with a dot.
        self.folder.path().join(".scratch")
    }

    /// The time limit that it has exceeded at `now`. The limit for quiet attempts counts from the time when the attempt
    /// is shown as quiet.
    pub(crate) fn overdue(&self, now: Instant, watch: &Watch) -> Option<TimeOut> {
        let info = &self.entry.info;
        let total = info.timeout.filter(|most| now.saturating_duration_since(self.began) >= *most);
        let quiet_after = watch.sample.progress().quiet_after.unwrap_or(QUIET_AFTER);
        let quiet = info.quiet_timeout.map(|most| most + Duration::from_secs_f64(quiet_after));
        let quiet = quiet.filter(|most| now.saturating_duration_since(watch.reported_at) >= *most);
        total.map(TimeOut::Total).or(quiet.map(TimeOut::Quiet))
    }

    /// Adds a sample to the forecast and updates the time left. `news` is whether the progress moved. Returns whether
    /// the forecast has changed enough to be published.
    pub(crate) fn update_forecast(&self, watch: &mut Watch, news: bool, now: Instant) -> bool {
        if now.saturating_duration_since(self.began) < BEGINS {
            return false;
        }
        let begin = || {
            Box::new(RunForecast::new(
                self.tracker.stage_count(),
                self.began,
                self.earlier_work,
                Arc::clone(&self.input),
                now,
            ))
        };
        let run = watch.forecast.get_or_insert_with(begin);
        run.observe(watch.sample.progress(), news, now);
        let forecast = run.forecast(watch.sample.progress(), now, || self.entry.history_lookup(&self.shared, now));
        forecast.is_some_and(|forecast| watch.sample.set_forecast(forecast, news))
    }

    /// The progress curve so far; `None` in the first second.
    pub(crate) fn curve(&self) -> Option<Curve> {
        self.watch().forecast.as_ref().map(|forecast| forecast.curve())
    }

    /// Time of the next attempt after a failure; `None` if no attempt is left.
    pub(crate) fn next_attempt(&self) -> Option<Micros> {
        let (charged, granted) = self.attempts;
        (charged < granted).then(|| {
            let pause = self.entry.info.backoff.pause(charged);
            Micros(self.shared.clock.now().0 + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / 2))
        })
    }

    /// Appends to the log.
    pub(crate) fn log(&self, level: Level, text: &str) {
        self.log_buffer().push(self.shared.clock.now(), level, text);
    }

    /// Appends a line with colours to the log.
    pub(crate) fn log_styled(&self, level: Level, text: &str, styles: AnsiStyles) {
        self.log_buffer().push_styled(self.shared.clock.now(), level, text, styles);
    }

    /// Appends the lines of a numbered entry of a reporter.
    pub(crate) fn log_entry(&self, number: u64, lines: impl Iterator<Item = (Micros, Level, String)>) {
        let mut log = self.log_buffer();
        lines.for_each(|(at, level, text)| log.push(at, level, &text));
        if let Some(report) = &self.report_log {
            report.logged.store(number, Ordering::Release);
        }
    }

    /// How many more lines the log takes.
    pub(crate) fn lines_left(&self) -> u64 {
        self.log_buffer().lines_left()
    }

    /// Hands the lines that wait to the store, in order with the sampler. The attempt cannot end during that.
    pub(crate) fn hand_over_lines(&self) {
        let watch = self.watch();
        if !watch.closed
            && let Some(lines) = self.new_lines()
        {
            self.shared.store.append_logs(vec![lines]);
        }
    }

    /// Samples the progress and hands it to the store, without waiting for the sampler.
    pub(crate) fn save_progress(&self) {
        let (now, at) = (Instant::now(), self.shared.clock.now());
        let mut watch = self.watch();
        if !watch.closed {
            watch.unpublished |= watch.sample.update(&self.tracker, now, at);
            self.shared.store.save_progress(vec![(self.fence.clone(), watch.sample.progress().clone())]);
        }
    }

    /// Appends a line after [`Attempt::close`], when the outcome is known.
    pub(crate) fn append_last_line(&self, closing: &mut Closing, level: Level, text: &str) {
        let at = self.shared.clock.now();
        let mut log = self.log_buffer();
        log.push(at, level, text);
        if let Some((first_line, lines)) = log.close(at) {
            let append = LogAppend { fence: self.fence.clone(), first_line, lines: Vec::new(), ack: None };
            closing.log.get_or_insert(append).lines.extend(lines);
        }
    }

    /// Log lines since the last call.
    pub(crate) fn new_lines(&self) -> Option<LogAppend> {
        let mut log = self.log_buffer();
        if log.is_empty() {
            return None;
        }
        log.drain(self.shared.clock.now()).map(|drained| self.append_of(drained))
    }

    /// Ends all reporting: later reports are dropped, and the sampler skips the attempt. `None` if it was called
    /// before: the first call took the last log lines, and no line may be numbered after them.
    pub(crate) fn close(&self, succeeded: bool) -> Option<Closing> {
        let (now, at) = (Instant::now(), self.shared.clock.now());
        let mut watch = self.watch();
        if std::mem::replace(&mut watch.closed, true) {
            return None;
        }
        watch.sample.close(&self.tracker, now, at, succeeded);
        let Watch { forecast, sample, .. } = &mut *watch;
        let curve = forecast.take().map(|mut forecast| {
            forecast.observe(sample.progress(), true, now);
            forecast.curve()
        });
        Some(Closing {
            progress: watch.sample.progress().clone(),
            curve,
            stage_seconds: self.tracker.stage_seconds(now),
            log: self.log_buffer().close(at).map(|drained| self.append_of(drained)),
        })
    }

    /// Seconds spent in each stage so far.
    pub(crate) fn stage_seconds(&self) -> Vec<f64> {
        self.tracker.stage_seconds(Instant::now())
    }

    /// Locks the state of the sampler.
    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the artifacts.
    pub(crate) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the latest published progress, for pages that are rendered now.
    pub(crate) fn published(&self, event: Arc<ProgressEvent>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
    }

    /// Updates `view` to the latest published progress.
    pub(crate) fn freshen(&self, view: &mut JobView) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(latest) = latest {
            view.apply_progress(latest.attempt, latest.progress.clone());
        }
    }

    fn log_buffer(&self) -> MutexGuard<'_, LogBuffer> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_of(&self, (first_line, lines): (u64, Vec<LogLine>)) -> LogAppend {
        let ack = self
            .report_log
            .as_ref()
            .map(|report| LogAck { acked: report.logged.load(Ordering::Acquire), fenced: Arc::clone(&report.fenced) });
        LogAppend { fence: self.fence.clone(), first_line, lines, ack }
    }
}

impl Blocking {
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Whether any is in flight.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    /// Waits until none is in flight.
    pub(crate) async fn idle(&self) {
        while self.is_busy() {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.is_busy() {
                idle.await;
            }
        }
    }
}
