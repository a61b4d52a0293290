//! Controls: pause and limits of queues and kinds.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use engine::store::{Claim, Claimable, ControlChange};
use model::{ControlTarget, JobId, QueueControl, StreamEvent};
use tokio_util::sync::CancellationToken;

use crate::support::{TestStore, claim, claimable, finish, new_job, succeeded, worker};

/// Two kinds of queue `q`, and one of another queue.
fn kinds() -> Arc<[Claimable]> {
    [claimable("a", "q", None), claimable("b", "q", Some(3)), claimable("c", "r", None)].into()
}

async fn claimed(test: &TestStore, slots: u32) -> Vec<JobId> {
    let claimed = test.store.claim(Claim { kinds: kinds(), ..claim(slots, &[]) }).await.expect("answered");
    claimed.into_iter().map(|claimed| claimed.view.job).collect()
}

async fn enqueue(test: &TestStore, kinds: &[&str]) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for kind in kinds {
        jobs.push(test.store.enqueue(new_job(kind)).await.expect("accepted"));
    }
    jobs
}

async fn change(test: &TestStore, of: ControlTarget, name: &str, change: ControlChange) {
    test.store.change_control(of, name, change, &"ann".into()).await.expect("changed");
}

pub(crate) async fn paused_kind_starts_no_job_and_blocks_no_other(test: TestStore) {
    let jobs = enqueue(&test, &["a", "b", "c"]).await;
    change(&test, ControlTarget::Queue, "q", ControlChange::Pause).await;
    assert_eq!(claimed(&test, 9).await, [jobs[2]], "the other queue is open");
    change(&test, ControlTarget::Kind, "a", ControlChange::Pause).await;
    change(&test, ControlTarget::Queue, "q", ControlChange::Resume).await;
    assert_eq!(claimed(&test, 9).await, [jobs[1]], "the kind is paused for itself");
    change(&test, ControlTarget::Kind, "a", ControlChange::Resume).await;
    assert_eq!(claimed(&test, 9).await, [jobs[0]]);
}

pub(crate) async fn queue_limit_takes_oldest_job_of_its_kinds(test: TestStore) {
    change(&test, ControlTarget::Queue, "q", ControlChange::Limit(Some(2))).await;
    let jobs = enqueue(&test, &["b", "a", "a", "c", "b"]).await;
    assert_eq!(claimed(&test, 9).await, [jobs[0], jobs[1], jobs[3]], "in the order of the line, and past what is full");
    let elsewhere = Claim { worker: worker('b'), kinds: kinds(), ..claim(9, &[]) };
    assert!(test.store.claim(elsewhere).await.expect("answered").is_empty(), "the limit is that of all processes");
    change(&test, ControlTarget::Queue, "q", ControlChange::Limit(Some(1))).await;
    assert!(claimed(&test, 9).await.is_empty(), "more run than may, and go on");
    change(&test, ControlTarget::Queue, "q", ControlChange::Limit(None)).await;
    assert_eq!(claimed(&test, 9).await, [jobs[2], jobs[4]]);
}

pub(crate) async fn configured_limit_can_only_lower_the_kind_limit(test: TestStore) {
    let jobs = enqueue(&test, &["b", "b", "b", "b"]).await;
    change(&test, ControlTarget::Kind, "b", ControlChange::Limit(Some(2))).await;
    assert_eq!(claimed(&test, 9).await, jobs[..2]);
    change(&test, ControlTarget::Kind, "b", ControlChange::Limit(Some(9))).await;
    assert_eq!(claimed(&test, 9).await, [jobs[2]], "three of the kind, whatever people say");
}

pub(crate) async fn waiting_claim_takes_job_when_control_is_lifted(test: TestStore) {
    let running = enqueue(&test, &["a"]).await;
    assert_eq!(claimed(&test, 1).await, running);
    let steps =
        [(ControlChange::Pause, ControlChange::Resume), (ControlChange::Limit(Some(2)), ControlChange::Limit(Some(3)))];
    for (shut, open) in steps {
        change(&test, ControlTarget::Queue, "q", shut).await;
        let job = enqueue(&test, &["a"]).await;
        let (kinds, waits) = (kinds(), Some(CancellationToken::new()));
        let mut waiting = test.store.claim(Claim { kinds, waits, ..claim(1, &[]) });
        let answered = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
        assert!(answered.is_err(), "nothing may start");
        change(&test, ControlTarget::Queue, "q", open).await;
        let claimed = waiting.await.expect("answered");
        assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), job);
    }
}

pub(crate) async fn waiting_claim_takes_job_when_limit_frees_up(test: TestStore) {
    change(&test, ControlTarget::Queue, "q", ControlChange::Limit(Some(1))).await;
    let jobs = enqueue(&test, &["a", "b"]).await;
    let first = test.store.claim(Claim { kinds: kinds(), ..claim(9, &[]) }).await.expect("answered");
    assert_eq!(first.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), jobs[..1]);
    let (kinds, waits) = (kinds(), Some(CancellationToken::new()));
    let mut waiting = test.store.claim(Claim { kinds, waits, ..claim(1, &[]) });
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err(), "there is no room");
    test.store.finish(finish(&first[0].fence, succeeded())).await.expect("finished");
    assert_eq!(waiting.await.expect("answered")[0].view.job, jobs[1]);
}

pub(crate) async fn control_change_publishes_one_event_with_author(test: TestStore) {
    assert_eq!(test.store.controls().await.expect("read"), []);
    change(&test, ControlTarget::Queue, "q", ControlChange::Pause).await;
    test.store
        .change_control(ControlTarget::Queue, "q", ControlChange::Pause, &"bob".into())
        .await
        .expect("it is paused already");
    change(&test, ControlTarget::Queue, "q", ControlChange::Limit(Some(4))).await;
    let paused = QueueControl { paused_by: Some("ann".to_owned()), ..QueueControl::open(ControlTarget::Queue, "q") };
    let controls = test.store.controls().await.expect("read");
    let paused = QueueControl { paused_at: controls[0].paused_at, ..paused };
    assert!(paused.paused_at.is_some());
    let limited = QueueControl { at_once: Some(4), ..paused.clone() };
    assert_eq!(controls, std::slice::from_ref(&limited));
    let recorded: Vec<_> = test.recorder.events().iter().map(|event| (event.job, event.event.clone())).collect();
    let expected = [paused, limited].map(|control| (None, StreamEvent::QueueControl(control)));
    assert_eq!(recorded, expected, "the second pause has changed nothing");
    let replayed = test.store.events_after(model::Seq(0), 9).await.expect("read").expect("kept");
    assert_eq!(replayed, test.recorder.events());
}

pub(crate) async fn jobs_in_progress_are_counted_by_kind(test: TestStore) {
    let jobs = enqueue(&test, &["a", "b", "b", "b", "c"]).await;
    assert_eq!(claimed(&test, 1).await, jobs[..1]);
    test.store.pause(jobs[1], &"ann".into()).await.expect("paused");
    test.store.request_cancel(jobs[4], &"ann".into()).await.expect("cancelled");
    let counts = test.store.active_counts().await.expect("read");
    assert_eq!(counts.keys().map(String::as_str).collect::<BTreeSet<_>>(), ["a", "b"].into());
    assert_eq!((counts["a"].running, counts["a"].total()), (1, 1));
    assert_eq!((counts["b"].queued, counts["b"].paused, counts["b"].total()), (2, 1, 3));
}
