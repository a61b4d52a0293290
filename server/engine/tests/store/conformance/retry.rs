//! Retry, snooze, and cancel requests during an attempt.

use engine::{Error, store::Outcome};
use model::{Failure, JobState, Micros, Shown};

use super::super::support::{HOUR, TestStore, claim, claim_one, failed, finish, new_job, running};

pub(super) const NOW: i64 = 500_000 * HOUR;

pub(super) fn again_at(at: i64) -> Outcome {
    let Outcome::Failed { failure, trace } = failed() else { unreachable!("that is what it makes") };
    Outcome::RetryLater { failure, trace, at: Micros(at) }
}

pub(crate) async fn retry_waits_for_its_backoff(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let job = claimed.view.job;
    let waits = test.store.finish(finish(&claimed.fence, again_at(NOW + 10))).await.expect("finished");
    assert_eq!((waits.state, waits.attempt, waits.run_at), (JobState::Scheduled, 2, Some(Micros(NOW + 10))));
    assert_eq!((waits.shown(), waits.started_at), (Shown::Retrying, None));
    assert!(test.store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "not before its time");
    test.store.promote_due(Micros(NOW + 10)).await.expect("promoted");
    let next = claim_one(test.store.as_ref(), "a").await;
    assert_eq!((next.view.job, next.view.attempt, next.charged), (job, 2, 2));
    assert_eq!(next.view.failure, None, "the next attempt has not failed");
    let first = test.store.attempts(job).await.expect("read").pop().expect("it is kept");
    assert_eq!((first.attempt, first.state), (1, JobState::Failed));
    assert_eq!(first.failure.expect("why").code, "io");
}

pub(crate) async fn snoozed_attempt_is_not_charged(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let until = Micros(NOW + 5);
    let waits = test.store.finish(finish(&claimed.fence, Outcome::Snoozed { until })).await.expect("finished");
    assert_eq!((waits.state, waits.attempt, waits.run_at), (JobState::Scheduled, 2, Some(until)));
    assert_eq!(waits.shown(), Shown::Scheduled);
    test.store.promote_due(until).await.expect("promoted");
    assert_eq!(claim_one(test.store.as_ref(), "a").await.charged, 1);
    let activity = test.store.activity(claimed.view.job, 9).await.expect("read");
    assert!(activity.iter().any(|entry| entry.what == "snoozed"), "{activity:?}");
}

pub(crate) async fn scheduled_job_can_start_now(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let job = claimed.view.job;
    let refused = test.store.start_now(job, &"ann".into()).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "not_scheduled", .. })), "{refused:?}");
    test.store.finish(finish(&claimed.fence, again_at(NOW + HOUR))).await.expect("finished");
    let earlier = test.store.enqueue(new_job("a")).await.expect("accepted");
    test.store.start_now(job, &"ann".into()).await.expect("it waits");
    assert_eq!(test.store.job(job).await.expect("found").position, Some(2), "behind {earlier}");
    let activity = test.store.activity(job, 9).await.expect("read");
    assert!(
        activity.iter().any(|entry| entry.what == "started_now" && entry.by.as_deref() == Some("ann")),
        "{activity:?}"
    );
}

pub(crate) async fn cancel_request_overrides_every_end_but_success(test: TestStore) {
    let ends = [failed(), again_at(NOW), Outcome::Snoozed { until: Micros(NOW) }, Outcome::Released];
    for (nth, outcome) in ends.into_iter().enumerate() {
        let why = match &outcome {
            Outcome::Failed { failure, .. } | Outcome::RetryLater { failure, .. } => Some(failure.clone()),
            _ => None::<Failure>,
        };
        let claimed = running(test.store.as_ref(), "a").await;
        test.store.request_cancel(claimed.view.job, &"ann".into()).await.expect("asked");
        let over = test.store.finish(finish(&claimed.fence, outcome)).await.expect("finished");
        assert_eq!((over.state, over.failure), (JobState::Cancelled, why), "end {nth}");
    }
}
