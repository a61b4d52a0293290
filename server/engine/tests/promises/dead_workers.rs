//! Detection of dead workers without a lock. The other workers are rows in the database, such as no test could start.

use std::time::{Duration, Instant};

use engine::store::{Claim, Claimable, Node, WorkerId};
use model::{JobId, JobState};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::{Probe, TestEngine};

/// Longer than any test takes.
const HOUR: Duration = Duration::from_hours(1);

/// Returns an engine that runs no jobs and checks the other workers ten times a second.
async fn observer() -> TestEngine {
    let lease = (Duration::from_millis(100), Duration::from_millis(600));
    let built = TestEngine::build(|builder| {
        let probe = Probe::<0>::new(|_, _| async { Ok(Value::Null) });
        builder.concurrency(0).lease(lease.0, lease.1).register(probe)
    });
    built.await
}

/// Registers another worker without a lock file, which has claimed a job.
async fn other(test: &TestEngine, worker: &str, host_boot_id: &str, lease: Duration) -> (WorkerId, JobId) {
    let (store, worker) = (test.engine.store(), WorkerId(worker.to_owned()));
    let node = Node { host_boot_id: host_boot_id.to_owned(), lease, ..Node::worker(worker.clone()) };
    let job = test.start().await;
    // Registration and claim share a commit, because dead workers are detected continuously.
    let (kinds, waits) = ([Claimable::of("probe-0")].into(), Some(CancellationToken::new()));
    let mut claiming = store.claim(Claim { worker: worker.clone(), slots: 1, kinds, waits });
    assert!(futures_util::poll!(&mut claiming).is_pending(), "it is not registered");
    store.register(node).await.expect("registered");
    let claimed = claiming.await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [job]);
    (worker, job)
}

/// Returns the boot id of this host.
async fn own_host_boot_id(test: &TestEngine) -> String {
    let nodes = test.engine.store().nodes().await.expect("read");
    let host_boot_id = nodes[0].host_boot_id.clone();
    assert!(!host_boot_id.is_empty(), "the system says it");
    host_boot_id
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_on_another_host_is_dead_only_by_lease() {
    const LEASE: Duration = Duration::from_secs(2);
    let test = observer().await;
    let (worker, job) = other(&test, "elsewhere", "another kernel", LEASE).await;
    // While it sends heartbeats, a missing lock does not matter: for two leases with about twenty checks each.
    let begun = Instant::now();
    let mut last_beat = begun;
    while begun.elapsed() < 2 * LEASE {
        last_beat = Instant::now();
        assert!(test.engine.store().heartbeat(&worker).await.expect("answered"), "it counts as living");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Running);
    test.wait_for_state(job, JobState::Interrupted).await;
    assert!(last_beat.elapsed() >= LEASE, "{:?} after its last beat", last_beat.elapsed());
    assert!(!test.engine.store().heartbeat(&worker).await.expect("answered"), "it learns of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_on_this_host_without_lock_is_dead() {
    let test = observer().await;
    let host_boot_id = own_host_boot_id(&test).await;
    let (_, job) = other(&test, "here", &host_boot_id, HOUR).await;
    test.wait_for_state(job, JobState::Interrupted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_from_before_host_reboot_is_dead() {
    let test = observer().await;
    // Its lock file exists and is not held; its host boot id differs.
    std::fs::write(test.engine.data_dir().nodes().join("before.lock"), "1\n").expect("written");
    let (_, job) = other(&test, "before", "the kernel before", HOUR).await;
    test.wait_for_state(job, JobState::Interrupted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_worker_extends_leases_of_silent_workers() {
    const LEASE: Duration = Duration::from_secs(1);
    let test = observer().await;
    test.block_heartbeats().await;
    let (_, job) = other(&test, "elsewhere", "another kernel", LEASE).await;
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Running, "no worker could decide");
    let accepted_from = Instant::now();
    test.unblock_heartbeats().await;
    test.wait_for_state(job, JobState::Interrupted).await;
    assert!(accepted_from.elapsed() >= LEASE, "{:?} after beats are accepted again", accepted_from.elapsed());
}
