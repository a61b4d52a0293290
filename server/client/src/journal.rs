//! The journal of one run: everything that is reported is numbered here and written to the queue, before the sender
//! reads it.

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use wire::{Entry, Finish, LogLines, Progress, Status};

use crate::{
    clock::Clock,
    log_thinner::{LogLine, LogThinner},
    queue::{Queue, ReadLimits},
    spool::Acknowledged,
};

/// Lines of an entry, so that a batch can be split.
const ENTRY_LINES: usize = 200;
/// Bytes of the texts of an entry.
const ENTRY_BYTES: usize = 64 << 10;
/// The time between two progress entries.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// The time between two progress entries while the server is not reached.
const PROGRESS_EVERY_IN_OUTAGE: Duration = Duration::from_secs(1);

/// How the reports of a run are received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// Whether the server has accepted a batch of this run.
    pub(crate) reached: bool,
    /// Whether the last request failed.
    pub(crate) outage: bool,
    /// Whether the sender has stopped: nothing more is acknowledged by it.
    pub(crate) stopped: bool,
    /// Why the server is not reached, for the line at the end.
    pub(crate) problem: Option<String>,
    /// Why it stopped for good, for the line at the end.
    pub(crate) refused: Option<String>,
    pub(crate) job: Option<u64>,
    /// The time between two reports that the server asks for.
    pub(crate) pace: Option<Duration>,
}

/// A journal, shared by the threads of a run.
#[derive(Debug)]
pub(crate) struct Journal {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    thinner: LogThinner,
    /// Progress that waits for its time; newer values replace it.
    progress: Option<Progress>,
    progress_at: Option<Instant>,
    finished: bool,
    link: Link,
}

impl Journal {
    pub(crate) fn new(queue: Queue, clock: Clock) -> Self {
        let state = State {
            queue,
            thinner: LogThinner::default(),
            progress: None,
            progress_at: None,
            finished: false,
            link: Link::default(),
        };
        Self { clock, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Appends the first entry.
    pub(crate) fn start(&self, start: wire::Start) {
        self.lock().append(&Entry::Start(Box::new(start)));
    }

    /// Appends log lines that have the time of now.
    pub(crate) fn log(&self, lines: impl IntoIterator<Item = (String, String)>) {
        let at = self.clock.now();
        let mut state = self.lock();
        let room = state.queue.has_room();
        let mut passed = Vec::new();
        if room && state.thinner.waits_for_room() {
            passed = state.thinner.take_tail(at, "the spool was full");
        }
        for (level, text) in lines {
            passed.extend(state.thinner.pass((at, level, text), room));
        }
        if !passed.is_empty() {
            state.append_lines(passed);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Appends a line of the client itself.
    pub(crate) fn note(&self, level: &str, text: impl Into<String>) {
        self.log([(level.to_owned(), text.into())]);
    }

    /// Takes progress; it is written at most five times a second, and once a second in an outage.
    pub(crate) fn progress(&self, mut progress: Progress) {
        progress.at = Some(self.clock.now());
        let mut state = self.lock();
        if state.progress.as_ref().is_some_and(|waiting| progress.stage.is_some() && waiting.stage != progress.stage) {
            state.write_progress();
        }
        let waiting = state.progress.get_or_insert_default();
        merge(waiting, progress);
        state.write_due_progress();
        drop(state);
        self.changed.notify_all();
    }

    /// Appends the last entry, after everything that waited, and syncs.
    pub(crate) fn finish(&self, mut finish: Finish) {
        finish.at = Some(self.clock.now());
        finish.elapsed = Some(self.clock.elapsed());
        let mut state = self.lock();
        state.write_progress();
        let reason = if state.thinner.waits_for_room() { "the spool was full" } else { "the log is too long" };
        let tail = state.thinner.take_tail(self.clock.now(), reason);
        state.append_lines(tail);
        state.append(&Entry::Finish(Box::new(finish)));
        state.finished = true;
        drop(state);
        self.sync();
        self.changed.notify_all();
    }

    /// Syncs what was appended. Other threads append in the same time.
    pub(crate) fn sync(&self) {
        let file = self.lock().queue.writer_to_sync();
        if let Some(file) = file {
            let _ = file.sync_data();
        }
    }

    /// Reads entries for a batch from number `next` on.
    pub(crate) fn read(&self, next: u64, limits: ReadLimits) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.write_due_progress();
        state.queue.read(next, limits)
    }

    /// Returns the number of the last entry, and whether it is the end of the run.
    pub(crate) fn last(&self) -> (u64, bool) {
        let state = self.lock();
        (state.queue.last(), state.finished)
    }

    /// Takes an accepted batch: forgets what is on the server's disk.
    pub(crate) fn accepted(&self, status: &Status, acknowledged: Acknowledged) {
        let mut state = self.lock();
        state.queue.acknowledge(acknowledged);
        if status.log.lines_left > 0 {
            state.thinner.limit(status.log.lines_left);
        }
        state.link.reached = true;
        state.link.outage = false;
        state.link.job = Some(status.job);
        drop(state);
        self.set_pace(status.report_every);
        self.changed.notify_all();
    }

    /// Sets the time between two reports, in seconds.
    pub(crate) fn set_pace(&self, seconds: f64) {
        let pace = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.change_link(|link| link.pace = Some(pace.clamp(Duration::from_millis(50), Duration::from_mins(1))));
    }

    pub(crate) fn link(&self) -> Link {
        self.lock().link.clone()
    }

    /// Changes what is known of the connection.
    pub(crate) fn change_link(&self, change: impl FnOnce(&mut Link)) {
        change(&mut self.lock().link);
        self.changed.notify_all();
    }

    /// Waits until a batch is due: at the end of the run at once; with new entries after `last` not before `earliest`;
    /// without any at `latest`.
    pub(crate) fn wait_for_entries(&self, last: u64, earliest: impl Fn(Option<Duration>) -> Instant, latest: Instant) {
        let mut state = self.lock();
        while !state.finished {
            let now = Instant::now();
            let has_more = state.queue.last() > last || state.progress.is_some();
            let until = if has_more { earliest(state.link.pace).min(latest) } else { latest };
            if now >= until {
                break;
            }
            state = self.wait(state, until - now);
        }
    }

    /// Waits for a time; ends early when the run ends.
    pub(crate) fn wait_for_finish(&self, time: Duration) -> bool {
        self.wait_until(Instant::now() + time, |state| state.finished)
    }

    /// Waits until everything is on the server's disk or the sender has stopped. Returns whether all is delivered.
    pub(crate) fn wait_for_delivery(&self, deadline: Instant) -> bool {
        self.wait_until(deadline, |state| state.is_delivered() || state.link.stopped);
        self.lock().is_delivered()
    }

    /// Deletes the spooled files, when all is delivered or nothing more can be.
    pub(crate) fn remove(&self) {
        self.lock().queue.remove();
    }

    /// Whether a later client can deliver the rest.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.lock().queue.is_on_disk()
    }

    fn wait_until(&self, deadline: Instant, condition: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !condition(&state) {
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            state = self.wait(state, deadline - now);
        }
        true
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        match self.changed.wait_timeout(state, time) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, entry: &Entry) {
        let Ok(text) = serde_json::to_string(entry) else { return };
        if let Some(error) = self.queue.append(text) {
            let note = format!("The spool cannot be written ({error}); what follows is kept in memory only");
            let lines = vec![(wire::Time::default(), "warn".to_owned(), note)];
            let lines = lines.into_iter().map(|(_, level, text)| (crate::clock::wall_time(), level, text)).collect();
            self.append(&Entry::Log(LogLines { lines }));
        }
    }

    fn append_lines(&mut self, lines: Vec<LogLine>) {
        let mut entry = Vec::new();
        let mut bytes = 0;
        for line in lines {
            if entry.len() >= ENTRY_LINES || bytes + line.2.len() > ENTRY_BYTES {
                self.append(&Entry::Log(LogLines { lines: std::mem::take(&mut entry) }));
                bytes = 0;
            }
            bytes += line.2.len();
            entry.push(line);
        }
        if !entry.is_empty() {
            self.append(&Entry::Log(LogLines { lines: entry }));
        }
    }

    fn write_due_progress(&mut self) {
        let every = if self.link.outage { PROGRESS_EVERY_IN_OUTAGE } else { PROGRESS_EVERY };
        if self.progress_at.is_none_or(|at| at.elapsed() >= every) && self.queue.has_room() {
            self.write_progress();
        }
    }

    fn write_progress(&mut self) {
        if let Some(progress) = self.progress.take() {
            self.append(&Entry::Progress(progress));
            self.progress_at = Some(Instant::now());
        }
    }

    fn is_delivered(&self) -> bool {
        self.finished && self.queue.acknowledged().acked >= self.queue.last()
    }
}

/// Replaces the values of `waiting` that are newer in `progress`.
fn merge(waiting: &mut Progress, progress: Progress) {
    let Progress { at, stage, value, max, unit, message, tone, data } = progress;
    waiting.at = at.or(waiting.at);
    waiting.stage = stage.or(waiting.stage);
    waiting.value = value.or(waiting.value);
    waiting.max = max.or(waiting.max);
    waiting.unit = unit.or(waiting.unit.take());
    if message.is_some() {
        // The tone belongs to its message.
        waiting.tone = tone;
        waiting.message = message;
    }
    waiting.data = data.or(waiting.data.take());
}
