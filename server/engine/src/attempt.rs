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

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
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
    store::{Artifact, Claimed, Fence, LogAppend},
    task::registry::Entry,
    types::curve::Curve,
};

/// A running attempt.
pub(crate) struct Attempt {
    /// The right to write for it.
    pub(crate) fence: Fence,
    /// Its kind.
    pub(crate) entry: Arc<Entry>,
    /// What it works with.
    pub(crate) shared: Arc<Shared>,
    /// What it reports.
    pub(crate) tracker: Tracker,
    /// Raised when the task should stop, and when it has ended, so that its stragglers stop too.
    pub(crate) stop: Flag,
    /// Whether a user asked for the stop.
    pub(crate) cancelled: AtomicBool,
    /// Whether the task called [`Ctx::alive`](crate::Ctx::alive) since the sampler's last round.
    pub(crate) alive: AtomicBool,
    /// Which of its limits in time it has passed, if it was stopped for that.
    pub(crate) timed_out: OnceLock<TimeOut>,
    /// When it began.
    began: Instant,
    /// Attempts charged to its job, this one included, and granted.
    attempts: (u32, u32),
    /// Raised when its future is to be dropped.
    pub(crate) dropped: Flag,
    /// Raised when nothing of it runs any more.
    pub(crate) ended: Flag,
    /// Its blocking work.
    pub(crate) blocking: Blocking,
    /// Its checkpoints.
    pub(crate) checkpoints: Checkpoints,
    /// Its folder in the data directory.
    pub(crate) folder: AttemptFolder,
    /// What it may write.
    pub(crate) budget: WriteBudget,
    files: Mutex<Files>,
    log: Mutex<LogBuffer>,
    watch: Mutex<Watch>,
    latest: Mutex<Option<Arc<ProgressEvent>>>,
}

/// What the sampler keeps of an attempt. Holding the guard keeps the attempt from ending.
pub(crate) struct Watch {
    /// Set when the attempt has ended: nothing is published any more.
    pub(crate) closed: bool,
    /// The last look.
    pub(crate) sample: Sample,
    /// When it was last given to the store, and whether it has moved since.
    pub(crate) saved_at: Option<Instant>,
    /// Seen but not given to the store.
    pub(crate) unsaved: bool,
    /// When the task last said anything, or showed that it goes on.
    pub(crate) reported_at: Instant,
    /// Its forecast, once it has run for a second.
    pub(crate) forecast: Option<Box<RunForecast>>,
}

/// Why a task is to stop; see [`Ctx::stop_reason`](crate::Ctx::stop_reason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A user wants the job cancelled.
    Cancel,
    /// The attempt has passed a limit in time of its kind.
    TimeOut,
    /// The process was asked to stop. The job goes on in the next one, from its last checkpoint.
    Shutdown,
    /// The job has been given to another process, since this one was silent for too long. Nothing that this attempt
    /// makes counts any more.
    Lost,
}

/// A limit in time that an attempt has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeOut {
    /// It took longer than this.
    Total(Duration),
    /// It said nothing for so long.
    Quiet(Duration),
}

/// What an attempt has written.
#[derive(Default)]
pub(crate) struct Files {
    /// Names taken, finished or not.
    pub(crate) names: BTreeSet<String>,
    /// What is finished.
    pub(crate) artifacts: Vec<Artifact>,
}

/// Counts blocking work in flight, and wakes who waits for there to be none.
#[derive(Debug, Default)]
pub(crate) struct Blocking {
    in_flight: AtomicU32,
    idle: Notify,
}

/// What the end of an attempt leaves to be told.
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
        Self {
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
                reported_at: now,
                forecast: None,
            }),
            latest: Mutex::new(None),
        }
    }

    /// The job.
    pub(crate) fn job(&self) -> JobId {
        self.fence.job
    }

    /// Its folder for temporary files.
    pub(crate) fn scratch(&self) -> PathBuf {
        // No artifact can be called so: names do not begin with a dot.
        self.folder.path().join(".scratch")
    }

    /// The limit in time that it has passed at `now`. What says nothing is stopped a while after it has come to be
    /// called quiet.
    pub(crate) fn overdue(&self, now: Instant, watch: &Watch) -> Option<TimeOut> {
        let info = &self.entry.info;
        let total = info.timeout.filter(|most| now.saturating_duration_since(self.began) >= *most);
        let quiet_after = watch.sample.progress().quiet_after.unwrap_or(QUIET_AFTER);
        let quiet = info.quiet_timeout.map(|most| most + Duration::from_secs_f64(quiet_after));
        let quiet = quiet.filter(|most| now.saturating_duration_since(watch.reported_at) >= *most);
        total.map(TimeOut::Total).or(quiet.map(TimeOut::Quiet))
    }

    /// Adds a sample to its forecast and updates the time left. `news` is whether the progress moved. Returns whether
    /// there is something new to publish in that.
    pub(crate) fn update_forecast(&self, watch: &mut Watch, news: bool, now: Instant) -> bool {
        if now.saturating_duration_since(self.began) < BEGINS {
            return false;
        }
        let begin = || Box::new(RunForecast::new(self.tracker.stage_count(), self.began, now));
        let run = watch.forecast.get_or_insert_with(begin);
        run.observe(watch.sample.progress(), news, now);
        let forecast = run.forecast(watch.sample.progress(), now, || self.entry.history_lookup(&self.shared, now));
        forecast.is_some_and(|forecast| watch.sample.set_forecast(forecast, news))
    }

    /// Its curve so far; `None` for one that has only begun.
    pub(crate) fn curve(&self) -> Option<Curve> {
        self.watch().forecast.as_ref().map(|forecast| forecast.curve())
    }

    /// When its job may be tried again after a failure, where another attempt is granted.
    pub(crate) fn next_attempt(&self) -> Option<Micros> {
        let (charged, granted) = self.attempts;
        (charged < granted).then(|| {
            let pause = self.entry.info.backoff.pause(charged);
            Micros(self.shared.clock.now().0 + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / 2))
        })
    }

    /// Adds to its log.
    pub(crate) fn log(&self, level: Level, text: &str) {
        self.log_buffer().push(self.shared.clock.now(), level, text);
    }

    /// Adds a line with colours to its log.
    pub(crate) fn log_styled(&self, level: Level, text: &str, styles: AnsiStyles) {
        self.log_buffer().push_styled(self.shared.clock.now(), level, text, styles);
    }

    /// Adds a line to what [`Attempt::close`] left, for what is known only then.
    pub(crate) fn append_last_line(&self, closing: &mut Closing, level: Level, text: &str) {
        let at = self.shared.clock.now();
        let mut log = self.log_buffer();
        log.push(at, level, text);
        if let Some((first_line, lines)) = log.close(at) {
            let append = LogAppend { fence: self.fence.clone(), first_line, lines: Vec::new() };
            closing.log.get_or_insert(append).lines.extend(lines);
        }
    }

    /// Its log lines since the last call.
    pub(crate) fn new_lines(&self) -> Option<LogAppend> {
        let mut log = self.log_buffer();
        if log.is_empty() {
            return None;
        }
        log.drain(self.shared.clock.now()).map(|drained| self.append_of(drained))
    }

    /// Ends all reporting: what the task says from now on is lost, and the sampler passes it over. `None` where that
    /// has been done: the first call took the last lines of the log, and none may be numbered after them.
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

    /// What the sampler keeps of it.
    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has written.
    pub(crate) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was published last, for pages that are rendered meanwhile.
    pub(crate) fn published(&self, event: Arc<ProgressEvent>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
    }

    /// Brings `view` up to what was published last.
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
        LogAppend { fence: self.fence.clone(), first_line, lines }
    }
}

impl Blocking {
    /// Counts one more.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts one less.
    pub(crate) fn end(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Whether there is any.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    /// Waits until there is none.
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
