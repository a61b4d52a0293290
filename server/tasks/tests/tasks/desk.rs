//! An engine with the built-in tasks, a root to put files into, and a way to wait for what happens.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use engine::{Builder, DurableEvent, Engine, Error, Listener, StartOptions, store::Attribution};
use model::{JobId, JobState, JobView, ProgressEvent};
use serde_json::Value;
use tasks::{Limits, TaskSettings};
use tempfile::TempDir;
use tokio::{sync::Notify, time::timeout};

/// Longer than any test waits for anything, however slow the machine.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct TestEngine {
    pub(crate) engine: Engine,
    root: TempDir,
    news: Arc<News>,
    /// Goes last: the engine writes into it.
    data: TempDir,
}

/// A job that is over.
pub(crate) struct Ended {
    pub(crate) view: JobView,
    pub(crate) output: Value,
}

/// Wakes who waits, whatever the news.
#[derive(Default)]
struct News(Notify);

impl Listener for News {
    fn durable(&self, _: &[Arc<DurableEvent>]) {
        self.0.notify_waiters();
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {
        self.0.notify_waiters();
    }
}

impl TestEngine {
    pub(crate) async fn open() -> Self {
        Self::with(TaskSettings::default()).await
    }

    pub(crate) async fn with(settings: TaskSettings) -> Self {
        Self::built(settings, |builder| builder).await
    }

    /// One whose tasks make as many checkpoints as they can.
    pub(crate) async fn with_checkpoints() -> Self {
        let limits = Limits { frame: 1 << 16, ..Limits::default() };
        let settings = TaskSettings { allow_private_links: true, limits };
        Self::built(settings, |builder| builder.checkpoint_every(Duration::ZERO)).await
    }

    /// One whose tasks make none while a test lasts.
    pub(crate) async fn without_checkpoints() -> Self {
        let settings = TaskSettings { allow_private_links: true, ..TaskSettings::default() };
        Self::built(settings, |builder| builder.checkpoint_every(Duration::from_hours(1))).await
    }

    async fn built(settings: TaskSettings, build: impl FnOnce(Builder) -> Builder) -> Self {
        Self::on(TempDir::new().unwrap(), TempDir::new().unwrap(), settings, build).await
    }

    async fn on(data: TempDir, root: TempDir, settings: TaskSettings, build: impl FnOnce(Builder) -> Builder) -> Self {
        let news = Arc::new(News::default());
        let builder = Engine::builder(data.path())
            .roots(vec![root.path().to_owned()])
            .cancel_grace(Duration::from_millis(200))
            .listener(Arc::clone(&news) as Arc<dyn Listener>);
        let engine = tasks::register(build(builder), &settings).open().await.unwrap();
        Self { engine, root, news, data }
    }

    /// The desk after a restart of its server, which hands back what runs.
    pub(crate) async fn restarted(self) -> Self {
        let Self { engine, root, data, .. } = self;
        engine.shutdown(Duration::ZERO).await;
        drop(engine);
        let settings = TaskSettings { allow_private_links: true, ..TaskSettings::default() };
        Self::on(data, root, settings, |builder| builder).await
    }

    /// The desk after a restore as docs/operations.md says it: this backup has taken the place of the database, and all
    /// other files are where they were.
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

    /// Puts a file under the root, with the folders it lies in.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Uploads a file; answers what an input field holds.
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

    /// Runs a job that must fail; answers code and message.
    pub(crate) async fn fail(&self, kind: &str, input: Value) -> (JobId, String, String) {
        let ended = self.run(kind, input).await;
        assert_eq!(ended.view.state, JobState::Failed, "{:?}", ended.output);
        let failure = ended.view.failure.unwrap();
        (ended.view.job, failure.code, failure.message)
    }

    /// Waits until the job is over.
    pub(crate) async fn ended(&self, job: JobId) -> Ended {
        let view = self.when(job, |view| view.state.is_terminal()).await;
        let output = self.engine.store().detail(job).await.unwrap().output.unwrap_or_default();
        Ended { view, output }
    }

    /// Waits until the job is as wanted.
    pub(crate) async fn when(&self, job: JobId, wanted: impl Fn(&JobView) -> bool) -> JobView {
        let wait = async {
            loop {
                // Armed before looking, so that nothing is missed in between.
                let news = self.news.0.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                let view = self.engine.job(job).await.unwrap();
                if wanted(&view) {
                    return view;
                }
                news.await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it happens at last")
    }

    /// Waits until the running attempt of the job has made a checkpoint of work done; `false` where it has ended before.
    pub(crate) async fn is_checkpointed(&self, job: JobId) -> bool {
        // Before that the checkpoint of a checksum says how much there is to do, and that of an import of what types.
        self.has_checkpoint(job, |data| data["done"]["size"] != 0 && data["guesses"].is_null()).await
    }

    /// Waits until it has made one while it finds out what there is to do.
    pub(crate) async fn is_checkpointed_early(&self, job: JobId) -> bool {
        self.has_checkpoint(job, |data| !data["at"].is_null() || !data["guesses"].is_null()).await
    }

    /// Waits until it has made one that is as wanted.
    pub(crate) async fn has_checkpoint(&self, job: JobId, wanted: impl Fn(&Value) -> bool) -> bool {
        let tells = |data: &str| wanted(&serde_json::from_str::<Value>(data).unwrap());
        let made = async {
            loop {
                let view = self.engine.job(job).await.unwrap();
                let checkpoint = self.engine.store().checkpoint(job).await.unwrap();
                if view.state.is_terminal()
                    || checkpoint.is_some_and(|kept| kept.attempt == view.attempt && tells(&kept.data))
                {
                    return !view.state.is_terminal();
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, made).await.expect("it happens at last")
    }

    /// Does a job in several attempts: the first is cancelled, the second is taken away from its worker, which goes on for
    /// a while without knowing, the third is paused, the fourth may end.
    pub(crate) async fn succeed_in_pieces(&self, kind: &str, input: Value) -> Ended {
        let store = self.engine.store();
        // Who is too fast to be stopped begins again.
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
            let mut ended = self.ended(job).await;
            if ended.view.state == JobState::Interrupted {
                self.engine.retry(job, "tester").await.unwrap();
                let over = |view: &JobView| view.state.is_terminal() || view.state == JobState::Paused;
                self.when(job, |view| view.state == JobState::Running || over(view)).await;
                // Refused where it is too fast.
                let _ = self.engine.pause(job, "tester").await;
                if self.when(job, over).await.state == JobState::Paused {
                    self.engine.resume(job, "tester").await.unwrap();
                }
                ended = self.ended(job).await;
            }
            assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
            assert!(self.log(job).await.contains("continues after"), "it does not start again");
            return ended;
        }
        panic!("it ends before it can be stopped, every time");
    }

    /// Does a job that is cancelled three times while it finds out what there is to do, or as often as it can be caught
    /// there.
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
        panic!("it has found out before it can be stopped, every time");
    }

    /// What an artifact holds.
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

    /// All that the job's log says.
    pub(crate) async fn log(&self, job: JobId) -> String {
        let query = engine::store::LogQuery { limit: 10_000, ..Default::default() };
        let page = self.engine.store().log(job, &query).await.unwrap();
        page.lines.iter().map(|(_, line)| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}
