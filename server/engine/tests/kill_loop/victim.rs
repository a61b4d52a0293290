//! The process that is killed: a real engine, and people who start, cancel, retry and delete without a pause. It says
//! what was acknowledged, after it was.

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
    tasks::{self, KINDS},
    words::Said,
};

/// Where a victim finds its orders.
const ORDERS: &str = "MILEPOST_KILL_LOOP";
/// Short, so that the sleep of a process is, too.
const LEASE: Duration = Duration::from_millis(300);
/// Jobs of the past that people care about.
const REMEMBERED: u32 = 200;

/// What a victim is told.
pub(crate) struct Orders {
    pub(crate) data: PathBuf,
    pub(crate) seed: u64,
    /// Its number among all on these data.
    pub(crate) number: u32,
    /// Whether it is a worker, which leaves the database to a server to create and to keep up.
    pub(crate) joins: bool,
    /// People at work. Without any, it brings to an end what there is, and ends itself.
    pub(crate) drivers: u32,
}

impl Orders {
    /// Puts them into the environment of `command`.
    pub(crate) fn give(&self, command: &mut Command) {
        let Self { data, seed, number, joins, drivers } = self;
        command.env(ORDERS, json!([data, seed, number, joins, drivers]).to_string());
    }

    /// Those of this process, if it is a victim.
    fn taken() -> Option<Self> {
        let text = env::var(ORDERS).ok()?;
        let (data, seed, number, joins, drivers) = serde_json::from_str(&text).expect("as they were given");
        Some(Self { data, seed, number, joins, drivers })
    }
}

#[test]
#[ignore = "the program that the other test runs and kills"]
fn child_process_with_running_job() {
    let Some(orders) = Orders::taken() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work(orders));
}

async fn work(orders: Orders) {
    let (tell, unfinished) = watch::channel(Counts::default());
    let engine = open(&orders, &tell).await;
    let nodes = engine.store().nodes().await.expect("read").into_iter();
    let worker = nodes.filter(|node| node.pid == std::process::id()).map(|node| node.worker.0).next();
    Said::Ready { worker }.say();
    if orders.drivers == 0 {
        tell.send_replace(engine.store().counts().await.expect("read"));
        return finish_all(engine, unfinished).await;
    }
    let query = ListQuery { limit: REMEMBERED, ..ListQuery::default() };
    let page = engine.store().page(&query).await.expect("read");
    let known = Arc::new(Mutex::new(page.jobs.iter().map(|view| view.job).collect::<Vec<_>>()));
    let mut people = JoinSet::new();
    for number in 0..orders.drivers {
        let choices = StdRng::seed_from_u64(orders.seed ^ u64::from(number));
        let name = format!("process {}, person {number}", orders.number);
        people.spawn(Person { engine: engine.clone(), known: Arc::clone(&known), choices, name }.go_on());
    }
    people.join_next().await.expect("there are people").expect("people do not panic");
}

/// Opens the engine, whatever the dead have left.
async fn open(orders: &Orders, tell: &watch::Sender<Counts>) -> Engine {
    loop {
        let builder = Engine::builder(&orders.data)
            .concurrency(8)
            .cancel_grace(Duration::from_millis(20))
            .lease(LEASE / 3, LEASE)
            .listener(Arc::new(Counted(tell.clone())));
        let builder = if orders.joins { builder.joining() } else { builder };
        match tasks::register(builder).open().await {
            // The server that should have created the database may be dead already.
            Err(Error::NotReady(_)) if orders.joins => tokio::time::sleep(Duration::from_millis(1)).await,
            opened => return opened.expect("it opens"),
        }
    }
}

/// Waits until no job is left to do, and no file of a job that is gone, and leaves in order.
async fn finish_all(engine: Engine, mut counts: watch::Receiver<Counts>) {
    let over = counts.wait_for(|counts| counts.scheduled + counts.queued + counts.running == 0);
    over.await.expect("the engine listens");
    while has_litter(&engine).await {
        // Nobody is told when the files have been swept.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.shutdown(Duration::from_secs(10)).await;
}

/// Whether there are files of jobs that have been deleted.
async fn has_litter(engine: &Engine) -> bool {
    let folders = std::fs::read_dir(engine.data_dir().jobs()).into_iter().flatten();
    let names = folders.map(|folder| folder.expect("it can be listed").file_name());
    let jobs =
        names.map(|name| JobId(name.to_str().and_then(|name| name.parse().ok()).expect("it is named by its job")));
    let jobs: Vec<JobId> = jobs.collect();
    engine.store().existing(&jobs).await.expect("read").len() < jobs.len()
}

/// Passes on how many jobs there are in each state.
struct Counted(watch::Sender<Counts>);

impl Listener for Counted {
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

/// Somebody who does one thing after the other.
struct Person {
    engine: Engine,
    known: Arc<Mutex<Vec<JobId>>>,
    choices: StdRng,
    name: String,
}

impl Person {
    async fn go_on(mut self) {
        for deed in 0_u64.. {
            match self.choices.random_range(0..100) {
                0..45 => self.start(deed).await,
                45..55 => self.cancel().await,
                55..60 => self.retry().await,
                60..63 => self.start_now().await,
                63..67 => self.pause().await,
                67..71 => self.resume().await,
                _ => self.delete().await,
            }
        }
    }

    async fn start(&mut self, deed: u64) {
        let kind = KINDS.choose(&mut self.choices).expect("there are kinds");
        let name = format!("{}, deed {deed}", self.name);
        let later = self.choices.random_bool(0.2).then(|| self.choices.random_range(0..50_000));
        let run_at = later.map(|later| Micros(self.engine.now().0 + later));
        let priority = Priority::new(self.choices.random_range(-1..=1)).expect("there is one");
        let idempotency_key = self.choices.random_bool(0.2).then(|| name.clone());
        let again = idempotency_key.is_some();
        let options = StartOptions { run_at, priority, idempotency_key, ..StartOptions::default() };
        let input = tasks::input(&name, &mut self.choices);
        let job = self.engine.start(kind, input.clone(), options.clone()).await.expect("it is accepted");
        if again {
            let same = self.engine.start(kind, input, options).await.expect("it is accepted");
            assert_eq!(same, job, "what is started under one key is one job");
        }
        Said::Accepted { job: job.0, name }.say();
        self.known().push(job);
    }

    async fn cancel(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.cancel(job, "somebody").await {
            Ok(CancelOutcome::Cancelled) => granted(job, "cancelled"),
            Ok(CancelOutcome::Requested(_)) => granted(job, "cancel_requested"),
            Ok(CancelOutcome::AlreadyRequested(_) | CancelOutcome::AlreadyEnded(_)) | Err(Error::NoSuchJob(_)) => {}
            Err(error) => panic!("cancelling {job}: {error}"),
        }
    }

    async fn retry(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.retry(job, "somebody").await {
            Ok(_) => granted(job, "retried"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("retrying {job}: {error}"),
        }
    }

    async fn start_now(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.start_now(job, "somebody").await {
            Ok(()) => granted(job, "due"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("starting {job} now: {error}"),
        }
    }

    async fn pause(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.pause(job, "somebody").await {
            Ok(PauseOutcome::Paused) => granted(job, "paused"),
            Ok(PauseOutcome::Requested) => granted(job, "pause_requested"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("pausing {job}: {error}"),
        }
    }

    async fn resume(&mut self) {
        let Some(job) = self.pick() else { return };
        match self.engine.resume(job, "somebody").await {
            Ok(()) => granted(job, "resumed"),
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("resuming {job}: {error}"),
        }
    }

    async fn delete(&mut self) {
        let Some(job) = self.pick() else { return };
        Said::WillDelete { job: job.0 }.say();
        match self.engine.delete(job, "somebody").await {
            Ok(()) => {
                granted(job, "deleted");
                self.known().retain(|known| *known != job);
            }
            Err(Error::Conflict { .. } | Error::NoSuchJob(_)) => {}
            Err(error) => panic!("deleting {job}: {error}"),
        }
    }

    fn pick(&mut self) -> Option<JobId> {
        let known = self.known.lock().expect("people do not panic");
        known.choose(&mut self.choices).copied()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<JobId>> {
        self.known.lock().expect("people do not panic")
    }
}

fn granted(job: JobId, code: &str) {
    Said::Granted { job: job.0, code: code.to_owned() }.say();
}
