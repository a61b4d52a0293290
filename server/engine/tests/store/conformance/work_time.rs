//! Work time: what all attempts took, without pauses, waits and outages.

use engine::{
    Clock,
    access::Visibility,
    store::{Finish, Outcome},
};
use model::{JobId, JobState, Micros};

use super::super::support::{
    HOUR, TestStore, checkpoint, claim_one, failed, finish, kill_worker, new_job, progress, running, succeeded, worker,
};

const SECOND: i64 = HOUR / 3_600;

/// The seconds that all attempts took, and those of the current one.
async fn durations(test: &TestStore, job: JobId) -> (Option<f64>, Option<f64>) {
    let view = test.store.job(job).await.expect("found");
    (view.work_time(test.clock.now()), view.ran_for(test.clock.now()))
}

pub(crate) async fn work_time_is_the_sum_of_all_attempts(test: TestStore) {
    let store = &*test.store;
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    test.clock.advance(100 * SECOND);
    assert_eq!(durations(&test, job).await, (None, None), "waiting is no work");
    let first = claim_one(store, "a").await.fence;
    store.pause(job, &"ann".into()).await.expect("asked");
    test.clock.advance(9 * SECOND);
    let end = Finish { stage_seconds: vec![6.0, 3.0], ..finish(&first, Outcome::Paused) };
    store.finish(end).await.expect("paused");
    test.clock.advance(HOUR);
    assert_eq!(durations(&test, job).await, (Some(9.0), None));
    store.resume(job, &"ann".into()).await.expect("resumed");
    test.clock.advance(HOUR);
    let second = claim_one(store, "a").await.fence;
    test.clock.advance(4 * SECOND);
    assert_eq!(durations(&test, job).await, (Some(13.0), Some(4.0)), "it counts while it runs");
    store.finish(finish(&second, failed())).await.expect("failed");
    store.retry(job, &"ann".into()).await.expect("retried");
    test.clock.advance(HOUR);
    let third = claim_one(store, "a").await.fence;
    test.clock.advance(3 * SECOND);
    let end = Finish { stage_seconds: vec![0.0, 3.0], ..finish(&third, succeeded()) };
    let view = store.finish(end).await.expect("finished");
    test.clock.advance(HOUR);
    assert_eq!(durations(&test, job).await, (Some(16.0), Some(3.0)));
    assert_eq!(store.detail(job).await.expect("found").stage_seconds, [6.0, 6.0]);

    let stats = store.kind_stats(&Visibility::default()).await.expect("read").remove(0);
    assert_eq!((stats.usual_seconds, stats.last.last()), (Some(16.0), Some(&(job, JobState::Succeeded, 16.0))));
    assert_eq!(store.stage_weights("a").await.expect("read"), None, "the last attempt alone is not typical");
    let replayed = test.recorder.events();
    let model::StreamEvent::State(end) = &replayed.last().expect("some").event else { panic!("{replayed:?}") };
    assert_eq!(end.view, view, "the event has it, too");
}

pub(crate) async fn dead_attempt_ends_at_its_last_sign_of_life(test: TestStore) {
    let store = &*test.store;
    let silent = running(store, "a").await.fence;
    let reports = running(store, "b").await.fence;
    let saves = running(store, "c").await.fence;
    test.clock.advance(5 * SECOND);
    assert!(store.heartbeat(&worker('a')).await.expect("accepted"));
    test.clock.advance(SECOND);
    let at = |progress: model::Progress, at| model::Progress { at: Some(at), ..progress };
    store.save_progress(vec![(reports.clone(), at(progress(1, 3), test.clock.now()))]);
    test.clock.advance(SECOND);
    store.save_checkpoint(checkpoint(&saves, "1", 0)).await.expect("saved");
    // The machine is off.
    test.clock.advance(500 * HOUR);
    kill_worker(store).await;
    for (fence, seconds) in [(&silent, 5.0), (&reports, 6.0), (&saves, 7.0)] {
        assert_eq!(durations(&test, fence.job).await, (Some(seconds), Some(seconds)), "{fence:?}");
        let attempt = store.attempts(fence.job).await.expect("read").remove(0);
        let (ended, view) = (attempt.ended_at.expect("over"), store.job(fence.job).await.expect("found"));
        assert_eq!((ended.seconds_since(attempt.started_at), view.ended_at), (seconds, Some(ended)));
    }
    let stats = store.kind_stats(&Visibility::default()).await.expect("read");
    assert_eq!(stats.iter().map(|stats| stats.last[0].2).collect::<Vec<_>>(), [5.0, 6.0, 7.0]);
}

pub(crate) async fn dead_attempt_never_ends_before_it_started(test: TestStore) {
    let store = &*test.store;
    test.clock.advance(10 * SECOND);
    let fence = running(store, "a").await.fence;
    // The clock is set back, and the report is of a time that never comes.
    test.clock.advance(-HOUR);
    let report = model::Progress { at: Some(Micros(i64::MAX)), ..progress(1, 3) };
    store.save_progress(vec![(fence.clone(), report)]);
    store.flush().await.expect("written");
    kill_worker(store).await;
    assert_eq!(durations(&test, fence.job).await, (Some(0.0), Some(0.0)));
}
