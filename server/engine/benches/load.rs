//! Benchmark of the engine under load: time to open with 10,000 running jobs of a dead worker, CPU of sampler and store
//! with 1,000 jobs that report 100 times a second each, and latency of a list while tasks block all their threads.
//!
//! `cargo bench -p milepost-engine --bench load` prints medians of five rounds and their spread; `-- restart`, `--
//! reports` or `-- blocked` runs one.

#[path = "support/figures.rs"]
mod figures;

use std::{
    fs,
    sync::{Arc, Barrier, Mutex},
    time::{Duration, Instant},
};

use engine::{
    Ctx, DurableEvent, Engine, Kind, Listener, StartOptions, Task, TaskError,
    store::{Claim, Claimable, ListQuery, NewJob, Node, SqliteOptions, SqliteStore, Store, WorkerId},
};
use figures::Figures;
use futures_util::{StreamExt, stream};
use model::ProgressEvent;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::{runtime, time};

const ROUNDS: usize = 5;
const LEFT_RUNNING: u32 = 10_000;
const REPORTING: u32 = 1_000;
/// Time between two reports of a job.
const BEAT: Duration = Duration::from_millis(10);
/// Duration of the measurement.
const WATCHED: Duration = Duration::from_secs(4);
/// Threads of the task runtime.
const BLOCKED: usize = 4;
const READS: usize = 500;

#[derive(Deserialize, JsonSchema)]
struct Input {}

/// Reports progress until it is cancelled.
struct Report;

impl Task for Report {
    const KIND: Kind = Kind::new("report");
    const NAME: &'static str = "Report";
    const ABOUT: &'static str = "Reports a hundred times a second.";
    type Input = Input;
    type Output = ();

    fn title(_: &Input) -> String {
        "Report".to_owned()
    }

    async fn run(&self, _: Input, ctx: &Ctx) -> Result<(), TaskError> {
        ctx.total(1_000_000, "ticks");
        let mut beat = time::interval(BEAT);
        loop {
            beat.tick().await;
            ctx.check()?;
            ctx.advance(1);
        }
    }
}

/// Blocks its thread until the latch opens.
struct Block {
    all_in: Arc<Barrier>,
    until: Arc<Mutex<()>>,
}

impl Task for Block {
    const KIND: Kind = Kind::new("block");
    const NAME: &'static str = "Block";
    const ABOUT: &'static str = "Blocks its thread.";
    type Input = Input;
    type Output = ();

    fn title(_: &Input) -> String {
        "Block".to_owned()
    }

    async fn run(&self, _: Input, _: &Ctx) -> Result<(), TaskError> {
        self.all_in.wait();
        drop(self.until.lock());
        Ok(())
    }
}

/// A listener, as the server has one.
struct NullListener;

impl Listener for NullListener {
    fn durable(&self, _: &[Arc<DurableEvent>]) {}

    fn progress(&self, _: &[Arc<ProgressEvent>]) {}
}

/// Returns a folder on the disk of the build, because the system's temporary folder may be memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// Milliseconds to open the engine, including settling every job of a dead worker.
async fn restart() -> f64 {
    let folder = folder();
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("milepost.db"))).await.expect("it opens");
    let enqueue = |_| async {
        store.enqueue(NewJob::of("report")).await.expect("accepted");
    };
    stream::iter(0..LEFT_RUNNING).for_each_concurrent(100, enqueue).await;
    let worker = WorkerId("d".repeat(32));
    // With the boot id of this host, so that the missing lock marks it as dead.
    let host_boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("the system says it");
    let node = Node { host_boot_id: host_boot_id.trim().to_owned(), ..Node::worker(worker.clone()) };
    store.register(node).await.expect("entered");
    let claim = Claim { worker, slots: LEFT_RUNNING, kinds: [Claimable::of("report")].into(), waits: None };
    assert_eq!(store.claim(claim).await.expect("claimed").len(), LEFT_RUNNING as usize);
    drop(store);
    let builder = Engine::builder(folder.path()).listener(Arc::new(NullListener)).register(Report);
    let began = Instant::now();
    let engine = builder.open().await.expect("the engine opens");
    let took = began.elapsed().as_secs_f64() * 1e3;
    let counts = engine.store().counts().await.expect("read");
    assert_eq!((counts.running, counts.interrupted), (0, u64::from(LEFT_RUNNING)));
    engine.shutdown(Duration::ZERO).await;
    took
}

/// Percent of a core that sampler and store use while all jobs report.
async fn reports() -> f64 {
    let folder = folder();
    let builder =
        Engine::builder(folder.path()).listener(Arc::new(NullListener)).register(Report).concurrency(REPORTING);
    let engine = builder.open().await.expect("the engine opens");
    let start = |_| async {
        engine.start("report", json!({}), StartOptions::default()).await.expect("the input fits");
    };
    stream::iter(0..REPORTING).for_each_concurrent(100, start).await;
    while engine.store().counts().await.expect("read").running < u64::from(REPORTING) {
        time::sleep(BEAT).await;
    }
    let (began, before) = (Instant::now(), seconds_of(&["sampler", "store-writer"]));
    time::sleep(WATCHED).await;
    let share = 100.0 * (seconds_of(&["sampler", "store-writer"]) - before) / began.elapsed().as_secs_f64();
    let page = engine.store().page(&ListQuery { limit: 200, ..ListQuery::default() }).await.expect("read");
    let beats = (WATCHED.as_millis() / BEAT.as_millis()) as u64;
    assert!(page.jobs.iter().all(|view| view.progress.value > beats / 2), "they do report, and it is kept");
    engine.shutdown(Duration::ZERO).await;
    share
}

/// Returns the CPU seconds of the threads with these names.
fn seconds_of(names: &[&str]) -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let ours = threads
        .map(|thread| thread.path())
        .filter(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(|name| names.contains(&name.trim())));
    let nanoseconds = ours.filter_map(|thread| {
        let said = fs::read_to_string(thread.join("schedstat")).ok()?;
        said.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// Milliseconds for a list of jobs while tasks block all their threads: 99th percentile.
async fn blocked() -> f64 {
    let folder = folder();
    let tasks = runtime::Builder::new_multi_thread().worker_threads(BLOCKED).enable_all().build().expect("a runtime");
    let (all_in, until) = (Arc::new(Barrier::new(BLOCKED + 1)), Arc::new(Mutex::new(())));
    let block = Block { all_in: Arc::clone(&all_in), until: Arc::clone(&until) };
    let builder = Engine::builder(folder.path()).listener(Arc::new(NullListener)).register(block);
    let engine = builder.tasks_on(tasks.handle().clone()).open().await.expect("the engine opens");
    let (shut, held) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        let guard = until.lock();
        all_in.wait();
        // Ends when the sender is dropped.
        let _ = held.recv();
        drop(guard);
    });
    for _ in 0..BLOCKED {
        engine.start("block", json!({}), StartOptions::default()).await.expect("the input fits");
    }
    while engine.store().counts().await.expect("read").running < BLOCKED as u64 {
        time::sleep(BEAT).await;
    }
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let began = Instant::now();
        let page = engine.store().page(&ListQuery { limit: 50, ..ListQuery::default() }).await.expect("read");
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(page.jobs.len(), BLOCKED);
    }
    drop(shut);
    holder.join().expect("it does not panic");
    engine.shutdown(Duration::from_secs(1)).await;
    tasks.shutdown_background();
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}

/// Runs five rounds and returns their figures.
async fn rounds(round: impl AsyncFn() -> f64) -> Figures {
    let mut figures = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        figures.push(round().await);
    }
    Figures::of(figures)
}

#[tokio::main]
async fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name| only.as_deref().is_none_or(|only| only == name);
    if wanted("restart") {
        println!("restart that finds 10,000 jobs running, to all settled: {:.0} ms", rounds(restart).await);
    }
    if wanted("reports") {
        let share = rounds(reports).await;
        println!("sampler and store, 1,000 jobs with 100 ticks a second each: {share:.1} % of one core");
    }
    if wanted("blocked") {
        println!("page of a list while tasks block their threads, p99: {:.2} ms", rounds(blocked).await);
    }
}
