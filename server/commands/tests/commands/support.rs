//! An engine with commands that a test declares, and helpers.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use commands::Command;
use engine::{DurableEvent, Engine, Listener, StartOptions, processes};
use model::{JobId, JobState, JobView, LogLine, Progress, ProgressEvent};
use serde_json::Value;
use tempfile::TempDir;

/// Timeout of every wait; longer than anything here takes on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub(crate) struct TestEngine {
    pub(crate) engine: Engine,
    recorder: Arc<ProgressRecorder>,
    _folder: TempDir,
}

/// Records all published progress, in order.
#[derive(Default)]
pub(crate) struct ProgressRecorder(Mutex<Vec<Progress>>);

impl Listener for ProgressRecorder {
    fn durable(&self, _: &[Arc<DurableEvent>]) {}

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.extend(events.iter().map(|event| event.progress.clone()));
    }
}

/// Parses the commands of a configuration.
pub(crate) fn declared(text: &str) -> Vec<Command> {
    let tables: toml::Table = toml::from_str(text).expect("TOML");
    let command = tables["command"].as_table().expect("tables").clone();
    command.into_iter().map(|(name, table)| Command::from_toml(&name, table).expect("a command")).collect()
}

/// Returns the table of a command `probe` that runs a shell script, with further keys.
pub(crate) fn script(script: &str, more: &str) -> String {
    format!("[command.probe]\nargv = ['sh', '-c', '''{script}''']\n{more}\n")
}

impl TestEngine {
    pub(crate) async fn new(tables: &str) -> Self {
        Self::on(tempfile::tempdir().expect("a folder"), tables).await
    }

    pub(crate) async fn on(folder: TempDir, tables: &str) -> Self {
        let recorder = Arc::<ProgressRecorder>::default();
        let engine = open(folder.path(), tables, Duration::from_secs(10), Arc::clone(&recorder)).await;
        Self { engine, recorder, _folder: folder }
    }

    pub(crate) async fn start(&self, input: Value) -> JobId {
        let options = StartOptions { by: "ann".into(), ..StartOptions::default() };
        self.engine.start("probe", input, options).await.expect("it fits")
    }

    /// Starts a `probe` and waits for its end.
    pub(crate) async fn run(&self, input: Value) -> JobView {
        let job = self.start(input).await;
        self.ended(job).await
    }

    pub(crate) async fn ended(&self, job: JobId) -> JobView {
        self.wait(job, "the end", |view| view.state.is_terminal()).await
    }

    /// Waits until the job meets a condition.
    pub(crate) async fn wait(&self, job: JobId, what: &str, condition: impl Fn(&JobView) -> bool) -> JobView {
        let begun = Instant::now();
        loop {
            let view = self.engine.job(job).await.expect("the job");
            if condition(&view) {
                return view;
            }
            assert!(begun.elapsed() < TIMEOUT, "waited too long for {what}: {view:?}\n{:?}", self.log(job).await);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the log has a line that contains the text.
    pub(crate) async fn wait_for_log(&self, job: JobId, text: &str) {
        let begun = Instant::now();
        while !self.log(job).await.iter().any(|line| line.contains(text)) {
            assert!(begun.elapsed() < TIMEOUT, "waited too long for {text:?}: {:?}", self.log(job).await);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns all published progress, in order.
    pub(crate) fn published_progress(&self) -> Vec<Progress> {
        self.recorder.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn log(&self, job: JobId) -> Vec<String> {
        self.lines(job).await.into_iter().map(|line| line.text).collect()
    }

    pub(crate) async fn lines(&self, job: JobId) -> Vec<LogLine> {
        self.engine.store().flush().await.expect("flushed");
        let query = engine::store::LogQuery { from: Some(1), limit: 10_000, ..Default::default() };
        let page = self.engine.store().log(job, &query).await.expect("the log");
        page.lines.into_iter().map(|(_, line)| line).collect()
    }
}

pub(crate) async fn open(folder: &Path, tables: &str, grace: Duration, recorder: Arc<ProgressRecorder>) -> Engine {
    let builder = Engine::builder(folder.join("data")).cancel_grace(grace).listener(recorder);
    commands::register(builder, &declared(tables)).expect("registered").open().await.expect("it opens")
}

/// Returns code and message of a failed job.
pub(crate) fn failure(view: &JobView) -> (&str, &str) {
    assert_eq!(view.state, JobState::Failed, "{view:?}");
    let failure = view.failure.as_ref().expect("why");
    (&failure.code, &failure.message)
}

/// Returns the live processes with this text in their arguments.
pub(crate) fn live_processes(text: &str) -> Vec<u32> {
    let matches = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(text)
    };
    let all = processes::all().into_iter().filter(|process| !process.ended).map(|process| process.pid);
    all.filter(|pid| *pid != std::process::id()).filter(matches).collect()
}

/// Waits until a condition is met.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < TIMEOUT, "waited too long for {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Returns a duration in seconds that no other `sleep` has, to identify its process.
pub(crate) fn unique_duration() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{}.{:03}", 100_000 + std::process::id(), next)
}
