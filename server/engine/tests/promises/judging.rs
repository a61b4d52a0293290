//! Who counts as dead where no lock tells: the other processes are made up, so that they can be what no test could start.

use std::time::{Duration, Instant};

use engine::store::{Claim, Claimable, Node, WorkerId};
use model::{JobId, JobState};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Probe};

/// Longer than a test takes.
const HOUR: Duration = Duration::from_hours(1);

/// One that runs no jobs, and looks at the others ten times a second.
async fn observer() -> Bench {
    let lease = (Duration::from_millis(100), Duration::from_millis(600));
    let built = Bench::built(|builder| {
        let probe = Probe::<0>::new(|_, _| async { Ok(Value::Null) });
        builder.concurrency(0).lease(lease.0, lease.1).register(probe)
    });
    built.await
}

/// Another process that has claimed a job and is registered, without a lock.
async fn other(bench: &Bench, worker: &str, kernel: &str, lease: Duration) -> (WorkerId, JobId) {
    let (store, worker) = (bench.engine.store(), WorkerId(worker.to_owned()));
    let node = Node { kernel: kernel.to_owned(), lease, ..Node::worker(worker.clone()) };
    let job = bench.start().await;
    // It waits for the registration and is granted in the same commit, because the dead are looked for all the time.
    let (kinds, waits) = ([Claimable::of("probe-0")].into(), Some(CancellationToken::new()));
    let mut claiming = store.claim(Claim { worker: worker.clone(), slots: 1, kinds, waits });
    assert!(futures_util::poll!(&mut claiming).is_pending(), "it is not registered");
    store.register(node).await.expect("registered");
    let claimed = claiming.await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [job]);
    (worker, job)
}

/// The kernel that this test runs on.
async fn this_kernel(bench: &Bench) -> String {
    let nodes = bench.engine.store().nodes().await.expect("read");
    let kernel = nodes[0].kernel.clone();
    assert!(!kernel.is_empty(), "the system says it");
    kernel
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_on_another_host_is_dead_only_by_lease() {
    const LEASE: Duration = Duration::from_secs(2);
    let bench = observer().await;
    let (worker, job) = other(&bench, "elsewhere", "another kernel", LEASE).await;
    // As long as it beats, its lock is not missed: for two leases, and some twenty looks in each.
    let begun = Instant::now();
    let mut last_beat = begun;
    while begun.elapsed() < 2 * LEASE {
        last_beat = Instant::now();
        assert!(bench.engine.store().beat(&worker).await.expect("answered"), "it counts as living");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(bench.engine.job(job).await.expect("kept").state, JobState::Running);
    bench.reaches(job, JobState::Interrupted).await;
    assert!(last_beat.elapsed() >= LEASE, "{:?} after its last beat", last_beat.elapsed());
    assert!(!bench.engine.store().beat(&worker).await.expect("answered"), "it learns of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_on_this_host_without_lock_is_dead() {
    let bench = observer().await;
    let kernel = this_kernel(&bench).await;
    let (_, job) = other(&bench, "here", &kernel, HOUR).await;
    bench.reaches(job, JobState::Interrupted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_from_before_host_reboot_is_dead() {
    let bench = observer().await;
    // Its lock is there, and nobody holds it; its kernel is not.
    std::fs::write(bench.engine.data_dir().nodes().join("before.lock"), "1\n").expect("written");
    let (_, job) = other(&bench, "before", "the kernel before", HOUR).await;
    bench.reaches(job, JobState::Interrupted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_worker_extends_leases_of_silent_workers() {
    const LEASE: Duration = Duration::from_secs(1);
    let bench = observer().await;
    bench.refuse_beats().await;
    let (_, job) = other(&bench, "elsewhere", "another kernel", LEASE).await;
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(bench.engine.job(job).await.expect("kept").state, JobState::Running, "nobody was fit to judge");
    let accepted_from = Instant::now();
    bench.accept_beats().await;
    bench.reaches(job, JobState::Interrupted).await;
    assert!(accepted_from.elapsed() >= LEASE, "{:?} after beats are accepted again", accepted_from.elapsed());
}
