//! An engine with the built-in tasks, a root to put files into, and a way to wait for what happens.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use engine::{DurableEvent, Engine, Error, Listener, StartOptions};
use model::{JobId, JobState, JobView, ProgressEvent};
use serde_json::Value;
use server::{registry, tasks::TaskSettings};
use tempfile::TempDir;
use tokio::{sync::Notify, time::timeout};

/// Longer than any test waits for anything, however slow the machine.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Desk {
    pub(crate) engine: Engine,
    root: TempDir,
    news: Arc<News>,
    /// Goes last: the engine writes into it.
    _data: TempDir,
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

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(TaskSettings::default()).await
    }

    pub(crate) async fn with(settings: TaskSettings) -> Self {
        let (data, root) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let news = Arc::new(News::default());
        let builder = Engine::builder(data.path())
            .roots(vec![root.path().to_owned()])
            .cancel_grace(Duration::from_millis(200))
            .listener(Arc::clone(&news) as Arc<dyn Listener>);
        let engine = registry::register(builder, &settings).open().await.unwrap();
        Self { engine, root, news, _data: data }
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
        let mut writer = self.engine.uploads().begin(name, None).await.unwrap();
        writer.write(content.as_ref()).await.unwrap();
        writer.finish().await.unwrap().id
    }

    pub(crate) async fn start(&self, kind: &str, input: Value) -> JobId {
        self.try_start(kind, input).await.unwrap()
    }

    pub(crate) async fn try_start(&self, kind: &str, input: Value) -> Result<JobId, Error> {
        self.engine.start(kind, input, StartOptions { by: "tester".to_owned(), ..StartOptions::default() }).await
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
