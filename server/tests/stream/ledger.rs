//! A source written by hand: a test decides what is committed and when it is published.

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
    ProgressEvent, Seq, Snapshot, StateEvent, StreamEvent, Tone,
};
use server::{
    limits::{StreamLimits, StreamOwner},
    stream::{self, Hub, Source, StreamService, StreamTiming, Subscriber},
};
use tokio_util::sync::CancellationToken;

pub(crate) const EPOCH: &str = "e1";

/// Streams of one ledger.
pub(crate) struct Ledger {
    pub(crate) hub: Arc<Hub>,
    pub(crate) drain: CancellationToken,
    past: Arc<Past>,
}

#[derive(Default)]
struct Past {
    kept: Mutex<Kept>,
    /// How often each reading gives way before it reads.
    give_way: AtomicI64,
    readings: AtomicUsize,
    /// Happens after each reading of a snapshot, before it is known to anybody.
    meanwhile: Mutex<Option<Box<dyn FnMut() + Send>>>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Arc<DurableEvent>>,
    jobs: BTreeMap<JobId, JobView>,
    trimmed: usize,
}

impl Past {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    async fn pause(&self) {
        self.readings.fetch_add(1, Relaxed);
        for _ in 0..self.give_way.load(Relaxed) {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Source for Past {
    async fn position(&self) -> Result<Cursor> {
        self.pause().await;
        Ok(cursor(self.kept().events.len() as i64))
    }

    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)> {
        self.pause().await;
        let answer = {
            let kept = self.kept();
            let jobs = topics.job.union(&topics.row).filter_map(|job| kept.jobs.get(job).cloned()).collect();
            (cursor(kept.events.len() as i64), Snapshot { jobs, ..Snapshot::default() })
        };
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().as_mut() {
            meanwhile();
        }
        self.pause().await;
        Ok(answer)
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>> {
        self.pause().await;
        let kept = self.kept();
        if (seq.0 as usize) < kept.trimmed {
            return Ok(None);
        }
        Ok(Some(kept.events.iter().skip(seq.0 as usize).take(limit as usize).cloned().collect()))
    }

    fn now(&self) -> Micros {
        Micros(1_795_000_000_000_000)
    }
}

impl Ledger {
    pub(crate) async fn new(timing: StreamTiming) -> Self {
        let (hub, drain, past) = (Hub::new(), CancellationToken::new(), Arc::<Past>::default());
        // Names the log; its streams are never drained, so that those of the test are once.
        Self::service(&hub, &past, timing, StreamLimits::default(), &CancellationToken::new()).await;
        Self { hub, drain, past }
    }

    async fn service(
        hub: &Arc<Hub>,
        past: &Arc<Past>,
        timing: StreamTiming,
        limits: StreamLimits,
        drain: &CancellationToken,
    ) -> StreamService {
        let source = Arc::clone(past) as Arc<dyn Source>;
        StreamService::open(Arc::clone(hub), source, "test".into(), timing, limits, drain.clone()).await.unwrap()
    }

    pub(crate) async fn router(&self, timing: StreamTiming) -> Router {
        router(Self::service(&self.hub, &self.past, timing, StreamLimits::default(), &self.drain).await)
    }

    /// One whose streams have these limits, for each of these owners.
    pub(crate) async fn routers<const N: usize>(&self, limits: StreamLimits, owners: [StreamOwner; N]) -> [Router; N] {
        let service = Self::service(&self.hub, &self.past, StreamTiming::default(), limits, &self.drain).await;
        owners.map(|owner| routes(service.clone(), Subscriber { owner, ..Subscriber::default() }))
    }

    /// How often the past has been asked for anything.
    pub(crate) fn readings(&self) -> usize {
        self.past.readings.load(Relaxed)
    }

    /// A router for this subscriber.
    pub(crate) async fn router_for(&self, subscriber: Subscriber) -> Router {
        let limits = StreamLimits::default();
        routes(Self::service(&self.hub, &self.past, StreamTiming::default(), limits, &self.drain).await, subscriber)
    }

    /// Makes the readings of streams give way to others so often.
    pub(crate) fn give_way(&self, times: i64) {
        self.past.give_way.store(times, Relaxed);
    }

    /// Commits a change of state without publishing it.
    pub(crate) fn commit_state(&self, job: i64, attempt: AttemptNo, state: JobState, rev: u64) -> Arc<DurableEvent> {
        let view = view(job, attempt, state, rev);
        self.past.kept().jobs.insert(view.job, view.clone());
        self.commit(Some(view.job), StreamEvent::State(Box::new(StateEvent { view, code: None, counts: None })))
    }

    pub(crate) fn commit_log(&self, job: i64, line: u64, text: &str) -> Arc<DurableEvent> {
        let lines = vec![LogLine::plain(Micros(1), Level::Info, text)];
        let event = LogEvent { job: JobId(job), attempt: 1, first_line: line, lines };
        self.commit(Some(JobId(job)), StreamEvent::Log(event))
    }

    fn commit(&self, job: Option<JobId>, event: StreamEvent) -> Arc<DurableEvent> {
        let mut kept = self.past.kept();
        let seq = Seq(kept.events.len() as i64 + 1);
        let event = Arc::new(DurableEvent { seq, job, event });
        kept.events.push(Arc::clone(&event));
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
        let (job, number) = (to.job(), Seq(self.past.kept().events.len() as i64 + 1));
        let (text, from) = (text.to_owned(), "ann".to_owned());
        let message = MessageEvent { number, to, text, from, tone: Tone::Info, at: Micros(1) };
        self.publish(self.commit(job, StreamEvent::Message(message)));
        number
    }

    pub(crate) fn tick(&self, job: i64, attempt: AttemptNo, rev: u64) {
        let event = ProgressEvent { job: JobId(job), attempt, progress: progress(rev) };
        self.hub.progress(&[Arc::new(event)]);
    }

    /// Runs `happens` after each read of a snapshot, before its result is used.
    pub(crate) fn meanwhile(self: &Arc<Self>, mut happens: impl FnMut(&Self) + Send + 'static) {
        let ledger = Arc::downgrade(self);
        let happens = move || ledger.upgrade().iter().for_each(|ledger| happens(ledger));
        *self.past.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }

    /// Gives a job a message of this length, bytes.
    pub(crate) fn swell(&self, job: i64, bytes: usize) {
        let mut kept = self.past.kept();
        kept.jobs.get_mut(&JobId(job)).unwrap().progress.message = "m".repeat(bytes);
    }

    /// Forgets the oldest events.
    pub(crate) fn trim(&self, events: usize) {
        self.past.kept().trimmed = events;
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
