//! Support: an engine in a temporary folder, a task defined by the test, and an event recorder.

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

/// Timeout of every wait; longer than anything here takes on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

type TaskFn = dyn Fn(Ctx, Input) -> BoxFuture<'static, Result<Value, TaskError>> + Send + Sync;

/// A task of kind `probe-N` that runs a function of the test.
pub(crate) struct Probe<const N: usize>(Box<TaskFn>);

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// Distinguishes jobs.
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
    const ABOUT: &'static str = "Runs a function of the test.";
    // 1 has defaults; 0 makes checkpoints and has one attempt; 2 has stages; 3 has a limit of two; 4 has three attempts; 5 has a timeout; 6 has a quiet
    // timeout.
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

/// Records all events in order.
#[derive(Default)]
pub(crate) struct EventRecorder {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    State(Box<JobView>),
    Log(JobId, u64, Vec<LogLine>),
    Progress(Box<ProgressEvent>),
}

impl Listener for EventRecorder {
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

impl EventRecorder {
    fn add(&self, events: Vec<Event>) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        self.more.notify_waiters();
    }

    /// Returns all events so far.
    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `find` returns a value for the recorded events.
    pub(crate) async fn wait<T>(&self, what: &str, find: impl Fn(&[Event]) -> Option<T>) -> T {
        self.wait_at_most(TIMEOUT, what, find).await
    }

    /// Like `wait`, with a timeout.
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
        tokio::time::timeout(at_most, found).await.unwrap_or_else(|_| panic!("no event: {what}: {:#?}", self.all()))
    }

    /// Waits for published progress of `job` that meets a condition.
    pub(crate) async fn wait_for_progress(&self, job: JobId, fits: impl Fn(&ProgressEvent) -> bool) -> ProgressEvent {
        let find = |events: &[Event]| {
            events.iter().find_map(|event| match event {
                Event::Progress(progress) if progress.job == job && fits(progress) => Some((**progress).clone()),
                _ => None,
            })
        };
        self.wait("that progress", find).await
    }

    /// Returns all published progress of `job`.
    pub(crate) fn progress_of(&self, job: JobId) -> Vec<ProgressEvent> {
        let of_job = |event| match event {
            Event::Progress(progress) if progress.job == job => Some(*progress),
            _ => None,
        };
        self.all().into_iter().filter_map(of_job).collect()
    }
}

/// A clock ahead of the system clock.
pub(crate) struct FutureClock(i64);

impl FutureClock {
    pub(crate) fn hours(hours: i64) -> Arc<Self> {
        Arc::new(Self(hours * 3_600_000_000))
    }
}

impl Clock for FutureClock {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0)
    }
}

/// Polls until a condition without an event is true, such as one of files.
pub(crate) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("timed out: {what}"));
}

/// An engine with its event recorder and folder.
pub(crate) struct TestEngine {
    pub(crate) engine: Engine,
    pub(crate) recorder: Arc<EventRecorder>,
    pub(crate) folder: TempDir,
}

impl TestEngine {
    /// Opens an engine whose `probe-0` runs `act`.
    pub(crate) async fn with_task<F, Fut>(act: F) -> Self
    where
        F: Fn(Ctx, Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        Self::build(|builder| builder.register(Probe::<0>::new(act))).await
    }

    /// Opens an engine configured by `build`.
    pub(crate) async fn build(build: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::reopen(folder, build).await
    }

    /// Opens an engine on the data of an earlier one.
    pub(crate) async fn reopen(folder: TempDir, build: impl FnOnce(Builder) -> Builder) -> Self {
        let recorder = Arc::new(EventRecorder::default());
        let builder = Engine::builder(folder.path().join("data"))
            .listener(Arc::clone(&recorder) as Arc<dyn Listener>)
            .cancel_grace(Duration::from_millis(50));
        let engine = build(builder).open().await.expect("the engine opens");
        Self { engine, recorder, folder }
    }

    /// Starts a `probe-0`.
    pub(crate) async fn start(&self) -> JobId {
        self.start_kind("probe-0", "").await
    }

    pub(crate) async fn start_kind(&self, kind: &str, name: &str) -> JobId {
        let options = StartOptions { by: "ann".into(), ..StartOptions::default() };
        self.engine.start(kind, json!({ "name": name }), options).await.expect("the input fits")
    }

    /// Opens a connection to the database, like another process.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.engine.data_dir().database().display());
        SqliteConnection::connect(&url).await.expect("it opens")
    }

    /// Executes SQL directly. Returns the number of rows changed.
    pub(crate) async fn execute_sql(&self, sql: &'static str) -> u64 {
        let mut connection = self.connect().await;
        sqlx::query(sql).execute(&mut connection).await.expect("it is changed").rows_affected()
    }

    /// Makes all heartbeats fail, like a database that no worker can write to. Other writes succeed, so that only the
    /// detection of dead workers is tested.
    pub(crate) async fn block_heartbeats(&self) {
        self.execute_sql(
            "create trigger refuse before update of heartbeat on node begin select raise(abort, 'no'); end",
        )
        .await;
    }

    /// Reverts `block_heartbeats`.
    pub(crate) async fn unblock_heartbeats(&self) {
        self.execute_sql("drop trigger refuse").await;
    }

    /// Waits for a durable event with the job in `state`.
    pub(crate) async fn wait_for_state(&self, job: JobId, state: JobState) -> JobView {
        self.wait_for_state_where(job, state, TIMEOUT, |_| true).await
    }

    /// Waits until the job is in `state` in an attempt.
    pub(crate) async fn wait_for_attempt_state(&self, job: JobId, state: JobState, attempt: u32) -> JobView {
        self.wait_for_state_where(job, state, TIMEOUT, |view| view.attempt == attempt).await
    }

    /// Waits until the job is in `state` and meets a condition.
    pub(crate) async fn wait_for_state_where(
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
        self.recorder.wait_at_most(at_most, &format!("that job {job} is {state}"), find).await
    }

    /// Returns the complete log of a job, as text.
    pub(crate) async fn log(&self, job: JobId) -> Vec<String> {
        let query = engine::store::LogQuery { from: Some(1), limit: 10_000, ..Default::default() };
        let page = self.engine.store().log(job, &query).await.expect("the log");
        page.lines.into_iter().map(|(_, line)| line.text).collect()
    }
}

/// Returns the job at the end of an attempt, if `events` contain it.
pub(crate) fn end_of_attempt(events: &[Event], job: JobId, attempt: u32) -> Option<JobView> {
    events.iter().find_map(|event| match event {
        Event::State(view) if view.job == job && view.attempt == attempt && view.state.is_terminal() => {
            Some((**view).clone())
        }
        _ => None,
    })
}

/// Tasks wait for it until the test opens it.
#[derive(Clone)]
pub(crate) struct Latch(Arc<tokio::sync::Semaphore>);

impl Latch {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1_000_000);
    }

    pub(crate) fn release_one(&self) {
        self.0.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}
