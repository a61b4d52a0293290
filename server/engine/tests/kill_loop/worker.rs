//! Worker: the process that is killed. A real engine with simulated users who start, cancel, retry and delete without
//! pause. It reports everything after it was acknowledged.

use std::{
    env,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use engine::{
    DurableEvent, Engine, Error, Listener, StartOptions,
    store::{CancelOutcome, ListQuery, PauseOutcome},
};
use model::{Counts, JobId, Micros, Priority, ProgressEvent, StreamEvent};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    report::Report,
    tasks::{self, KINDS},
};

/// Environment variable with the configuration of a worker.
const CONFIG: &str = "MILEPOST_KILL_LOOP";
/// Short, so that suspensions can be short.
const LEASE: Duration = Duration::from_millis(300);
/// Existing jobs that users act on.
const MAX_KNOWN_JOBS: u32 = 200;

/// The configuration of a worker.
pub(crate) struct WorkerConfig {
    pub(crate) data: PathBuf,
    pub(crate) seed: u64,
    /// Its number among all processes on this data.
    pub(crate) number: u32,
    /// Whether it is a worker, which neither creates nor maintains the database.
    pub(crate) joins: bool,
    /// Simulated users. With none, it finishes all jobs and exits.
    pub(crate) users: u32,
}

impl WorkerConfig {
    /// Sets the environment of `command`.
    pub(crate) fn set_env(&self, command: &mut Command) {
        let Self { data, seed, number, joins, users } = self;
        command.env(CONFIG, json!([data, seed, number, joins, users]).to_string());
    }

    /// Reads the configuration, if this process is a worker.
    fn from_env() -> Option<Self> {
        let text = env::var(CONFIG).ok()?;
        let (data, seed, number, joins, users) = serde_json::from_str(&text).expect("as they were given");
        Some(Self { data, seed, number, joins, users })
    }
}

#[test]
#[ignore = "the program that the other test runs and kills"]
fn child_process_with_running_job() {
    let Some(config) = WorkerConfig::from_env() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(run(config));
}

async fn run(config: WorkerConfig) {
    let (sender, unfinished) = watch::channel(Counts::default());
    let engine = open(&config, &sender).await;
    let nodes = engine.store().nodes().await.expect("read").into_iter();
    let worker = nodes.filter(|node| node.pid == std::process::id()).map(|node| node.worker.0).next();
    Report::Ready { worker }.send();
    if config.users == 0 {
        sender.send_replace(engine.store().counts().await.expect("read"));
        return finish_all(engine, unfinished).await;
    }
    let query = ListQuery { limit: MAX_KNOWN_JOBS, ..ListQuery::default() };
    let page = engine.store().page(&query).await.expect("read");
    let known = Arc::new(Mutex::new(page.jobs.iter().map(|view| view.job).collect::<Vec<_>>()));
    let mut users = JoinSet::new();
    for number in 0..config.users {
        let rng = StdRng::seed_from_u64(config.seed ^ u64::from(number));
        let name = format!("process {}, user {number}", config.number);
        users.spawn(SimulatedUser { engine: engine.clone(), known: Arc::clone(&known), rng, name }.run());
    }
    users.join_next().await.expect("there are users").expect("users do not panic");
}

/// Opens the engine after any crash of earlier processes.
async fn open(config: &WorkerConfig, sender: &watch::Sender<Counts>) -> Engine {
    loop {
        let builder = Engine::builder(&config.data)
            .concurrency(8)
            .cancel_grace(Duration::from_millis(20))
            .lease(LEASE / 3, LEASE)
            .listener(Arc::new(CountsPublisher(sender.clone())));
        let builder = if config.joins { builder.joining() } else { builder };
        match tasks::register(builder).open().await {
            // The server that creates the database may be dead already.
            Err(Error::NotReady(_)) if config.joins => tokio::time::sleep(Duration::from_millis(1)).await,
            opened => return opened.expect("it opens"),
        }
    }
}

/// Waits until no job is left to run and no file of a deleted job is left, then shuts down.
async fn finish_all(engine: Engine, mut counts: watch::Receiver<Counts>) {
    let over = counts.wait_for(|counts| counts.scheduled + counts.queued + counts.running == 0);
    over.await.expect("the engine listens");
    while has_garbage(&engine).await {
        // Removal of files publishes no event.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.shutdown(Duration::from_secs(10)).await;
}

/// Whether there are files of deleted jobs.
async fn has_garbage(engine: &Engine) -> bool {
    let folders = std::fs::read_dir(engine.data_dir().jobs()).into_iter().flatten();
    let names = folders.map(|folder| folder.expect("it can be listed").file_name());
    let jobs =
        names.map(|name| JobId(name.to_str().and_then(|name| name.parse().ok()).expect("it is named by its job")));
    let jobs: Vec<JobId> = jobs.collect();
    engine.store().existing(&jobs).await.expect("read").len() < jobs.len()
}

/// Publishes the number of jobs in each state.
struct CountsPublisher(watch::Sender<Counts>);

impl Listener for CountsPublisher {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let counts = events.iter().rev().find_map(|event| match &event.event {
            StreamEvent::State(state) => state.counts,
            _ => None,
        });
        if let Some(counts) = counts {
            self.0.send_replace(counts);
        }
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {}
}

/// A simulated user who executes random commands in sequence.
struct SimulatedUser {
    engine: Engine,
    known: Arc<Mutex<Vec<JobId>>>,
    rng: StdRng,
    name: String,
}

impl SimulatedUser {
    async fn run(mut self) {
        for number in 0_u64.. {
            match self.rng.random_range(0..100) {
                0..45 => self.start(number).await,
                45..55 => self.cancel().await,
                55..60 => self.retry().await,
                60..63 => self.start_now().await,
                63..67 => self.pause().await,
                67..71 => self.resume().await,
                _ => self.delete().await,
            }
        }
    }

    async fn start(&mut self, number: u64) {
        let kind = KINDS.choose(&mut self.rng).expect("there are kinds");
        let name = format!("{}, command {number}", self.name);
        let later = self.rng.random_bool(0.2).then(|| self.rng.random_range(0..50_000));
        let run_at = later.map(|later| Micros(self.engine.now().0 + later));
        let priority = Priority::new(self.rng.random_range(-1..=1)).expect("there is one");
        let idempotency_key = self.rng.random_bool(0.2).then(|| name.clone());
        let again = idempotency_key.is_some();
        let options = StartOptions { run_at, priority, idempotency_key, ..StartOptions::default() };
        let input = tasks::input(&name, &mut self.rng);
        let job = self.engine.start(kind, input.clone(), options.clone()).await.expect("it is accepted");
        if again {
            let same = self.engine.start(kind, input, options).await.expect("it is accepted");
            assert_eq!(same, job, "what is started under one key is one job");
        }
        Report::Accepted { job: job.0, name }.send();
        self.known().push(job);
    }

    async fn cancel(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.cancel(job, "user").await {
            Ok(CancelOutcome::Cancelled) => granted(job, "cancelled"),
            Ok(CancelOutcome::Requested(_)) => granted(job, "cancel_requested"),
            Ok(CancelOutcome::AlreadyRequested(_) | CancelOutcome::AlreadyEnded(_)) | Err(Error::NoSuchJob(_)) => {}
            Err(error) => panic!("cancelling {job}: {error}"),
        }
    }

    async fn retry(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.retry(job, "user").await {
            Ok(_) => granted(job, "retried"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("retrying {job}: {error}"),
        }
    }

    async fn start_now(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.start_now(job, "user").await {
            Ok(()) => granted(job, "due"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("starting {job} now: {error}"),
        }
    }

    async fn pause(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.pause(job, "user").await {
            Ok(PauseOutcome::Paused) => granted(job, "paused"),
            Ok(PauseOutcome::Requested) => granted(job, "pause_requested"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("pausing {job}: {error}"),
        }
    }

    async fn resume(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.resume(job, "user").await {
            Ok(()) => granted(job, "resumed"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("resuming {job}: {error}"),
        }
    }

    async fn delete(&mut self) {
        let Some(job) = self.pick() else { return };
        Report::WillDelete { job: job.0 }.send();
        match self.engine.delete(job, "user").await {
            Ok(()) => {
                granted(job, "deleted");
                self.known().retain(|known| *known != job);
            }
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("deleting {job}: {error}"),
        }
    }

    fn pick(&mut self) -> Option<JobId> {
        let known = self.known.lock().expect("users do not panic");
        known.choose(&mut self.rng).copied()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<JobId>> {
        self.known.lock().expect("users do not panic")
    }
}

fn granted(job: JobId, code: &str) {
    Report::Granted { job: job.0, code: code.to_owned() }.send();
}
