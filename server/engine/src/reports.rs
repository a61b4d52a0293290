//! Reported jobs: attempts that programs elsewhere drive by their reports.
//!
//! A reported job is an ordinary job whose attempt is fed by reports instead of a task: progress, rate, time left,
//! log limits and cancel work as for any other. The server that receives its reports hosts it. A server that starts
//! adopts the runs of the one before, and none of them is interrupted.
//!
//! | module | contents |
//! |---|---|
//! | `hosted` | one hosted run: numbering, what entries do |
//! | `check` | limits of a batch |
//! | `clock_offset` | corrects the times of a reporter |
//! | `contact` | notices reporters that fall silent |
//! | `end` | how a reported end becomes an outcome |
//! | `recent_finishes` | recognises a finish that is sent again |
//! | `kinds` | the kinds that exist by reports only |
//! | `error` | why a report is refused |

mod check;
mod clock_offset;
pub(crate) mod contact;
mod end;
mod error;
mod hosted;
mod kinds;
mod recent_finishes;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{JobView, Micros};
use tokio::time::timeout;
use wire::{Batch, CancelReason, Entry, LogAllowance, Status};

pub use error::ReportError;

use crate::{
    Error, Result,
    attempt::{Attempt, cancel},
    reports::{
        clock_offset::ClockOffset,
        hosted::{Hosted, Taken},
        kinds::Kinds,
        recent_finishes::RecentFinishes,
    },
    runtime::flag::Flag,
    shared::Shared,
    store::{Attribution, OpenRun, OpenedRun, ReporterChange, RunKey, RunningRun, rules::reports::SUPERSEDED},
};

/// Seconds between two reports that the server asks for: at least, and at most.
const PACE: (f64, f64) = (2.0, 10.0);
/// Reports a second that the server asks for from all reporters together.
const REPORTS_PER_SECOND: f64 = 2_000.0;
/// How often a report looks for its run again, because another request has ended or moved it.
const TRIES: u32 = 4;

/// The runs that this process hosts.
pub(crate) struct Reports {
    shared: Arc<Shared>,
    /// Identity of the data.
    epoch: String,
    kinds: Kinds,
    finishes: RecentFinishes,
    runs: Mutex<HashMap<RunKey, Arc<Hosted>>>,
    /// Raised when no more reports are taken.
    detached: Flag,
}

/// One report: entries of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub key: RunKey,
    /// Whether the reporter named it.
    pub is_named: bool,
    /// Whose token reports.
    pub by: Attribution,
    /// What is reported.
    pub content: Content,
}

/// The content of a report.
#[derive(Clone, Debug)]
pub enum Content {
    /// Numbered entries.
    Batch(Batch),
    /// One entry without a number. For log lines, the part of the log that it is.
    Signal(Entry, Option<u64>),
}

impl Reports {
    /// Takes over the runs that an earlier server hosted. A worker hosts none.
    pub(crate) async fn adopt(shared: Arc<Shared>, serves: bool) -> Result<Arc<Self>> {
        let epoch = shared.store.position().await?.epoch;
        let runs = if serves { shared.store.adopt_runs(&shared.node.worker).await? } else { Vec::new() };
        let reports = Arc::new(Self {
            shared,
            epoch,
            kinds: Kinds::default(),
            finishes: RecentFinishes::default(),
            runs: Mutex::default(),
            detached: Flag::default(),
        });
        for run in runs {
            tracing::info!(job = %run.claimed.fence.job, kind = run.key.kind, "adopted a reported job");
            reports.host(run).await?;
        }
        Ok(reports)
    }

    /// Takes a report. What it must keep is durable on return.
    ///
    /// # Errors
    /// See [`ReportError`]. A report that was refused has changed nothing.
    pub(crate) async fn take(&self, report: &Report) -> Result<(Status, bool), ReportError> {
        if self.shared.stopping.is_raised() || self.detached.is_raised() {
            return Err(Error::ShuttingDown.into());
        }
        check::check(&report.content)?;
        if self.shared.registry.find(&report.key.kind).is_some() {
            return Err(ReportError::KindTaken(report.key.kind.clone()));
        }
        let mut is_new = false;
        for _ in 0..TRIES {
            let hosted = match self.find(&report.key) {
                Some(hosted) => hosted,
                None => match self.open(report).await? {
                    Opened::Hosted(hosted, created) => {
                        is_new |= created;
                        hosted
                    }
                    Opened::Ended(view) => return self.ended(report, &view).await.map(|status| (status, false)),
                },
            };
            let taken = match hosted.take(&report.content, self.shared.clock.now()) {
                Err(ReportError::Over) => continue,
                taken => taken?,
            };
            match self.store(&hosted, taken, report).await {
                // Its job is over, or another process hosts it: the run is opened again.
                Err(ReportError::Engine(Error::Fenced) | ReportError::Over) => self.remove(&hosted),
                Err(error) => return Err(error),
                Ok(view) => return Ok((self.status(&hosted, view.as_ref()).await, is_new)),
            }
        }
        Err(Error::Busy.into())
    }

    /// The state of a run, for a reporter that lost track.
    ///
    /// # Errors
    /// `ReportError::NoSuchRun`, `ReportError::Gone`.
    pub(crate) async fn look_up(&self, key: &RunKey) -> Result<Status, ReportError> {
        if let Some(hosted) = self.find(key) {
            return Ok(self.status(&hosted, None).await);
        }
        match self.shared.store.find_run(key).await? {
            Some(Some((view, acked))) => Ok(self.status_of(&view, acked)),
            Some(None) => Err(ReportError::Gone),
            None => Err(ReportError::NoSuchRun),
        }
    }

    /// Waits until the control of a run differs from `since`, for at most `wait`. `None` if it does not.
    ///
    /// # Errors
    /// Those of [`Self::look_up`].
    pub(crate) async fn wait_for_control(
        &self,
        key: &RunKey,
        since: &str,
        wait: Duration,
    ) -> Result<Option<Status>, ReportError> {
        let status = self.look_up(key).await?;
        let hosted = self.find(key).filter(|_| status.control == since);
        let Some(hosted) = hosted else { return Ok(Some(status)) };
        let changed = async {
            tokio::select! {
                () = hosted.attempt.stop.raised(), if !hosted.attempt.stop.is_raised() => {}
                () = hosted.attempt.ended.raised() => {}
                () = self.shared.stopping.raised() => {}
            }
        };
        if timeout(wait, changed).await.is_err() || self.shared.stopping.is_raised() {
            return Ok(None);
        }
        self.look_up(key).await.map(Some)
    }

    /// The run to which a signal without a run id belongs: the active one of this kind and token, or a new one. A start
    /// ends an active run, unless that is the same start, sent again.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn unnamed_run(&self, by: &Attribution, kind: &str, entry: &Entry) -> Result<RunKey, ReportError> {
        let key = |run: String| RunKey { owner: Arc::clone(&by.name), kind: kind.to_owned(), run };
        let token = by.token.as_deref().unwrap_or_default();
        let active = self.shared.store.unnamed_run(&by.name, token, kind).await?.map(key);
        let new = || key(format!("{:032x}", rand::random::<u128>()));
        match (active, entry) {
            (None, Entry::Finish(finish)) => Ok(self.finishes.run_of(by, kind, finish, new)),
            (None, _) => Ok(new()),
            (Some(active), Entry::Start(_)) => {
                let Some(hosted) = self.find(&active) else { return Ok(new()) };
                if hosted.has_just_started(self.shared.clock.now()) {
                    return Ok(active);
                }
                self.give_up(&hosted, SUPERSEDED, "a later run without a run id took its place").await?;
                Ok(new())
            }
            (Some(active), Entry::Finish(finish)) => Ok(self.finishes.run_of(by, kind, finish, || active)),
            (Some(active), _) => Ok(active),
        }
    }

    /// Stops hosting: what is buffered goes to the store, and no end is written. The next server adopts the runs.
    pub(crate) fn detach(&self) {
        self.detached.raise();
        for hosted in self.all() {
            hosted.attempt.hand_over_lines();
            let saved = hosted.attempt.watch().sample.progress().clone();
            self.shared.store.save_progress(vec![(hosted.attempt.fence.clone(), saved)]);
            self.shared.live.leave(&hosted.attempt);
        }
    }

    async fn open(&self, report: &Report) -> Result<Opened, ReportError> {
        let now = self.shared.clock.now();
        let (start, sent_at) = match &report.content {
            Content::Batch(batch) => {
                let listed = batch
                    .entries
                    .iter()
                    .find_map(|entry| if let Entry::Start(start) = entry { Some(start) } else { None });
                (listed.or(batch.start.as_ref()), batch.sent_at)
            }
            Content::Signal(Entry::Start(start), _) => (Some(start), None),
            Content::Signal(..) => (None, None),
        };
        let start = start.map(|start| (**start).clone()).unwrap_or_default();
        let mut offset = ClockOffset::default();
        offset.observe(sent_at, now);
        let title = if start.title.trim().is_empty() { &report.key.kind } else { start.title.trim() };
        let open = OpenRun {
            key: report.key.clone(),
            is_named: report.is_named,
            by: report.by.clone(),
            worker: self.shared.node.worker.clone(),
            title: model::printable(title, &[]).into_owned(),
            started_at: start.at.map(|at| offset.correct(at, Micros(0), now)),
            host: model::printable(&start.host, &[]).into_owned(),
            start: serde_json::to_string(&start).unwrap_or_default(),
        };
        match self.shared.store.open_run(open).await? {
            OpenedRun::Gone => Err(ReportError::Gone),
            OpenedRun::Ended(view) => Ok(Opened::Ended(view)),
            OpenedRun::Running(run) => {
                let is_new = run.is_new;
                Ok(Opened::Hosted(self.host(*run).await?, is_new))
            }
        }
    }

    /// Hosts a run, unless another request has begun that.
    async fn host(&self, run: RunningRun) -> Result<Arc<Hosted>> {
        let shared = &self.shared;
        let entry = self.kinds.entry(&run)?;
        let stages = entry.stages(shared.store.as_ref()).await;
        let cancelled = run.claimed.view.cancel_requested_at.is_some();
        let key = run.key.clone();
        let hosted = Arc::new(Hosted::new(Arc::clone(shared), entry, stages, run));
        let mut runs = self.runs();
        if let Some(other) = runs.get(&key) {
            return Ok(Arc::clone(other));
        }
        runs.insert(key, Arc::clone(&hosted));
        drop(runs);
        if self.detached.is_raised() {
            // The shutdown has begun: the next server adopts the run.
            return Err(Error::ShuttingDown);
        }
        if shared.live.host(&hosted.attempt) || cancelled {
            cancel::cancel(Arc::clone(&hosted.attempt));
        }
        Ok(hosted)
    }

    /// Makes durable what must be. Returns the job if it has ended.
    async fn store(&self, hosted: &Arc<Hosted>, taken: Taken, report: &Report) -> Result<Option<JobView>, ReportError> {
        let store = &self.shared.store;
        if hosted.mark_contact()
            && let Err(error) = store.set_contact(hosted.attempt.fence.clone(), None).await
        {
            hosted.mark_lost();
            return Err(error.into());
        }
        if let Some(change) = taken.change {
            store.change_reporter(hosted.attempt.fence.clone(), change).await?;
        }
        if taken.has_end {
            return self.end(hosted).await.map(Some);
        }
        if taken.has_progress {
            hosted.attempt.save_progress();
        }
        if taken.has_lines || taken.has_progress {
            self.flush(hosted, report).await?;
        }
        Ok(None)
    }

    async fn flush(&self, hosted: &Hosted, report: &Report) -> Result<(), ReportError> {
        let store = &self.shared.store;
        let logged = hosted.logged();
        hosted.attempt.hand_over_lines();
        store.flush().await?;
        if hosted.is_fenced() {
            return Err(Error::Fenced.into());
        }
        hosted.note_durable(logged);
        if let Content::Signal(_, Some(part)) = report.content {
            let change = ReporterChange { part: Some(part), ..ReporterChange::default() };
            store.change_reporter(hosted.attempt.fence.clone(), change).await?;
        }
        Ok(())
    }

    /// Writes the end of a run. After a failure it is written by the next report.
    async fn end(&self, hosted: &Arc<Hosted>) -> Result<JobView, ReportError> {
        let Some(finish) = hosted.ending() else { return Err(ReportError::Over) };
        let view = self.shared.store.finish(finish).await?;
        self.remove(hosted);
        Ok(view)
    }

    /// Interrupts a run from which no end is to be expected.
    async fn give_up(&self, hosted: &Arc<Hosted>, code: &str, message: &str) -> Result<(), ReportError> {
        hosted.give_up(code, message);
        self.end(hosted).await.map(drop)
    }

    async fn ended(&self, report: &Report, view: &JobView) -> Result<Status, ReportError> {
        let found = self.shared.store.find_run(&report.key).await?;
        let Some(Some((_, acked))) = found else { return Err(ReportError::Gone) };
        let is_repeat = match &report.content {
            Content::Batch(batch) => batch.seq.saturating_add(batch.entries.len() as u64) <= acked.saturating_add(1),
            Content::Signal(entry, _) => matches!(entry, Entry::Finish(_)),
        };
        if is_repeat { Ok(self.status_of(view, acked)) } else { Err(ReportError::RunEnded(view.job, view.state)) }
    }

    fn find(&self, key: &RunKey) -> Option<Arc<Hosted>> {
        self.runs().get(key).cloned()
    }

    fn all(&self) -> Vec<Arc<Hosted>> {
        self.runs().values().cloned().collect()
    }

    /// Stops hosting a run that is over, or hosted elsewhere.
    fn remove(&self, hosted: &Arc<Hosted>) {
        let mut runs = self.runs();
        if runs.get(&hosted.key).is_some_and(|found| Arc::ptr_eq(found, hosted)) {
            runs.remove(&hosted.key);
        }
        drop(runs);
        hosted.close();
        self.shared.live.leave(&hosted.attempt);
    }

    async fn status(&self, hosted: &Hosted, ended: Option<&JobView>) -> Status {
        if let Some(view) = ended {
            return self.status_of(view, hosted.received());
        }
        let Attempt { fence, .. } = &*hosted.attempt;
        Status {
            job: fence.job.0 as u64,
            attempt: fence.attempt,
            state: "running".to_owned(),
            epoch: self.epoch.clone(),
            received: hosted.received(),
            acked: hosted.acked(),
            report_every: self.pace(),
            control: hosted.control(),
            cancel: self.cancel_of(hosted).await,
            log: LogAllowance { lines_left: hosted.attempt.lines_left() },
            at: wire::Time(self.shared.clock.now().0),
        }
    }

    fn status_of(&self, view: &JobView, acked: u64) -> Status {
        Status {
            job: view.job.0 as u64,
            attempt: view.attempt,
            state: view.state.as_str().to_owned(),
            epoch: self.epoch.clone(),
            received: acked,
            acked,
            report_every: self.pace(),
            control: format!("{}.ended", view.attempt),
            cancel: None,
            log: LogAllowance::default(),
            at: wire::Time(self.shared.clock.now().0),
        }
    }

    fn pace(&self) -> f64 {
        (self.runs().len() as f64 / REPORTS_PER_SECOND).clamp(PACE.0, PACE.1)
    }

    /// The cancel request of a run, if there is one.
    async fn cancel_of(&self, hosted: &Hosted) -> Option<wire::Cancel> {
        if !hosted.attempt.stop.is_raised() {
            return None;
        }
        let grace = self.shared.cancel_grace.as_secs_f64();
        let view = self.shared.store.job(hosted.attempt.job()).await.ok();
        let at = view.as_ref().and_then(|view| view.cancel_requested_at).unwrap_or_else(|| self.shared.clock.now());
        let by = view.and_then(|view| view.cancel_requested_by).unwrap_or_default();
        Some(wire::Cancel { at: wire::Time(at.0), by, reason: CancelReason::Cancel, grace })
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<RunKey, Arc<Hosted>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run of a report that was not hosted.
enum Opened {
    /// It is now; whether this report created it.
    Hosted(Arc<Hosted>, bool),
    Ended(Box<JobView>),
}
