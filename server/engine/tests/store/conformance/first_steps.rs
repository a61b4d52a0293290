//! First steps of a new installation.

use engine::store::{AuditNote, FIRST_STEPS_HIDDEN, FirstSteps, Missed, Overlap, Plan, SavePlan, ScheduleId, Store};
use model::{Priority, Role};

use super::super::support::{TestStore, new_job};

fn backups(name: &str) -> SavePlan {
    let plan = Plan {
        name: name.to_owned(),
        kind: "b".to_owned(),
        input: "{}".to_owned(),
        priority: Priority::default(),
        expression: "0 2 * * *".to_owned(),
        zone: "UTC".to_owned(),
        overlap: Overlap::Skip,
        missed: Missed::Once,
    };
    SavePlan { plan, uploads: Vec::new(), next_at: None, by: "ann".into() }
}

async fn steps(store: &dyn Store) -> Option<FirstSteps> {
    store.first_steps("a", "b").await.expect("read")
}

pub(crate) async fn first_steps_follow_jobs_users_and_schedules_until_hidden(test: TestStore) {
    let store = &*test.store;
    assert_eq!(steps(store).await, Some(FirstSteps { started: false, users: 0, backup: None }));
    store.enqueue(new_job("other")).await.expect("accepted");
    assert!(!steps(store).await.expect("shown").started);
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    store.request_cancel(job, &"ann".into()).await.expect("cancelled");
    store.delete(job, &"ann".into()).await.expect("deleted");
    store.add_user("ann", Role::Administrator, &"ann".into()).await.expect("added");
    let first = store.add_schedule(backups("Nightly")).await.expect("kept");
    store.add_schedule(backups("Weekly")).await.expect("kept");
    let done = FirstSteps { started: true, users: 1, backup: Some((first, "Nightly".to_owned())) };
    assert_eq!(steps(store).await, Some(done), "deleted jobs count, and the oldest schedule is named");
    let note = AuditNote { by: "ann".into(), what: FIRST_STEPS_HIDDEN, detail: String::new() };
    store.add_audit_note(note).await.expect("noted");
    assert_eq!(steps(store).await, None);
}

pub(crate) async fn only_schedule_of_a_kind_is_added_once(test: TestStore) {
    let store = &*test.store;
    let added: Vec<ScheduleId> =
        futures_util::future::join_all(["A", "B"].map(|name| store.add_only_schedule(backups(name))))
            .await
            .into_iter()
            .map(|added| added.expect("kept"))
            .collect();
    assert_eq!(added[0], added[1]);
    assert_eq!(steps(store).await.expect("shown").backup.expect("kept").0, added[0]);
}
