//! Pause and resume of jobs.

use engine::{
    Error,
    store::{CheckpointOutcome, Claimed, NewJob, Outcome, PauseOutcome},
};
use model::{JobState, Micros, Shown, StreamEvent};

use super::{
    super::support::{
        HOUR, TestStore, checkpoint, claim, claim_one, failed, failed_job, finish, kill_worker, new_job, running,
        succeeded,
    },
    retry::{NOW, again_at},
};

pub(crate) async fn paused_waiting_job_resumes_at_end_of_queue(test: TestStore) {
    let first = test.store.enqueue(new_job("a")).await.expect("accepted");
    let later = NewJob { run_at: Some(Micros(501_000 * HOUR)), ..new_job("a") };
    let scheduled = test.store.enqueue(later).await.expect("accepted");
    for job in [first, scheduled] {
        assert_eq!(test.store.pause(job, &"ann".into()).await.expect("paused"), PauseOutcome::Paused);
        assert_eq!(test.store.job(job).await.expect("found").state, JobState::Paused);
        let again = test.store.pause(job, &"ann".into()).await;
        assert!(matches!(&again, Err(Error::Conflict { code: "already_paused", .. })), "{again:?}");
    }
    let next = test.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(
        test.store.claim(claim(9, &["a"])).await.expect("answered").len(),
        1,
        "what is set paused is not claimed"
    );
    test.store.enqueue(new_job("b")).await.expect("accepted");
    test.store.resume(first, &"ann".into()).await.expect("resumed");
    assert_eq!(test.store.job(first).await.expect("found").position, Some(2), "after {next}, at the end of the line");
    test.store.resume(scheduled, &"ann".into()).await.expect("resumed");
    let waits = test.store.job(scheduled).await.expect("found");
    assert_eq!((waits.state, waits.run_at), (JobState::Scheduled, Some(Micros(501_000 * HOUR))), "for its time again");
    test.store.pause(scheduled, &"ann".into()).await.expect("paused");
    test.clock.advance(1_000 * HOUR);
    test.store.resume(scheduled, &"ann".into()).await.expect("resumed");
    assert_eq!(test.store.job(scheduled).await.expect("found").position, Some(3), "its time has come meanwhile");
    let activity = test.store.activity(first, 9).await.expect("read");
    let activity: Vec<_> = activity.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(activity, ["resumed", "set_aside", "created"]);
}

pub(crate) async fn running_job_is_paused_without_charge(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let job = claimed.view.job;
    assert_eq!(test.store.pause(job, &"ann".into()).await.expect("asked"), PauseOutcome::Requested);
    assert_eq!(test.store.job(job).await.expect("found").shown(), Shown::Pausing);
    let outcome = test.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(outcome, CheckpointOutcome::Pause, "the checkpoint returns the request");
    let again = test.store.pause(job, &"ann".into()).await;
    assert!(matches!(&again, Err(Error::Conflict { code: "already_requested", .. })), "{again:?}");
    let set_aside = test.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt, set_aside.pause_requested_at), (JobState::Paused, 2, None));
    test.store.resume(job, &"ann".into()).await.expect("resumed");
    let next = claim_one(test.store.as_ref(), "a").await;
    assert_eq!((next.view.attempt, next.charged), (2, 1));
    // The pause request survives a shutdown before the next checkpoint.
    test.store.pause(job, &"ann".into()).await.expect("asked");
    let set_aside = test.store.finish(finish(&next.fence, Outcome::Released)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt), (JobState::Paused, 3));
}

pub(crate) async fn pause_request_can_be_withdrawn(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let job = claimed.view.job;
    test.store.pause(job, &"ann".into()).await.expect("asked");
    test.store.resume(job, &"ann".into()).await.expect("taken back");
    assert_eq!(test.store.job(job).await.expect("found").shown(), Shown::Running);
    let twice = test.store.resume(job, &"ann".into()).await;
    assert!(matches!(&twice, Err(Error::Conflict { code: "not_paused", .. })), "{twice:?}");
    // A cancel request overrides a pause request.
    test.store.pause(job, &"ann".into()).await.expect("asked");
    test.store.request_cancel(job, &"ann".into()).await.expect("asked");
    assert_eq!(test.store.job(job).await.expect("found").shown(), Shown::Cancelling);
    let outcome = test.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(outcome, CheckpointOutcome::Continue);
    let over = test.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!(over.state, JobState::Cancelled);
}

pub(crate) async fn job_continues_if_pause_request_is_withdrawn_in_time(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let job = claimed.view.job;
    let behind = test.store.enqueue(new_job("a")).await.expect("accepted");
    test.store.pause(job, &"ann".into()).await.expect("asked");
    let outcome = test.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(outcome, CheckpointOutcome::Pause);
    test.store.resume(job, &"ann".into()).await.expect("taken back");
    let waits = test.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!((waits.state, waits.attempt), (JobState::Queued, 2), "the pause request is withdrawn");
    let why =
        test.store.attempts(job).await.expect("read").pop().and_then(|first| first.failure).expect("it has a reason");
    assert_eq!(why.code, "pause_taken_back");
    let next = test.store.claim(claim(2, &["a"])).await.expect("claimed");
    let next: Vec<_> = next.iter().map(|claimed| (claimed.view.job, claimed.charged)).collect();
    assert_eq!(next, [(job, 1), (behind, 1)], "uncharged, and where it stood");
}

/// The ends of an attempt after which its job waits for the next one.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Failed,
    Snoozed,
    Released,
    Died,
}

impl Waits {
    async fn end(self, test: &TestStore, claimed: &Claimed) {
        let outcome = match self {
            Self::Failed => again_at(NOW + HOUR),
            Self::Snoozed => Outcome::Snoozed { until: Micros(NOW + HOUR) },
            Self::Released => Outcome::Released,
            Self::Died => {
                assert_eq!(kill_worker(test.store.as_ref()).await, [claimed.view.job]);
                return;
            }
        };
        test.store.finish(finish(&claimed.fence, outcome)).await.expect("finished");
    }
}

pub(crate) async fn pause_request_survives_the_end_of_its_attempt(test: TestStore) {
    // State and error code in the attempt's row, code of the event, and attempts charged at the next claim.
    let ends = [
        (Waits::Failed, JobState::Failed, Some("io"), "io", 2),
        (Waits::Snoozed, JobState::Scheduled, None, "snoozed", 1),
        (Waits::Released, JobState::Queued, Some("shutdown"), "handed_back", 1),
        (Waits::Died, JobState::Interrupted, None, "interrupted", 2),
    ];
    for (end, row, why, event_code, charged) in ends {
        test.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
        let claimed = claim_one(test.store.as_ref(), "a").await;
        let job = claimed.view.job;
        test.store.pause(job, &"ann".into()).await.expect("asked");
        let before = test.recorder.events().len();
        end.end(&test, &claimed).await;

        let paused = test.store.job(job).await.expect("found");
        assert_eq!((paused.state, paused.attempt, paused.pause_requested_at), (JobState::Paused, 2, None), "{end:?}");
        let events = test.recorder.events().split_off(before);
        let [event] = &events[..] else { panic!("{end:?} is one event, not {}", events.len()) };
        let StreamEvent::State(state) = &event.event else { panic!("{end:?} is a change of state") };
        assert_eq!((state.view.state, state.code.as_deref()), (JobState::Paused, Some(event_code)), "{end:?}");
        let counts = test.store.counts().await.expect("read");
        assert_eq!((state.counts, counts.paused, counts.running), (Some(counts), 1, 0), "{end:?}");
        let attempt = test.store.attempts(job).await.expect("read").pop().expect("it is kept");
        let code = attempt.failure.as_ref().map(|failure| failure.code.as_str());
        assert_eq!((attempt.state, code), (row, why), "{end:?}");
        let newest = test.store.activity(job, 1).await.expect("read").pop().expect("something happened");
        assert_eq!((newest.what.as_str(), newest.by.as_deref()), ("set_aside", Some("ann")), "{end:?}");

        test.store.promote_due(Micros(i64::MAX)).await.expect("promoted");
        assert!(test.store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "{end:?}: it stays so");
        test.store.resume(job, &"ann".into()).await.expect("it is paused");
        let goes_on = test.store.job(job).await.expect("found").state;
        let snoozes = matches!(end, Waits::Snoozed);
        assert_eq!(goes_on, if snoozes { JobState::Scheduled } else { JobState::Queued }, "{end:?}");
        test.store.promote_due(Micros(i64::MAX)).await.expect("promoted");
        let next = claim_one(test.store.as_ref(), "a").await;
        assert_eq!((next.view.job, next.charged, next.view.failure), (job, charged, None), "{end:?}");
        test.store.finish(finish(&next.fence, succeeded())).await.expect("finished");
    }
}

pub(crate) async fn job_without_attempts_left_fails_despite_pause_request(test: TestStore) {
    for died in [false, true] {
        let claimed = running(test.store.as_ref(), "a").await;
        test.store.pause(claimed.view.job, &"ann".into()).await.expect("asked");
        if died {
            kill_worker(test.store.as_ref()).await;
        } else {
            test.store.finish(finish(&claimed.fence, failed())).await.expect("finished");
        }
        let over = test.store.job(claimed.view.job).await.expect("found");
        let expected = if died { JobState::Interrupted } else { JobState::Failed };
        assert_eq!((over.state, over.pause_requested_at), (expected, None));
    }
}

pub(crate) async fn ended_job_cannot_be_paused(test: TestStore) {
    let job = failed_job(test.store.as_ref(), "a").await;
    let refused = test.store.pause(job, &"ann".into()).await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "already_ended", .. })), "{refused:?}");
    let refused = test.store.resume(job, &"ann".into()).await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "not_paused", .. })), "{refused:?}");
}
