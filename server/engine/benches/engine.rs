//! Benchmark of the engine in process, on a disk, `synchronous=FULL`: no-op jobs per second from first claim to last
//! commit, acknowledged starts per second, and latency from start to running in an idle engine.
//!
//! `cargo bench -p milepost-engine --bench engine` prints medians of five rounds and their spread; `-- jobs`, `--
//! starts` or `-- idle` runs one. On a shared machine compare the CPU time per job.

#[path = "support/figures.rs"]
mod figures;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{Builder, Ctx, DurableEvent, Engine, Kind, Listener, StartOptions, Task, TaskError};
use figures::Figures;
use futures_util::{StreamExt, stream};
use model::{JobState, ProgressEvent, StreamEvent};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

const ROUNDS: usize = 5;
const JOBS: u64 = 20_000;
const CONCURRENT_STARTS: usize = 100;
const STARTS_WHEN_IDLE: usize = 500;

/// A no-op task that reports its start.
struct NoOp(mpsc::UnboundedSender<Instant>);

#[derive(Deserialize, JsonSchema)]
struct Input {}

impl Task for NoOp {
    const KIND: Kind = Kind::new("nothing");
    const NAME: &'static str = "Nothing";
    const ABOUT: &'static str = "Does nothing.";
    type Input = Input;
    type Output = ();

    fn title(_input: &Input) -> String {
        "Nothing".to_owned()
    }

    async fn run(&self, _input: Input, _ctx: &Ctx) -> Result<(), TaskError> {
        // The receiver is gone after the last round.
        let _ = self.0.send(Instant::now());
        Ok(())
    }
}

/// Counts ended jobs by their events.
#[derive(Default)]
struct EndedCounter {
    jobs: AtomicU64,
    more: Notify,
}

impl Listener for EndedCounter {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let ended = |event: &&Arc<DurableEvent>| matches!(&event.event, StreamEvent::State(state) if state.view.state == JobState::Succeeded);
        self.jobs.fetch_add(events.iter().filter(ended).count() as u64, Ordering::Relaxed);
        self.more.notify_one();
    }

    fn progress(&self, _events: &[Arc<ProgressEvent>]) {}
}

impl EndedCounter {
    async fn reach(&self, jobs: u64) {
        while self.jobs.load(Ordering::Relaxed) < jobs {
            self.more.notified().await;
        }
    }
}

struct OpenEngine {
    engine: Engine,
    ended: Arc<EndedCounter>,
    begun: mpsc::UnboundedReceiver<Instant>,
}

/// Returns a folder on the disk of the build, because the system's temporary folder may be memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

async fn open(folder: &TempDir, build: impl FnOnce(Builder) -> Builder) -> OpenEngine {
    let ended = Arc::new(EndedCounter::default());
    let (sender, begun) = mpsc::unbounded_channel();
    let builder = Engine::builder(folder.path()).listener(Arc::clone(&ended) as Arc<dyn Listener>);
    let engine = build(builder.register(NoOp(sender))).open().await.expect("the engine opens");
    OpenEngine { engine, ended, begun }
}

async fn start(engine: &Engine) {
    engine.start("nothing", json!({}), StartOptions::default()).await.expect("the input fits");
}

/// Acknowledged starts per second, with 100 in flight and one slot.
async fn starts() -> f64 {
    let folder = folder();
    let bench = open(&folder, |builder| builder.concurrency(1)).await;
    let began = Instant::now();
    stream::iter(0..JOBS).for_each_concurrent(CONCURRENT_STARTS, |_| start(&bench.engine)).await;
    let rate = JOBS as f64 / began.elapsed().as_secs_f64();
    bench.engine.shutdown(Duration::ZERO).await;
    rate
}

/// Jobs per second from first claim to last commit, all enqueued before; and CPU microseconds per job.
async fn jobs() -> (f64, f64) {
    let folder = folder();
    // Scheduled far ahead, so that none is claimed before all are enqueued.
    let before = open(&folder, |builder| builder.concurrency(1)).await;
    let later = model::Micros(before.engine.now().0 + 3_600_000_000);
    let options = StartOptions { run_at: Some(later), ..StartOptions::default() };
    let enqueue = |_| {
        let (engine, options) = (before.engine.clone(), options.clone());
        async move {
            engine.start("nothing", json!({}), options).await.expect("the input fits");
        }
    };
    stream::iter(0..JOBS).for_each_concurrent(CONCURRENT_STARTS, enqueue).await;
    // Now all are due and no worker is running.
    before.engine.shutdown(Duration::ZERO).await;
    while before.engine.store().promote_due(later).await.expect("queued").is_some() {}
    drop(before);
    // The first claim happens while the engine opens, so opening is included.
    let (began, worked) = (Instant::now(), processor_seconds());
    let bench = open(&folder, |builder| builder.concurrency(CONCURRENT_STARTS as u32)).await;
    bench.ended.reach(JOBS).await;
    let rate = JOBS as f64 / began.elapsed().as_secs_f64();
    let cost = (processor_seconds() - worked) * 1e6 / JOBS as f64;
    bench.engine.shutdown(Duration::from_secs(1)).await;
    (rate, cost)
}

/// Returns the CPU seconds of this process, user and system.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program name may contain spaces; it ends with the last parenthesis.
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// Milliseconds from start to running in an idle engine: median and 99th percentile.
async fn idle_start() -> (f64, f64) {
    let folder = folder();
    let mut bench = open(&folder, |builder| builder).await;
    let mut times = Vec::with_capacity(STARTS_WHEN_IDLE);
    for number in 0..STARTS_WHEN_IDLE {
        let began = Instant::now();
        start(&bench.engine).await;
        let running = bench.begun.recv().await.expect("it runs");
        times.push(running.saturating_duration_since(began).as_secs_f64() * 1e3);
        bench.ended.reach(number as u64 + 1).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    times.sort_by(f64::total_cmp);
    bench.engine.shutdown(Duration::ZERO).await;
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[tokio::main]
async fn main() {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name| only.as_deref().is_none_or(|only| only == name);
    println!("{cores} cores; median of {ROUNDS} rounds (least to most)");
    let (mut rates, mut costs, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if wanted("jobs") {
            let (rate, cost) = jobs().await;
            rates.push(rate);
            costs.push(cost);
        }
        if wanted("starts") {
            accepted.push(starts().await);
        }
        if wanted("idle") {
            let (half, most) = idle_start().await;
            p50.push(half);
            p99.push(most);
        }
    }
    if wanted("jobs") {
        println!("no-op jobs, {CONCURRENT_STARTS} at once: {:.0} per second", Figures::of(rates));
        println!("processor per no-op job: {:.0} us", Figures::of(costs));
    }
    if wanted("starts") {
        println!("acknowledged starts, {CONCURRENT_STARTS} in flight: {:.0} per second", Figures::of(accepted));
    }
    if wanted("idle") {
        println!("idle start to running, p50: {:.2} ms", Figures::of(p50));
        println!("idle start to running, p99: {:.2} ms", Figures::of(p99));
    }
}
