//! Benchmark of retention and backup on a large database: 100,000 ended jobs with logs and artifacts, 2 GB. Measures
//! the latency of starts (one synced commit each) meanwhile, the time and memory of a backup, and how fast a cancelled
//! one stops.
//!
//! `cargo bench -p milepost-engine --bench large` runs each once; `-- prune` or `-- backup` runs one. Most of the
//! latency of a start is syncing the disk, for itself and the commit before it; the idle latency is printed for
//! comparison. With `CARGO_TARGET_TMPDIR` in memory only the rest is measured.

#[path = "support/figures.rs"]
mod figures;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{
    Clock, SystemClock,
    store::{
        Artifact, Claim, Claimable, Claimed, Finish, LogAppend, NewJob, Node, Outcome, Prunable, SqliteOptions,
        SqliteStore, Store, WorkerId,
    },
};
use figures::Figures;
use futures_util::{StreamExt, stream};
use model::{JobId, JobState, Level, LogLine, Micros, Progress};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

const JOBS: u32 = 100_000;
/// Log chunks per job, and lines per chunk.
const CHUNKS: u64 = 4;
const LINES: u64 = 17;
const LINE: &str = "a line of eighty bytes, which is about what the logs of the built-in tasks have: ok.";
const AT_ONCE: u32 = 200;
/// Time between two starts.
const BEAT: Duration = Duration::from_millis(2);
/// Duration of the idle measurement.
const ALONE: Duration = Duration::from_secs(5);
/// Time after which a backup is cancelled.
const GIVEN_UP: Duration = Duration::from_millis(500);

/// Runs `JOBS` jobs to their end. Returns the time when half of them had ended.
async fn make_history(store: &SqliteStore) -> Micros {
    let worker = WorkerId("d".repeat(32));
    store.register(Node::worker(worker.clone())).await.expect("entered");
    let mut half = Micros(0);
    for round in 0..JOBS / AT_ONCE {
        if round == JOBS / AT_ONCE / 2 {
            half = SystemClock.now();
        }
        stream::iter(0..AT_ONCE)
            .for_each_concurrent(None, |_| async { drop(store.enqueue(NewJob::of("report")).await) })
            .await;
        let kinds = [Claimable::of("report")].into();
        let claim = Claim { worker: worker.clone(), slots: AT_ONCE, kinds, waits: None };
        let claimed = store.claim(claim).await.expect("claimed");
        store.append_logs(claimed.iter().flat_map(logs_of).collect());
        store.flush().await.expect("written");
        stream::iter(claimed).for_each_concurrent(None, |claimed| end(store, claimed)).await;
    }
    half
}

fn logs_of(claimed: &Claimed) -> Vec<LogAppend> {
    let line = LogLine::plain(Micros(1_800_000_000_000_000), Level::Info, LINE);
    let chunk = |number| LogAppend {
        fence: claimed.fence.clone(),
        first_line: number * LINES + 1,
        lines: vec![line.clone(); LINES as usize],
        ack: None,
    };
    (0..CHUNKS).map(chunk).collect()
}

async fn end(store: &SqliteStore, claimed: Claimed) {
    let attempt = claimed.fence.attempt;
    let artifact = Artifact { name: "report.txt".to_owned(), attempt, size: 1_000, at: Micros(0) };
    let progress = Progress { rev: 9, value: 100, max: Some(100), fraction: Some(1.0), ..Progress::default() };
    let finish = Finish {
        fence: claimed.fence,
        outcome: Outcome::Succeeded { output: r#"{"files":3}"#.to_owned() },
        progress,
        stage_seconds: vec![0.1, 0.8, 0.1],
        curve: None,
        log: None,
        artifacts: vec![artifact],
        checkpointed: false,
        reported: None,
    };
    store.finish(finish).await.expect("finished");
}

/// Starts jobs at an interval until it is stopped, and records the latency of each, ms.
struct Starts {
    stop: Arc<AtomicBool>,
    taken: JoinHandle<Vec<f64>>,
}

impl Starts {
    fn begin(store: &Arc<SqliteStore>) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (store, until) = (Arc::clone(store), Arc::clone(&stop));
        let taken = tokio::spawn(async move {
            let mut taken = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let began = Instant::now();
                store.enqueue(NewJob::of("report")).await.expect("accepted");
                taken.push(milliseconds(began));
                time::sleep(BEAT).await;
            }
            taken
        });
        Self { stop, taken }
    }

    async fn end(self, condition: &str) {
        self.stop.store(true, Ordering::Relaxed);
        print("a start", condition, self.taken.await.expect("no panic"));
    }
}

fn print(what: &str, condition: &str, mut taken: Vec<f64>) {
    taken.sort_by(f64::total_cmp);
    let of = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    println!("{what} {condition}: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", of(0.5), of(0.99), of(1.0));
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Removes `what` of the older half, as [`engine::Retention::prune`] does; answers how long each removal took, ms.
async fn prune(store: &SqliteStore, what: Prunable, half: Micros) -> Vec<f64> {
    let (mut last, mut taken) = (JobId(0), Vec::new());
    loop {
        let jobs = store.prunable(what, &[(JobState::Succeeded, half)], last, 256).await.expect("read");
        if jobs.is_empty() {
            return taken;
        }
        let began = Instant::now();
        let pruned = store.prune(what, jobs, Duration::from_millis(2)).await.expect("removed");
        taken.push(milliseconds(began));
        last = pruned.last.unwrap_or(last);
    }
}

async fn pruning(store: &Arc<SqliteStore>, half: Micros) {
    for (what, name) in [(Prunable::Log, "logs"), (Prunable::Artifacts, "artifacts"), (Prunable::Job, "jobs")] {
        let starts = Starts::begin(store);
        let began = Instant::now();
        let taken = prune(store, what, half).await;
        let took = began.elapsed().as_secs_f64();
        print("a removal", &format!("of {name}, with its sync"), taken);
        starts.end(&format!("while {name} are removed")).await;
        println!("{name} of 50,000 jobs removed: {:.1} s", Figures::of(vec![took]));
        let starts = Starts::begin(store);
        let began = Instant::now();
        while !store.is_upkeep_done().await.expect("read") {
            time::sleep(Duration::from_millis(20)).await;
        }
        let took = began.elapsed().as_secs_f64();
        starts.end(&format!("while the space of {name} is given back")).await;
        println!("space of {name} given back: {:.1} s", Figures::of(vec![took]));
    }
}

async fn backing_up(store: &Arc<SqliteStore>, folder: &Path) {
    let size = fs::metadata(folder.join("milepost.db")).map_or(0, |file| file.len()) as f64 / 1e9;
    let copy = |stop: CancellationToken| {
        let (store, into) = (Arc::clone(store), folder.join("copy.db"));
        tokio::task::spawn_blocking(move || store.back_up(&into, &stop))
    };
    let starts = Starts::begin(store);
    let before = memory("VmRSS:");
    // Resets the peak of memory.
    fs::write("/proc/self/clear_refs", "5").expect("it may be written");
    let began = Instant::now();
    copy(CancellationToken::new()).await.expect("no panic").expect("copied");
    let took = began.elapsed().as_secs_f64();
    let more = memory("VmHWM:").saturating_sub(before);
    starts.end("while all is copied").await;
    println!("{size:.1} GB copied and checked: {:.1} s", Figures::of(vec![took]));
    println!("memory that it takes at the most: {:.1} MB", Figures::of(vec![more as f64 / 1e3]));

    let stop = CancellationToken::new();
    let copying = copy(stop.clone());
    time::sleep(GIVEN_UP).await;
    stop.cancel();
    let began = Instant::now();
    assert!(copying.await.expect("no panic").is_err(), "it was in the middle");
    println!("copy given up in the middle, to its end: {:.0} ms", Figures::of(vec![milliseconds(began)]));
}

/// Returns a value of the process's status, kB.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
    value.unwrap_or_default()
}

#[tokio::main]
async fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name| only.as_deref().is_none_or(|only| only == name);
    // On the disk of the build, because the system's temporary folder may be memory.
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("milepost.db"))).await.expect("it opens");
    let store = Arc::new(store);
    let half = make_history(&store).await;
    let starts = Starts::begin(&store);
    time::sleep(ALONE).await;
    starts.end("while nothing else happens").await;
    if wanted("backup") {
        backing_up(&store, folder.path()).await;
    }
    if wanted("prune") {
        pruning(&store, half).await;
    }
}
