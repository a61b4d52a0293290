//! How fast the store is, at `synchronous=FULL`: `cargo bench -p engine --bench store`.
//!
//! Every figure is the median of five runs, each on a new file, with the lowest and the highest beside it. `BENCH_DIR`
//! says on which disk; the target folder's by default.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::store::{BootId, Claim, Claimed, Finish, ListQuery, NewJob, Outcome, SqliteOptions, SqliteStore, Store};
use model::Progress;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};

const RUNS: usize = 5;
const JOBS: u32 = 20_000;
const AT_ONCE: u32 = 100;
const IDLE_STARTS: u32 = 400;
const HISTORY: u32 = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the machine has threads to give");
    runtime.block_on(async {
        let (mut starts, mut jobs, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (store, _folder) = open().await;
            starts.push(f64::from(JOBS) / enqueue(&store, JOBS).await.as_secs_f64());
            jobs.push(f64::from(JOBS) / drain(&store, JOBS).await.as_secs_f64());
            let (store, _folder) = open().await;
            let latencies = idle_starts(&store).await;
            p50.push(quantile(&latencies, 0.5));
            p99.push(quantile(&latencies, 0.99));
        }
        report("acknowledged starts, 100 in flight, per s", &mut starts);
        report("no-op jobs, concurrency 100, per s", &mut jobs);
        report("idle start to claimed, p50, ms", &mut p50);
        report("idle start to claimed, p99, ms", &mut p99);
        read(HISTORY).await;
    });
}

async fn open() -> (Arc<dyn Store>, TempDir) {
    let disk = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let folder = tempfile::tempdir_in(disk).expect("the folder can be written");
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("milepost.db"))).await.expect("it opens");
    (Arc::new(store), folder)
}

fn new_job(number: u32) -> NewJob {
    NewJob {
        kind: ["checksum", "import-csv", "check-links", "demo"][number as usize % 4].to_owned(),
        title: format!("Measure {number}"),
        input: r#"{"folder":"/archive","algorithm":"sha256"}"#.to_owned(),
        by: "local".to_owned(),
        max_attempts: 1,
        run_at: None,
        rerun_of: None,
        uploads: Vec::new(),
    }
}

fn claim(slots: u32) -> Claim {
    Claim {
        boot: BootId("0".repeat(32)),
        slots,
        limits: Vec::new(),
        kinds: ["checksum", "import-csv", "check-links", "demo"].map(str::to_owned).to_vec(),
        waits: None,
    }
}

fn finish(claimed: Claimed) -> Finish {
    Finish {
        fence: claimed.fence,
        outcome: Outcome::Succeeded { output: "null".to_owned() },
        progress: Progress::default(),
        stage_seconds: Vec::new(),
        log: None,
        artifacts: Vec::new(),
    }
}

/// A hundred callers, each starting one job after the other.
async fn enqueue(store: &Arc<dyn Store>, jobs: u32) -> Duration {
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..AT_ONCE {
        let store = Arc::clone(store);
        callers.spawn(async move {
            for number in 0..jobs / AT_ONCE {
                store.enqueue(new_job(caller * jobs + number)).await.expect("it is accepted");
            }
        });
    }
    callers.join_all().await;
    begun.elapsed()
}

/// From the first claim to the last commit; a slot is claimed for as soon as it is free.
async fn drain(store: &Arc<dyn Store>, jobs: u32) -> Duration {
    let begun = Instant::now();
    let (ended, mut endings) = mpsc::unbounded_channel();
    let (mut free, mut left) = (AT_ONCE, jobs);
    while left > 0 {
        for claimed in store.claim(claim(free)).await.expect("it is claimed") {
            free -= 1;
            let (store, ended) = (Arc::clone(store), ended.clone());
            tokio::spawn(async move {
                store.finish(finish(claimed)).await.expect("it is finished");
                let _ = ended.send(());
            });
        }
        let mut back = Vec::new();
        let count = endings.recv_many(&mut back, AT_ONCE as usize).await as u32;
        free += count;
        left -= count;
    }
    begun.elapsed()
}

/// Milliseconds from the call that starts a job until a worker that waited for it holds it.
async fn idle_starts(store: &Arc<dyn Store>) -> Vec<f64> {
    let mut latencies = Vec::new();
    for number in 0..IDLE_STARTS {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let begun = Instant::now();
        store.enqueue(new_job(number)).await.expect("it is accepted");
        let claimed = store.claim(claim(8)).await.expect("it is claimed");
        latencies.push(begun.elapsed().as_secs_f64() * 1e3);
        for claimed in claimed {
            store.finish(finish(claimed)).await.expect("it is finished");
        }
    }
    latencies
}

/// What pages ask for, with a long history.
async fn read(jobs: u32) {
    let (store, _folder) = open().await;
    enqueue(&store, jobs).await;
    drain(&store, jobs).await;
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..100 * RUNS {
        let begun = Instant::now();
        store.attention(10).await.expect("it is read");
        store.counts().await.expect("it is read");
        store.finished_per_hour(24).await.expect("it is read");
        store.kind_stats().await.expect("it is read");
        store.usage().await.expect("it is read");
        times[0].push(begun.elapsed().as_secs_f64() * 1e3);
        let pages = [None, Some(engine::store::PageAt::Oldest)];
        for (place, at) in [1, 2].into_iter().zip(pages) {
            let begun = Instant::now();
            store.page(&ListQuery { limit: 50, at, ..ListQuery::default() }).await.expect("it is read");
            times[place].push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let states = vec![model::JobState::Succeeded];
        let begun = Instant::now();
        store.page(&ListQuery { limit: 50, states, ..ListQuery::default() }).await.expect("it is read");
        times[3].push(begun.elapsed().as_secs_f64() * 1e3);
    }
    for (name, times) in ["overview", "first page", "last page", "first page of a state"].into_iter().zip(&times) {
        println!("{name} at {jobs} jobs: p50 {:.2} ms, p99 {:.2} ms", quantile(times, 0.5), quantile(times, 0.99));
    }
}

fn quantile(times: &[f64], q: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((q * sorted.len() as f64).ceil() as usize).saturating_sub(1)]
}

fn report(name: &str, runs: &mut [f64]) {
    runs.sort_unstable_by(f64::total_cmp);
    println!("{name}: {:.2} ({:.2} to {:.2})", runs[runs.len() / 2], runs[0], runs[runs.len() - 1]);
}
