//! Process groups of attempts, and declared rules of kinds.

use engine::{
    Error,
    processes::{Group, GroupRow},
    store::{DeclaredRule, NewJob, WorkerId},
};
use model::Role;

use super::super::support::{TestStore, claim_one, finish, new_job, succeeded};

const GROUP: Group = Group { leader: 4_242, started: 123_456_789 };

pub(crate) async fn process_group_is_recorded_by_the_job_holder(test: TestStore) {
    let store = &*test.store;
    store.enqueue(NewJob { max_attempts: 1, ..new_job("a") }).await.expect("accepted");
    let fence = claim_one(store, "a").await.fence;
    store.record_process_group(fence.clone(), GROUP, "this kernel").await.expect("recorded");
    let row = GroupRow {
        group: GROUP,
        worker: fence.worker.clone(),
        host_boot_id: "this kernel".to_owned(),
        job: fence.job,
        attempt: fence.attempt,
    };
    let recorded = async || store.process_groups(std::slice::from_ref(&fence.worker)).await.expect("read");
    assert_eq!(recorded().await, [row]);
    assert_eq!(store.process_groups(&[WorkerId("another".to_owned())]).await.expect("read"), []);
    // Another process with the same id started at another time.
    let later = Group { started: GROUP.started + 1, ..GROUP };
    store.delete_process_group(&fence.worker, later).await.expect("done");
    assert_eq!(recorded().await.len(), 1);
    store.delete_process_group(&fence.worker, GROUP).await.expect("forgotten");
    assert_eq!(recorded().await, []);

    store.record_process_group(fence.clone(), GROUP, "this kernel").await.expect("recorded");
    store.delete_process_groups(std::slice::from_ref(&fence.worker)).await.expect("forgotten");
    assert_eq!(recorded().await, []);

    store.finish(finish(&fence, succeeded())).await.expect("ended");
    let stale = store.record_process_group(fence.clone(), GROUP, "this kernel").await;
    assert!(matches!(stale, Err(Error::Fenced)), "{stale:?}");
    assert_eq!(recorded().await, []);
}

pub(crate) async fn declared_rule_is_kept_after_task_is_removed(test: TestStore) {
    let rule = |kind: &str, start, private| DeclaredRule { kind: kind.to_owned(), start, private };
    let secret = rule("secret", Role::Administrator, true);
    test.store.declare_rules(vec![rule("a", Role::Operator, false), secret.clone()]).await.expect("noted");
    test.store.declare_rules(vec![rule("a", Role::Operator, true)]).await.expect("noted");
    assert_eq!(test.store.declared_rules().await.expect("read"), [rule("a", Role::Operator, true), secret]);
}
