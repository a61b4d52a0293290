//! A hosted run: the attempt that its reports drive, and the numbering of its entries.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use model::{Failure, Level, Micros, Tone};
use wire::{Batch, Entry, Progress};

use super::{Content, ReportError, clock_offset::ClockOffset, end, kinds::interned};
use crate::{
    attempt::{Attempt, ReportLog, run},
    progress::stages::Stages,
    shared::Shared,
    store::{Finish, Outcome, ReportedEnd, ReporterChange, RunKey, RunningRun, rules::reports::REPORTER_DIED},
    task::registry::Entry as KindEntry,
};

/// Seconds within which a second start without a run id is the first one, sent again.
const SAME_START: f64 = 10.0;

/// A run that this process hosts.
pub(super) struct Hosted {
    pub(super) key: RunKey,
    pub(super) attempt: Arc<Attempt>,
    /// The host's name; may be empty.
    host: String,
    started_at: Micros,
    /// Milliseconds without a report, as far as this process was awake.
    pub(super) silent: AtomicU64,
    /// Whether contact is lost.
    pub(super) is_lost: AtomicBool,
    /// The last entry whose log lines are known to be durable.
    durable: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// See [`Batch::reporter`]; empty before the first batch.
    writer: String,
    /// The last entry that was taken.
    received: u64,
    /// Whether a batch has come since this process hosts the run.
    has_heard: bool,
    heartbeat: Option<u64>,
    /// The newest part of the log that came by a numbered signal.
    part: u64,
    offset: ClockOffset,
    /// Total and unit of the current stage.
    total: (Option<u64>, &'static str),
    /// The end, until it is stored.
    ending: Option<Box<Finish>>,
    /// Whether anything but the start has been reported.
    has_reported: bool,
    /// Whether the run is over, or hosted elsewhere.
    is_over: bool,
}

/// What is to be made durable of a report.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) has_lines: bool,
    /// Whether the progress must be durable: that of batches need not be.
    pub(super) has_progress: bool,
    pub(super) has_end: bool,
    pub(super) change: Option<ReporterChange>,
}

impl Hosted {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<KindEntry>, stages: Stages, run: RunningRun) -> Self {
        let RunningRun { claimed, key, writer, acked, part, heartbeat, .. } = run;
        let mut attempt = Attempt::new(shared, entry, stages, &claimed);
        attempt.report_log = Some(ReportLog { logged: AtomicU64::new(acked), ..ReportLog::default() });
        // It cannot be dropped: its work is elsewhere.
        attempt.blocking.begin();
        let view = &claimed.view;
        let reached = &view.progress;
        if let Some(stage) = &reached.stage {
            attempt.tracker.stage(stage.index as usize);
        }
        let total = (reached.max, interned(&reached.unit).unwrap_or_default());
        if reached.rev > 0 {
            attempt.tracker.total(total.0, total.1);
            attempt.tracker.continue_at(reached.value);
            attempt.tracker.message(reached.tone, reached.message.clone());
            attempt.tracker.count_warnings(reached.warnings);
        }
        Self {
            key,
            attempt: Arc::new(attempt),
            host: view.reported_from.clone().unwrap_or_default(),
            started_at: view.started_at.unwrap_or(view.created_at),
            silent: AtomicU64::new(0),
            is_lost: AtomicBool::new(view.no_contact_since.is_some()),
            durable: AtomicU64::new(acked),
            state: Mutex::new(State {
                writer,
                received: acked,
                has_heard: false,
                heartbeat,
                part,
                offset: ClockOffset::default(),
                total,
                ending: None,
                has_reported: reached.rev > 0 || claimed.next_line > 1,
                is_over: false,
            }),
        }
    }

    /// Takes what is new of a report.
    ///
    /// # Errors
    /// `ReportError::Gap`, `ReportError::OtherReporter`, `ReportError::Over`. Nothing is taken then.
    pub(super) fn take(&self, content: &Content, now: Micros) -> Result<Taken, ReportError> {
        let mut state = self.state();
        if state.is_over {
            return Err(ReportError::Over);
        }
        self.silent.store(0, Ordering::Relaxed);
        self.attempt.alive.store(true, Ordering::Relaxed);
        match content {
            Content::Batch(batch) => self.take_batch(&mut state, batch, now),
            Content::Signal(entry, part) => {
                let mut taken = Taken::default();
                if part.is_some_and(|part| part <= state.part) {
                    // Taken before, but perhaps not made durable.
                    taken.has_lines = true;
                    return Ok(taken);
                }
                if state.ending.is_none() {
                    let number = self.logged();
                    self.take_entry(&mut state, number, entry, now, &mut taken);
                    state.part = part.unwrap_or(state.part);
                }
                taken.has_end |= state.ending.is_some();
                taken.has_progress = matches!(entry, Entry::Progress(_));
                Ok(taken)
            }
        }
    }

    fn take_batch(&self, state: &mut State, batch: &Batch, now: Micros) -> Result<Taken, ReportError> {
        if !state.writer.is_empty() && state.writer != batch.reporter {
            return Err(ReportError::OtherReporter(self.host.clone()));
        }
        // After a restart, what the reporter knows to be durable needs not come again.
        let received = if state.has_heard { state.received } else { state.received.max(batch.acked) };
        if batch.seq > received + 1 {
            return Err(ReportError::Gap { received });
        }
        state.has_heard = true;
        state.received = received;
        let mut taken = Taken::default();
        let is_first = state.writer.is_empty();
        let promise = (batch.heartbeat.is_some() && batch.heartbeat != state.heartbeat).then_some(batch.heartbeat);
        if is_first || promise.is_some() {
            state.writer.clone_from(&batch.reporter);
            state.heartbeat = batch.heartbeat.or(state.heartbeat);
            let writer = is_first.then(|| batch.reporter.clone());
            taken.change = Some(ReporterChange { writer, heartbeat: promise, part: None });
        }
        state.offset.observe(batch.sent_at, now);
        for (number, entry) in (batch.seq..).zip(&batch.entries) {
            if number > state.received && state.ending.is_none() {
                self.take_entry(state, number, entry, now, &mut taken);
                state.received = number;
            }
        }
        taken.has_end = state.ending.is_some();
        // What a report could not make durable, the next one must.
        taken.has_lines |= self.durable.load(Ordering::Acquire) < self.logged();
        Ok(taken)
    }

    fn take_entry(&self, state: &mut State, number: u64, entry: &Entry, now: Micros, taken: &mut Taken) {
        state.has_reported |= !matches!(entry, Entry::Start(_) | Entry::Unknown);
        match entry {
            Entry::Start(_) | Entry::Unknown => {}
            Entry::Progress(progress) => self.take_progress(state, progress),
            Entry::Log(log) => {
                let lines = log.lines.iter().map(|(at, level, text)| {
                    let level = Level::from_word(level).unwrap_or(Level::Info);
                    (state.offset.correct(*at, self.started_at, now), level, text.replace('\0', "\u{fffd}"))
                });
                self.attempt.log_entry(number, lines);
                let warnings = log.lines.iter().filter(|(_, level, _)| level == "warn").count();
                if warnings > 0 {
                    self.attempt.tracker.count_warnings(warnings as u64);
                }
                taken.has_lines = true;
            }
            Entry::Finish(finish) => {
                let is_first = self.attempt.fence.attempt == 1;
                let at = end::ended_at(finish, self.started_at, is_first, &state.offset, now);
                self.end(state, end::outcome(finish), number, at);
            }
            Entry::Lost { at } => {
                let at = at.map_or(now, |at| state.offset.correct(at, self.started_at, now));
                let message = "the client that reported this job died, and cannot say how its program ended".to_owned();
                let failure = Failure { code: REPORTER_DIED.to_owned(), message };
                self.end(state, Outcome::Lost { failure }, number, at);
            }
        }
    }

    fn take_progress(&self, state: &mut State, progress: &Progress) {
        let tracker = &self.attempt.tracker;
        if let Some(stage) = progress.stage
            && tracker.stage_work(std::time::Instant::now()).is_none_or(|work| work.index != stage)
            && tracker.stage(stage)
        {
            state.total = (None, "");
        }
        if progress.max.is_some() || progress.unit.is_some() {
            let unit = progress.unit.as_deref().map(|unit| interned(unit).unwrap_or_default());
            state.total = (progress.max.or(state.total.0), unit.unwrap_or(state.total.1));
            tracker.total(state.total.0, state.total.1);
        }
        if let Some(value) = progress.value {
            tracker.set(value);
        }
        if let Some(message) = &progress.message {
            let tone = match progress.tone.as_deref() {
                Some("success") => Tone::Success,
                Some("warning") => Tone::Warning,
                Some("danger") => Tone::Danger,
                _ => Tone::Info,
            };
            tracker.message(tone, model::printable(message, &[]).into_owned());
        }
        if let Some(data) = &progress.data {
            tracker.data(data.clone());
        }
    }

    fn end(&self, state: &mut State, outcome: Outcome, number: u64, at: Micros) {
        let cancelled = self.attempt.cancelled.load(Ordering::Acquire);
        let succeeded = matches!(outcome, Outcome::Succeeded { .. });
        let remark = (cancelled && succeeded).then_some("finished before the cancel took effect");
        state.ending = run::finish(&self.attempt, outcome, remark).map(|finish| {
            let reported = Some(ReportedEnd { acked: number, at });
            Box::new(Finish { reported, ..finish })
        });
    }

    /// Interrupts the run, unless it has an end.
    pub(super) fn give_up(&self, code: &str, message: &str) {
        let mut state = self.state();
        if state.ending.is_none() && !state.is_over {
            let failure = Failure { code: code.to_owned(), message: message.to_owned() };
            let (number, at) = (state.received, self.attempt.shared.clock.now());
            self.end(&mut state, Outcome::Lost { failure }, number, at);
        }
    }

    /// The end that is to be stored.
    pub(super) fn ending(&self) -> Option<Finish> {
        self.state().ending.as_deref().cloned()
    }

    /// Marks the run as over, and ends what waits for its attempt.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_over, true) {
            self.attempt.blocking.end();
            self.attempt.stop.raise();
            self.attempt.ended.raise();
        }
    }

    /// Notes a report; returns whether contact was lost before it.
    pub(super) fn mark_contact(&self) -> bool {
        self.is_lost.swap(false, Ordering::AcqRel)
    }

    pub(super) fn mark_lost(&self) {
        self.is_lost.store(true, Ordering::Release);
    }

    /// Whether nothing but the start has been reported, a moment ago.
    pub(super) fn has_just_started(&self, now: Micros) -> bool {
        !self.state().has_reported && now.seconds_since(self.started_at) < SAME_START
    }

    /// The last entry whose lines were taken.
    pub(super) fn logged(&self) -> u64 {
        self.attempt.report_log.as_ref().map_or(0, |log| log.logged.load(Ordering::Acquire))
    }

    pub(super) fn note_durable(&self, logged: u64) {
        self.durable.fetch_max(logged, Ordering::AcqRel);
    }

    /// Whether the store refused lines: another process hosts the run, or it is over.
    pub(super) fn is_fenced(&self) -> bool {
        self.attempt.report_log.as_ref().is_some_and(|log| log.fenced.load(Ordering::Acquire))
    }

    pub(super) fn received(&self) -> u64 {
        self.state().received
    }

    /// The last entry that no crash loses. Progress after the last durable line counts: losing it costs nothing.
    pub(super) fn acked(&self) -> u64 {
        let received = self.received();
        let durable = self.durable.load(Ordering::Acquire);
        if durable >= self.logged() { received } else { durable }
    }

    pub(super) fn heartbeat(&self) -> Option<u64> {
        self.state().heartbeat
    }

    /// Changes with the attempt and a request to stop.
    pub(super) fn control(&self) -> String {
        format!("{}.{}", self.attempt.fence.attempt, u8::from(self.attempt.stop.is_raised()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
