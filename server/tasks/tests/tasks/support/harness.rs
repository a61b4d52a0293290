//! Test harness: an engine with the built-in tasks, a root for files, and waits for the state of a job.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use engine::{Builder, DurableEvent, Engine, Error, Listener, StartOptions, store::Attribution};
use model::{JobId, JobState, JobView, ProgressEvent};
use serde_json::Value;
use tasks::{Limits, TaskSettings};
use tempfile::TempDir;
use tokio::{sync::Notify, time::timeout};

/// Longest wait, for slow machines.
const DEADLINE: Duration = Duration::from_mins(2);

pub(crate) struct TaskHarness {
    pub(crate) engine: Engine,
    root: TempDir,
    wakeup: Arc<Wakeup>,
    /// The last field, dropped last: the engine writes into it.
    data: TempDir,
}

/// A job that has ended.
pub(crate) struct Ended {
    pub(crate) view: JobView,
    pub(crate) output: Value,
}

/// Wakes all waits at every event.
#[derive(Default)]
struct Wakeup(Notify);

impl Listener for Wakeup {
    fn durable(&self, _: &[Arc<DurableEvent>]) {
        self.0.notify_waiters();
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {
        self.0.notify_waiters();
    }
}

impl TaskHarness {
    pub(crate) async fn open() -> Self {
        Self::with(TaskSettings::default()).await
    }

    pub(crate) async fn with(settings: TaskSettings) -> Self {
        Self::built(settings, |builder| builder).await
    }

    /// A harness whose tasks make as many checkpoints as they can.
    pub(crate) async fn with_checkpoints() -> Self {
        let limits = Limits { frame: 1 << 16, ..Limits::default() };
        let settings = TaskSettings { allow_private_links: true, limits };
        Self::built(settings, |builder| builder.checkpoint_every(Duration::ZERO)).await
    }

    /// A harness whose tasks make no checkpoint during a test.
    pub(crate) async fn without_checkpoints() -> Self {
        let settings = TaskSettings { allow_private_links: true, ..TaskSettings::default() };
        Self::built(settings, |builder| builder.checkpoint_every(Duration::from_hours(1))).await
    }

    async fn built(settings: TaskSettings, build: impl FnOnce(Builder) -> Builder) -> Self {
        Self::on(TempDir::new().unwrap(), TempDir::new().unwrap(), settings, build).await
    }

    async fn on(data: TempDir, root: TempDir, settings: TaskSettings, build: impl FnOnce(Builder) -> Builder) -> Self {
        let wakeup = Arc::new(Wakeup::default());
        let builder = Engine::builder(data.path())
            .roots(vec![root.path().to_owned()])
            .cancel_grace(Duration::from_millis(200))
            .listener(Arc::clone(&wakeup) as Arc<dyn Listener>);
        let engine = tasks::register(build(builder), &settings).open().await.unwrap();
        Self { engine, root, wakeup, data }
    }

    /// Restarts the server, which releases the running jobs.
    pub(crate) async fn restarted(self) -> Self {
        let Self { engine, root, data, .. } = self;
        engine.shutdown(Duration::ZERO).await;
        drop(engine);
        let settings = TaskSettings { allow_private_links: true, ..TaskSettings::default() };
        Self::on(data, root, settings, |builder| builder).await
    }

    /// Restores a backup as docs/operations.md describes: it replaces the database, and all other files stay.
    pub(crate) async fn restored(self, backup: &str) -> Self {
        let Self { engine, root, data, .. } = self;
        engine.shutdown(Duration::ZERO).await;
        drop(engine);
        let restored = TempDir::new().unwrap();
        for entry in fs::read_dir(data.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.starts_with("milepost.db") {
                fs::rename(data.path().join(&name), restored.path().join(name)).unwrap();
            }
        }
        fs::copy(restored.path().join("backups").join(backup), restored.path().join("milepost.db")).unwrap();
        Self::on(restored, root, TaskSettings::default(), |builder| builder).await
    }

    /// The folder that tasks may read.
    pub(crate) fn root(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    /// Creates a file below the root, with its folders.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Uploads a file. Returns the value of the input field.
    pub(crate) async fn upload(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let mut writer = self.engine.uploads().begin(name, None, &Attribution::default()).await.unwrap();
        writer.write(content.as_ref()).await.unwrap();
        writer.finish().await.unwrap().id
    }

    pub(crate) async fn start(&self, kind: &str, input: Value) -> JobId {
        self.try_start(kind, input).await.unwrap()
    }

    pub(crate) async fn try_start(&self, kind: &str, input: Value) -> Result<JobId, Error> {
        self.engine.start(kind, input, StartOptions { by: "tester".into(), ..StartOptions::default() }).await
    }

    /// Starts a job and waits for its end.
    pub(crate) async fn run(&self, kind: &str, input: Value) -> Ended {
        let job = self.start(kind, input).await;
        self.ended(job).await
    }

    /// Runs a job that must succeed.
    pub(crate) async fn succeed(&self, kind: &str, input: Value) -> Ended {
        let ended = self.run(kind, input).await;
        assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
        ended
    }

    /// Runs a job that must fail; returns job, code and message.
    pub(crate) async fn fail(&self, kind: &str, input: Value) -> (JobId, String, String) {
        let ended = self.run(kind, input).await;
        assert_eq!(ended.view.state, JobState::Failed, "{:?}", ended.output);
        let failure = ended.view.failure.unwrap();
        (ended.view.job, failure.code, failure.message)
    }

    /// Waits until the job has ended.
    pub(crate) async fn ended(&self, job: JobId) -> Ended {
        let view = self.when(job, |view| view.state.is_terminal()).await;
        let output = self.engine.store().detail(job).await.unwrap().output.unwrap_or_default();
        Ended { view, output }
    }

    /// Waits until the job is as wanted.
    pub(crate) async fn when(&self, job: JobId, wanted: impl Fn(&JobView) -> bool) -> JobView {
        let wait = async {
            loop {
                // Enabled before the job is read, so that no event is missed in between.
                let wakeup = self.wakeup.0.notified();
                tokio::pin!(wakeup);
                wakeup.as_mut().enable();
                let view = self.engine.job(job).await.unwrap();
                if wanted(&view) {
                    return view;
                }
                wakeup.await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it happens in time")
    }

    /// Waits for a checkpoint of finished work by the running attempt; `false` if the attempt ends first.
    pub(crate) async fn is_checkpointed(&self, job: JobId) -> bool {
        // Before that the checkpoint of a checksum says how much there is to do, and that of an import of what types.
        self.has_checkpoint(job, |data| data["done"]["size"] != 0 && data["guesses"].is_null()).await
    }

    /// Waits for a checkpoint from the scan that comes before the work.
    pub(crate) async fn is_checkpointed_early(&self, job: JobId) -> bool {
        self.has_checkpoint(job, |data| !data["at"].is_null() || !data["guesses"].is_null()).await
    }

    /// Waits for a checkpoint that is as wanted.
    pub(crate) async fn has_checkpoint(&self, job: JobId, wanted: impl Fn(&Value) -> bool) -> bool {
        let matches = |data: &str| wanted(&serde_json::from_str::<Value>(data).unwrap());
        let made = async {
            loop {
                let view = self.engine.job(job).await.unwrap();
                let checkpoint = self.engine.store().checkpoint(job).await.unwrap();
                if view.state.is_terminal()
                    || checkpoint.is_some_and(|kept| kept.attempt == view.attempt && matches(&kept.data))
                {
                    return !view.state.is_terminal();
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, made).await.expect("it happens in time")
    }

    /// Runs a job in four attempts: the first is cancelled, the second loses its lease while its worker continues for a
    /// while, the third is paused, the fourth may end.
    pub(crate) async fn succeed_in_pieces(&self, kind: &str, input: Value) -> Ended {
        let store = self.engine.store();
        // A job that ends before it can be stopped is started again.
        for _ in 0..20 {
            let job = self.start(kind, input.clone()).await;
            if !self.is_checkpointed(job).await {
                continue;
            }
            self.engine.cancel(job, "tester").await.unwrap();
            if self.ended(job).await.view.state == JobState::Succeeded {
                continue;
            }
            self.engine.retry(job, "tester").await.unwrap();
            if self.is_checkpointed(job).await {
                store.settle(&store.workers_with_jobs().await.unwrap()).await.unwrap();
            }
            // The next attempt starts by itself.
            let over = |view: &JobView| view.state.is_terminal() || view.state == JobState::Paused;
            self.when(job, |view| view.state == JobState::Running && view.attempt > 2 || over(view)).await;
            // Rejected if the job has already ended.
            let _ = self.engine.pause(job, "tester").await;
            if self.when(job, over).await.state == JobState::Paused {
                self.engine.resume(job, "tester").await.unwrap();
            }
            let ended = self.ended(job).await;
            assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
            assert!(self.log(job).await.contains("continues after"), "it does not start again");
            return ended;
        }
        panic!("the job ends before it can be stopped, every time");
    }

    /// Runs a job that is cancelled up to three times during the scan that comes before the work.
    pub(crate) async fn succeed_caught_early(&self, kind: &str, input: Value) -> Ended {
        for _ in 0..20 {
            let job = self.start(kind, input.clone()).await;
            let mut caught = 0;
            while caught < 3 && self.is_checkpointed_early(job).await {
                self.engine.cancel(job, "tester").await.unwrap();
                if self.ended(job).await.view.state == JobState::Succeeded {
                    break;
                }
                caught += 1;
                self.engine.retry(job, "tester").await.unwrap();
            }
            let ended = self.ended(job).await;
            assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
            if caught > 0 {
                assert!(self.log(job).await.contains("continues after"), "it does not start again");
                return ended;
            }
        }
        panic!("the scan ends before it can be stopped, every time");
    }

    /// The content of an artifact.
    pub(crate) async fn artifact(&self, job: JobId, name: &str) -> Vec<u8> {
        let (_, path) = self.engine.artifact(job, name).await.unwrap();
        fs::read(path).unwrap()
    }

    /// An artifact in CSV: its records, the header first.
    pub(crate) async fn table(&self, job: JobId, name: &str) -> Vec<Vec<String>> {
        let content = self.artifact(job, name).await;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(content.as_slice());
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    /// The log of the job.
    pub(crate) async fn log(&self, job: JobId) -> String {
        let query = engine::store::LogQuery { limit: 10_000, ..Default::default() };
        let page = self.engine.store().log(job, &query).await.unwrap();
        page.lines.iter().map(|(_, line)| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}
