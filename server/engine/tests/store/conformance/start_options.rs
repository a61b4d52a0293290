//! Start options: priority, unique jobs, idempotency keys.

use engine::{Error, store::NewJob};
use model::{JobId, JobState, Priority};

use super::super::support::{HOUR, TestStore, claim, claim_one, finish, new_job, succeeded};

fn urgent(kind: &str, level: i64) -> NewJob {
    NewJob { priority: Priority::new(level).expect("in range"), ..new_job(kind) }
}

fn only_one(kind: &str, key: &str) -> NewJob {
    NewJob { unique_key: Some(key.to_owned()), ..new_job(kind) }
}

fn called(kind: &str, key: &str) -> NewJob {
    NewJob { idempotency_key: Some(key.to_owned()), ..new_job(kind) }
}

pub(crate) async fn higher_priority_goes_before_older_job(test: TestStore) {
    let mut accepted = Vec::new();
    for (kind, level) in [("a", 0), ("b", -1), ("a", 5), ("b", 5), ("a", 0)] {
        accepted.push(test.store.enqueue(urgent(kind, level)).await.expect("accepted"));
    }
    let line = [2, 3, 0, 4, 1].map(|nth: usize| accepted[nth]);
    for (job, position) in line.into_iter().zip(1..) {
        assert_eq!(test.store.job(job).await.expect("found").position, Some(position), "job {job}");
    }
    let mut taken = Vec::new();
    for _ in 0..line.len() {
        taken.extend(test.store.claim(claim(1, &["a", "b"])).await.expect("answered"));
    }
    assert_eq!(taken.iter().map(|claimed| claimed.view.job).collect::<Vec<JobId>>(), line);
    assert_eq!(test.store.detail(line[0]).await.expect("found").priority.level(), 5);
}

pub(crate) async fn unique_job_runs_once_at_a_time(test: TestStore) {
    let first = test.store.enqueue(only_one("a", "orders")).await.expect("accepted");
    assert_eq!(test.store.enqueue(only_one("a", "orders")).await.expect("answered"), first, "it waits");
    let other = test.store.enqueue(only_one("a", "customers")).await.expect("accepted");
    let elsewhere = test.store.enqueue(only_one("b", "orders")).await.expect("accepted");
    assert_eq!(test.store.counts().await.expect("read").queued, 3, "{first} {other} {elsewhere}");
    let claimed = claim_one(test.store.as_ref(), "a").await;
    assert_eq!(test.store.enqueue(only_one("a", "orders")).await.expect("answered"), first, "it runs");
    test.store.request_cancel(first, &"ann".into()).await.expect("asked");
    test.store
        .finish(finish(&claimed.fence, engine::store::Outcome::Cancelled { failure: None, trace: String::new() }))
        .await
        .expect("finished");
    let next = test.store.enqueue(only_one("a", "orders")).await.expect("accepted");
    assert_ne!(next, first, "it is over");
    let rival = test.store.retry(first, &"ann".into()).await;
    assert!(matches!(&rival, Err(Error::Conflict { code: "already_under_way", .. })), "{rival:?}");
    assert_eq!(test.store.job(first).await.expect("found").state, JobState::Cancelled);
}

pub(crate) async fn idempotency_key_returns_the_same_job_for_a_day(test: TestStore) {
    let first = test.store.enqueue(called("a", "mail-1")).await.expect("accepted");
    let claimed = claim_one(test.store.as_ref(), "a").await;
    test.store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    let seq = test.store.position().await.expect("read").seq;
    test.clock.advance(24 * HOUR - 1);
    assert_eq!(test.store.enqueue(called("a", "mail-1")).await.expect("answered"), first, "also when it is over");
    assert_eq!(test.store.position().await.expect("read").seq, seq, "nothing happened");
    let other = NewJob { input: "{}".to_owned(), ..called("a", "mail-1") };
    let reused = test.store.enqueue(other).await;
    assert!(matches!(&reused, Err(Error::Conflict { code: "key_reused", .. })), "{reused:?}");
    test.clock.advance(1);
    let next = test.store.enqueue(called("a", "mail-1")).await.expect("accepted");
    assert_ne!(next, first, "a day later it is a new start");
    assert_eq!(test.store.enqueue(called("a", "mail-1")).await.expect("answered"), next);
}
