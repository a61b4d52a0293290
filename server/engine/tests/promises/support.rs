//! An engine in a folder of its own, a task that does what the test says, and a listener that remembers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine::{
    Backoff, Builder, Clock, Ctx, DurableEvent, Engine, Kind, Listener, StartOptions, SystemClock, Task, TaskError,
};
use futures_util::future::BoxFuture;
use model::{JobId, JobState, JobView, LogLine, Micros, ProgressEvent, StreamEvent};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

type Act = dyn Fn(Ctx, Input) -> BoxFuture<'static, Result<Value, TaskError>> + Send + Sync;

/// A task that does what the test says, of kind `probe-N`. It has the stages `One` and `Two`.
pub(crate) struct Probe<const N: usize>(Box<Act>);

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// Tells jobs apart.
    #[serde(default)]
    pub(crate) name: String,
}

impl<const N: usize> Probe<N> {
    pub(crate) fn new<F, Fut>(act: F) -> Self
    where
        F: Fn(Ctx, Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        Self(Box::new(move |ctx, input| Box::pin(act(ctx, input))))
    }
}

impl<const N: usize> Task for Probe<N> {
    const KIND: Kind = Kind::new(["probe-0", "probe-1", "probe-2", "probe-3", "probe-4", "probe-5", "probe-6"][N]);
    const NAME: &'static str = "Probe";
    const ABOUT: &'static str = "Does what the test says.";
    // 0 and 1 are of one piece; 2 has stages; 3 may run twice at once; 4 may be tried three times; 5 must be quick; 6 must
    // say something.
    const STAGES: &'static [&'static str] = if N == 2 { &["One", "Two"] } else { &[] };
    const WEIGHTS: &'static [f64] = if N == 2 { &[1.0, 3.0] } else { &[] };
    const CHECKPOINTS: bool = N == 0;
    const LIMIT: Option<u32> = if N == 3 { Some(2) } else { None };
    const MAX_ATTEMPTS: u32 = if N == 4 { 3 } else { 1 };
    const BACKOFF: Backoff = Backoff::List(&[Duration::from_millis(20), Duration::from_hours(1)]);
    const TIMEOUT: Option<Duration> = if N == 5 { Some(Duration::from_millis(300)) } else { None };
    const QUIET_TIMEOUT: Option<Duration> = if N == 6 { Some(Duration::from_millis(100)) } else { None };
    type Input = Input;
    type Output = Value;

    fn title(input: &Input) -> String {
        format!("Probe {}", input.name)
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Value, TaskError> {
        (self.0)(ctx.clone(), input).await
    }
}

/// Everything that was heard, in order.
#[derive(Default)]
pub(crate) struct Heard {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    State(Box<JobView>),
    Log(JobId, u64, Vec<LogLine>),
    Progress(Box<ProgressEvent>),
}

impl Listener for Heard {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let events = events.iter().filter_map(|event| match &event.event {
            StreamEvent::State(state) => Some(Event::State(Box::new(state.view.clone()))),
            StreamEvent::Log(log) => Some(Event::Log(log.job, log.first_line, log.lines.clone())),
            _ => None,
        });
        self.add(events.collect());
    }

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        self.add(events.iter().map(|event| Event::Progress(Box::new((**event).clone()))).collect());
    }
}

impl Heard {
    fn add(&self, events: Vec<Event>) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        self.more.notify_waiters();
    }

    /// All so far.
    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `find` finds something in what was heard.
    pub(crate) async fn wait<T>(&self, what: &str, find: impl Fn(&[Event]) -> Option<T>) -> T {
        self.wait_at_most(LONG, what, find).await
    }

    /// The same, for so long.
    pub(crate) async fn wait_at_most<T>(
        &self,
        at_most: Duration,
        what: &str,
        find: impl Fn(&[Event]) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let mut more = std::pin::pin!(self.more.notified());
                more.as_mut().enable();
                if let Some(found) = find(&self.all()) {
                    return found;
                }
                more.await;
            }
        };
        tokio::time::timeout(at_most, found).await.unwrap_or_else(|_| panic!("never heard {what}: {:#?}", self.all()))
    }

    /// Waits for a published progress of `job` that fits.
    pub(crate) async fn progress_of(&self, job: JobId, fits: impl Fn(&ProgressEvent) -> bool) -> ProgressEvent {
        let find = |events: &[Event]| {
            events.iter().find_map(|event| match event {
                Event::Progress(progress) if progress.job == job && fits(progress) => Some((**progress).clone()),
                _ => None,
            })
        };
        self.wait("that progress", find).await
    }

    /// All published progress of `job`.
    pub(crate) fn all_progress_of(&self, job: JobId) -> Vec<ProgressEvent> {
        let of_job = |event| match event {
            Event::Progress(progress) if progress.job == job => Some(*progress),
            _ => None,
        };
        self.all().into_iter().filter_map(of_job).collect()
    }
}

/// A clock that is ahead of the machine's.
pub(crate) struct Ahead(i64);

impl Ahead {
    pub(crate) fn hours(hours: i64) -> Arc<Self> {
        Arc::new(Self(hours * 3_600_000_000))
    }
}

impl Clock for Ahead {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0)
    }
}

/// Waits until `is_so` is true of what nothing tells of, such as files.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
}

/// An engine and what goes with it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) heard: Arc<Heard>,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// One whose `probe-0` does `act`.
    pub(crate) async fn with<F, Fut>(act: F) -> Self
    where
        F: Fn(Ctx, Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        Self::built(|builder| builder.register(Probe::<0>::new(act))).await
    }

    /// One that `build` has made.
    pub(crate) async fn built(build: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::reopened(folder, build).await
    }

    /// One on the data of an earlier one.
    pub(crate) async fn reopened(folder: TempDir, build: impl FnOnce(Builder) -> Builder) -> Self {
        let heard = Arc::new(Heard::default());
        let builder = Engine::builder(folder.path().join("data"))
            .listener(Arc::clone(&heard) as Arc<dyn Listener>)
            .cancel_grace(Duration::from_millis(50));
        let engine = build(builder).open().await.expect("the engine opens");
        Self { engine, heard, folder }
    }

    /// Starts a `probe-0`.
    pub(crate) async fn start(&self) -> JobId {
        self.start_kind("probe-0", "").await
    }

    pub(crate) async fn start_kind(&self, kind: &str, name: &str) -> JobId {
        let options = StartOptions { by: "ann".into(), ..StartOptions::default() };
        self.engine.start(kind, json!({ "name": name }), options).await.expect("the input fits")
    }

    /// Another process, as far as the database can tell.
    pub(crate) async fn another_process(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.engine.data_dir().database().display());
        SqliteConnection::connect(&url).await.expect("it opens")
    }

    /// Changes the data behind the back of everybody; answers how many rows.
    pub(crate) async fn meddle(&self, sql: &'static str) -> u64 {
        let mut connection = self.another_process().await;
        sqlx::query(sql).execute(&mut connection).await.expect("it is changed").rows_affected()
    }

    /// From here on nobody's beat is accepted, as where nobody can write; what else is written is, so that nothing but
    /// their judgement keeps the processes from taking each other's jobs.
    pub(crate) async fn refuse_beats(&self) {
        self.meddle("create trigger refuse before update of heartbeat on node begin select raise(abort, 'no'); end")
            .await;
    }

    /// The same, until now.
    pub(crate) async fn accept_beats(&self) {
        self.meddle("drop trigger refuse").await;
    }

    /// Waits until the job is in `state`, told by a durable event.
    pub(crate) async fn reaches(&self, job: JobId, state: JobState) -> JobView {
        self.reaches_where(job, state, LONG, |_| true).await
    }

    /// Waits until the job is in `state` in that attempt.
    pub(crate) async fn reaches_attempt(&self, job: JobId, state: JobState, attempt: u32) -> JobView {
        self.reaches_where(job, state, LONG, |view| view.attempt == attempt).await
    }

    /// Waits until the job is in `state` and fits.
    pub(crate) async fn reaches_where(
        &self,
        job: JobId,
        state: JobState,
        at_most: Duration,
        fits: impl Fn(&JobView) -> bool,
    ) -> JobView {
        let find = |events: &[Event]| {
            events.iter().find_map(|event| match event {
                Event::State(view) if view.job == job && view.state == state && fits(view) => Some((**view).clone()),
                _ => None,
            })
        };
        self.heard.wait_at_most(at_most, &format!("that job {job} is {state}"), find).await
    }

    /// The whole log of a job, as text.
    pub(crate) async fn log(&self, job: JobId) -> Vec<String> {
        let query = engine::store::LogQuery { from: Some(1), limit: 10_000, ..Default::default() };
        let page = self.engine.store().log(job, &query).await.expect("the log");
        page.lines.into_iter().map(|(_, line)| line.text).collect()
    }
}

/// How an attempt of the job ended, if that is among `events`.
pub(crate) fn end_of(events: &[Event], job: JobId, attempt: u32) -> Option<JobView> {
    events.iter().find_map(|event| match event {
        Event::State(view) if view.job == job && view.attempt == attempt && view.state.is_terminal() => {
            Some((**view).clone())
        }
        _ => None,
    })
}

/// Opened once by the test, waited for by tasks.
#[derive(Clone)]
pub(crate) struct Gate(Arc<tokio::sync::Semaphore>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1_000_000);
    }

    pub(crate) fn let_one_pass(&self) {
        self.0.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}
