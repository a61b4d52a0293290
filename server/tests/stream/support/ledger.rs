//! In-memory event log, driven by hand: a test decides what is committed and when it is published.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ::engine::{DurableEvent, Listener, Result, store::Topics};
use async_trait::async_trait;
use axum::{
    Extension, Router,
    routing::{get, post},
};
use model::{
    AttemptNo, Cursor, JobId, JobState, JobView, Level, LogEvent, LogLine, MessageEvent, MessageTo, Micros, Progress,
    ProgressEvent, ScheduleEvent, Seq, Snapshot, StateEvent, StreamEvent, Tone,
};
use server::{
    limits::{StreamLimits, StreamOwner},
    stream::{self, Hub, Source, StreamService, StreamTiming, Subscriber},
};
use tokio_util::sync::CancellationToken;

pub(crate) const EPOCH: &str = "e1";

/// An event log with the hub that publishes it and the signal that drains its streams.
pub(crate) struct Ledger {
    pub(crate) hub: Arc<Hub>,
    pub(crate) drain: CancellationToken,
    source: Arc<MemorySource>,
}

#[derive(Default)]
struct MemorySource {
    state: Mutex<SourceState>,
    /// How often a task yields before each read.
    yield_before_reads: AtomicI64,
    reads: AtomicUsize,
    /// Runs after each read of a snapshot, before its result is used.
    after_snapshot: Mutex<Option<Box<dyn FnMut() + Send>>>,
}

#[derive(Default)]
struct SourceState {
    events: Vec<Arc<DurableEvent>>,
    jobs: BTreeMap<JobId, JobView>,
    trimmed: usize,
}

impl MemorySource {
    fn state(&self) -> MutexGuard<'_, SourceState> {
        self.state.lock().unwrap()
    }

    async fn yield_now(&self) {
        self.reads.fetch_add(1, Relaxed);
        for _ in 0..self.yield_before_reads.load(Relaxed) {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn position(&self) -> Result<Cursor> {
        self.yield_now().await;
        Ok(cursor(self.state().events.len() as i64))
    }

    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)> {
        self.yield_now().await;
        let snapshot = {
            let state = self.state();
            let jobs = topics.job.union(&topics.row).filter_map(|job| state.jobs.get(job).cloned()).collect();
            (cursor(state.events.len() as i64), Snapshot { jobs, ..Snapshot::default() })
        };
        if let Some(hook) = self.after_snapshot.lock().unwrap().as_mut() {
            hook();
        }
        self.yield_now().await;
        Ok(snapshot)
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>> {
        self.yield_now().await;
        let state = self.state();
        if (seq.0 as usize) < state.trimmed {
            return Ok(None);
        }
        Ok(Some(state.events.iter().skip(seq.0 as usize).take(limit as usize).cloned().collect()))
    }

    fn now(&self) -> Micros {
        Micros(1_795_000_000_000_000)
    }
}

impl Ledger {
    pub(crate) async fn new(timing: StreamTiming) -> Self {
        let (hub, drain, source) = (Hub::new(), CancellationToken::new(), Arc::<MemorySource>::default());
        // Sets the epoch. This service never drains, so that the streams of the test drain only once.
        Self::service(&hub, &source, timing, StreamLimits::default(), &CancellationToken::new()).await;
        Self { hub, drain, source }
    }

    async fn service(
        hub: &Arc<Hub>,
        source: &Arc<MemorySource>,
        timing: StreamTiming,
        limits: StreamLimits,
        drain: &CancellationToken,
    ) -> StreamService {
        let source = Arc::clone(source) as Arc<dyn Source>;
        StreamService::open(Arc::clone(hub), source, "test".into(), timing, limits, drain.clone()).await.unwrap()
    }

    pub(crate) async fn router(&self, timing: StreamTiming) -> Router {
        router(Self::service(&self.hub, &self.source, timing, StreamLimits::default(), &self.drain).await)
    }

    /// A router for each owner, with the same stream limits.
    pub(crate) async fn routers<const N: usize>(&self, limits: StreamLimits, owners: [StreamOwner; N]) -> [Router; N] {
        let service = Self::service(&self.hub, &self.source, StreamTiming::default(), limits, &self.drain).await;
        owners.map(|owner| routes(service.clone(), Subscriber { owner, ..Subscriber::default() }))
    }

    /// Reads of the source so far.
    pub(crate) fn reads(&self) -> usize {
        self.source.reads.load(Relaxed)
    }

    /// A router for this subscriber.
    pub(crate) async fn router_for(&self, subscriber: Subscriber) -> Router {
        let limits = StreamLimits::default();
        routes(Self::service(&self.hub, &self.source, StreamTiming::default(), limits, &self.drain).await, subscriber)
    }

    /// Makes each read yield to other tasks this often.
    pub(crate) fn yield_before_reads(&self, times: i64) {
        self.source.yield_before_reads.store(times, Relaxed);
    }

    /// Commits a change of state without publishing it.
    pub(crate) fn commit_state(&self, job: i64, attempt: AttemptNo, state: JobState, rev: u64) -> Arc<DurableEvent> {
        let view = view(job, attempt, state, rev);
        self.source.state().jobs.insert(view.job, view.clone());
        self.commit(Some(view.job), StreamEvent::State(Box::new(StateEvent { view, code: None, counts: None })))
    }

    pub(crate) fn commit_log(&self, job: i64, line: u64, text: &str) -> Arc<DurableEvent> {
        let lines = vec![LogLine::plain(Micros(1), Level::Info, text)];
        let event = LogEvent { job: JobId(job), attempt: 1, first_line: line, lines };
        self.commit(Some(JobId(job)), StreamEvent::Log(event))
    }

    fn commit(&self, job: Option<JobId>, event: StreamEvent) -> Arc<DurableEvent> {
        let mut state = self.source.state();
        let seq = Seq(state.events.len() as i64 + 1);
        let event = Arc::new(DurableEvent { seq, job, event });
        state.events.push(Arc::clone(&event));
        event
    }

    pub(crate) fn publish(&self, event: Arc<DurableEvent>) {
        self.hub.durable(&[event]);
    }

    /// Commits and publishes.
    pub(crate) fn state(&self, job: i64, attempt: AttemptNo, state: JobState, rev: u64) {
        self.publish(self.commit_state(job, attempt, state, rev));
    }

    pub(crate) fn log(&self, job: i64, line: u64, text: &str) {
        self.publish(self.commit_log(job, line, text));
    }

    /// Commits and publishes a message. Returns its number.
    pub(crate) fn message(&self, to: MessageTo, text: &str) -> Seq {
        let message = self.commit_message(to, text);
        let number = message.seq;
        self.publish(message);
        number
    }

    /// Commits a message without publishing it.
    pub(crate) fn commit_message(&self, to: MessageTo, text: &str) -> Arc<DurableEvent> {
        let (job, number) = (to.job(), Seq(self.source.state().events.len() as i64 + 1));
        let (text, from) = (text.to_owned(), "ann".to_owned());
        let message = MessageEvent { number, to, text, from, display_name: None, tone: Tone::Info, at: Micros(1) };
        self.commit(job, StreamEvent::Message(message))
    }

    /// Commits and publishes a change of a schedule.
    pub(crate) fn schedule(&self, schedule: i64, kind: &str, owner: &str) {
        let event = ScheduleEvent { schedule, kind: kind.to_owned(), owner: owner.to_owned() };
        self.publish(self.commit(None, StreamEvent::Schedule(event)));
    }

    pub(crate) fn tick(&self, job: i64, attempt: AttemptNo, rev: u64) {
        let event = ProgressEvent { job: JobId(job), attempt, progress: progress(rev) };
        self.hub.progress(&[Arc::new(event)]);
    }

    /// Runs `hook` after each read of a snapshot, before its result is used.
    pub(crate) fn after_snapshot(self: &Arc<Self>, mut hook: impl FnMut(&Self) + Send + 'static) {
        let ledger = Arc::downgrade(self);
        let hook = move || ledger.upgrade().iter().for_each(|ledger| hook(ledger));
        *self.source.after_snapshot.lock().unwrap() = Some(Box::new(hook));
    }

    /// Gives a job a message of `bytes` bytes.
    pub(crate) fn grow_message(&self, job: i64, bytes: usize) {
        let mut state = self.source.state();
        state.jobs.get_mut(&JobId(job)).unwrap().progress.message = "m".repeat(bytes);
    }

    /// Deletes the oldest events.
    pub(crate) fn trim(&self, events: usize) {
        self.source.state().trimmed = events;
    }

    /// Waits until this number of streams is open; fails after ten seconds.
    pub(crate) async fn until_open(&self, streams: usize) {
        let open = async {
            while self.hub.stats().streams != streams {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), open).await.expect("streams come and go in time");
    }
}

pub(crate) fn router(service: StreamService) -> Router {
    routes(service, Subscriber::default())
}

fn routes(service: StreamService, subscriber: Subscriber) -> Router {
    Router::new()
        .route("/events", get(stream::connect))
        .route("/events/poll", get(stream::poll))
        .route("/events/{stream}", post(stream::change_topics))
        .layer(Extension(subscriber))
        .with_state(service)
}

pub(crate) fn cursor(seq: i64) -> Cursor {
    Cursor { epoch: EPOCH.to_owned(), seq: Seq(seq) }
}

fn progress(rev: u64) -> Progress {
    Progress { rev, value: rev, ..Progress::default() }
}

fn view(job: i64, attempt: AttemptNo, state: JobState, rev: u64) -> JobView {
    let accepted = JobView::new(JobId(job), "demo", format!("Demo {job}"), "local", Micros(1));
    JobView { attempt, state, progress: progress(rev), ..accepted }
}
