//! Two stores on one file, as two processes have them.

use std::{sync::Arc, time::Duration};

use engine::store::{Claim, OtherProcesses, SqliteOptions, SqliteStore, Store};
use tokio_util::sync::CancellationToken;

use super::support::{EventRecorder, claim, enter, lines, new_job, progress, running, worker};

/// Timeout of every wait; longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Two stores on the same file, the second as of the process `b`, which listens.
async fn pair() -> (SqliteStore, Arc<SqliteStore>, Arc<EventRecorder>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("milepost.db");
    let first = SqliteStore::open(SqliteOptions::new(&path)).await.expect("it opens");
    enter(&first).await;
    let recorder = Arc::new(EventRecorder::default());
    let second = SqliteStore::open(SqliteOptions {
        listener: Some(recorder.clone()),
        others: Some(OtherProcesses { own: worker('b'), progress: true }),
        migrate: false,
        ..SqliteOptions::new(&path)
    });
    (first, Arc::new(second.await.expect("it opens")), recorder, folder)
}

/// A claim of the process `b` that waits for a job.
fn waiting_claim(store: &Arc<SqliteStore>) -> tokio::task::JoinHandle<usize> {
    let store = Arc::clone(store);
    let claim = Claim { worker: worker('b'), waits: Some(CancellationToken::new()), ..claim(1, &["a"]) };
    tokio::spawn(async move { store.claim(claim).await.expect("answered").len() })
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_claim_takes_job_of_another_process() {
    let (first, second, _, _folder) = pair().await;
    let waiting = waiting_claim(&second);
    first.enqueue(new_job("a")).await.expect("accepted");
    let taken = tokio::time::timeout(LONG, waiting).await.expect("the claim is tried again");
    assert_eq!(taken.expect("no panic"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_claim_wakes_for_foreign_job_on_own_commit() {
    for _ in 0..20 {
        let (first, second, _, _folder) = pair().await;
        let waiting = waiting_claim(&second);
        second.flush().await.expect("the claim waits by now");
        first.enqueue(new_job("a")).await.expect("accepted");
        second.flush().await.expect("answered");
        let taken = tokio::time::timeout(LONG, waiting).await.expect("the claim is tried again");
        assert_eq!(taken.expect("no panic"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_events_are_published_in_order() {
    let (first, second, recorder, _folder) = pair().await;
    let fence = running(&first, "a").await.fence;
    first.append_logs(vec![lines(&fence, 1, &["one", "two"])]);
    first.flush().await.expect("flushed");
    second.enqueue(new_job("b")).await.expect("accepted");
    let kept = first.events_after(model::Seq(0), 100).await.expect("read").expect("kept");
    assert_eq!(kept.len(), 4);
    assert_eq!(recorder.events(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_progress_is_published_once_a_change() {
    let (first, second, recorder, _folder) = pair().await;
    let fence = running(&first, "a").await.fence;
    let mut expected = Vec::new();
    for rev in 1..=3 {
        first.save_progress(vec![(fence.clone(), progress(rev, rev))]);
        first.flush().await.expect("flushed");
        let arrived = async {
            while recorder.progress().last().is_none_or(|event| event.progress.rev < rev) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, arrived).await.expect("it is published");
        expected.push((fence.job, rev));
        // Something else changes, and the progress does not.
        second.flush().await.expect("answered");
        first.enqueue(new_job("b")).await.expect("accepted");
    }
    let events: Vec<_> = recorder.progress().iter().map(|event| (event.job, event.progress.rev)).collect();
    assert_eq!(events, expected);
}
