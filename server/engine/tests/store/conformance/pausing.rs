//! Jobs are set aside and go on.

use engine::{
    Error,
    store::{CheckpointOutcome, Claimed, NewJob, Outcome, PauseOutcome},
};
use model::{JobState, Micros, Shown, StreamEvent};

use super::{
    super::support::{
        HOUR, Kept, checkpoint, claim, claim_one, die, failed, failed_job, finish, new_job, running, succeeded,
    },
    retrying::{NOW, again_at},
};

pub(crate) async fn paused_waiting_job_resumes_at_end_of_queue(kept: Kept) {
    let first = kept.store.enqueue(new_job("a")).await.expect("accepted");
    let later = NewJob { run_at: Some(Micros(501_000 * HOUR)), ..new_job("a") };
    let scheduled = kept.store.enqueue(later).await.expect("accepted");
    for job in [first, scheduled] {
        assert_eq!(kept.store.pause(job, &"ann".into()).await.expect("paused"), PauseOutcome::Paused);
        assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Paused);
        let again = kept.store.pause(job, &"ann".into()).await;
        assert!(matches!(&again, Err(Error::Conflict { code: "already_paused", .. })), "{again:?}");
    }
    let next = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(
        kept.store.claim(claim(9, &["a"])).await.expect("answered").len(),
        1,
        "what is set aside is not claimed"
    );
    kept.store.enqueue(new_job("b")).await.expect("accepted");
    kept.store.resume(first, &"ann".into()).await.expect("resumed");
    assert_eq!(kept.store.job(first).await.expect("found").position, Some(2), "after {next}, at the end of the line");
    kept.store.resume(scheduled, &"ann".into()).await.expect("resumed");
    let waits = kept.store.job(scheduled).await.expect("found");
    assert_eq!((waits.state, waits.run_at), (JobState::Scheduled, Some(Micros(501_000 * HOUR))), "for its time again");
    kept.store.pause(scheduled, &"ann".into()).await.expect("paused");
    kept.clock.advance(1_000 * HOUR);
    kept.store.resume(scheduled, &"ann".into()).await.expect("resumed");
    assert_eq!(kept.store.job(scheduled).await.expect("found").position, Some(3), "its time has come meanwhile");
    let told = kept.store.activity(first, 9).await.expect("read");
    let told: Vec<_> = told.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(told, ["resumed", "set_aside", "created"]);
}

pub(crate) async fn running_job_is_paused_without_charge(kept: Kept) {
    let claimed = running(kept.store.as_ref(), "a").await;
    let job = claimed.view.job;
    assert_eq!(kept.store.pause(job, &"ann".into()).await.expect("asked"), PauseOutcome::Requested);
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Pausing);
    let told = kept.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(told, CheckpointOutcome::Pause, "its checkpoint tells it");
    let again = kept.store.pause(job, &"ann".into()).await;
    assert!(matches!(&again, Err(Error::Conflict { code: "already_requested", .. })), "{again:?}");
    let set_aside = kept.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt, set_aside.pause_requested_at), (JobState::Paused, 2, None));
    kept.store.resume(job, &"ann".into()).await.expect("resumed");
    let next = claim_one(kept.store.as_ref(), "a").await;
    assert_eq!((next.view.attempt, next.charged), (2, 1));
    // A process that ends before the next checkpoint does not forget the wish.
    kept.store.pause(job, &"ann".into()).await.expect("asked");
    let set_aside = kept.store.finish(finish(&next.fence, Outcome::Released)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt), (JobState::Paused, 3));
}

pub(crate) async fn pause_request_can_be_withdrawn(kept: Kept) {
    let claimed = running(kept.store.as_ref(), "a").await;
    let job = claimed.view.job;
    kept.store.pause(job, &"ann".into()).await.expect("asked");
    kept.store.resume(job, &"ann".into()).await.expect("taken back");
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Running);
    let twice = kept.store.resume(job, &"ann".into()).await;
    assert!(matches!(&twice, Err(Error::Conflict { code: "not_paused", .. })), "{twice:?}");
    // A wish to cancel outruns one to pause.
    kept.store.pause(job, &"ann".into()).await.expect("asked");
    kept.store.request_cancel(job, &"ann".into()).await.expect("asked");
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Cancelling);
    let told = kept.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(told, CheckpointOutcome::Continue);
    let over = kept.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!(over.state, JobState::Cancelled);
}

pub(crate) async fn job_continues_if_pause_request_is_withdrawn_in_time(kept: Kept) {
    let claimed = running(kept.store.as_ref(), "a").await;
    let job = claimed.view.job;
    let behind = kept.store.enqueue(new_job("a")).await.expect("accepted");
    kept.store.pause(job, &"ann".into()).await.expect("asked");
    let told = kept.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(told, CheckpointOutcome::Pause);
    kept.store.resume(job, &"ann".into()).await.expect("taken back");
    let waits = kept.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!((waits.state, waits.attempt), (JobState::Queued, 2), "nobody wants it set aside any more");
    let why =
        kept.store.attempts(job).await.expect("read").pop().and_then(|first| first.failure).expect("it is told why");
    assert_eq!(why.code, "pause_taken_back");
    let next = kept.store.claim(claim(2, &["a"])).await.expect("claimed");
    let next: Vec<_> = next.iter().map(|claimed| (claimed.view.job, claimed.charged)).collect();
    assert_eq!(next, [(job, 1), (behind, 1)], "uncharged, and where it stood");
}

/// How an attempt may end whose job then waits for the next one.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Failed,
    Snoozed,
    Released,
    Died,
}

impl Waits {
    async fn end(self, kept: &Kept, claimed: &Claimed) {
        let outcome = match self {
            Self::Failed => again_at(NOW + HOUR),
            Self::Snoozed => Outcome::Snoozed { until: Micros(NOW + HOUR) },
            Self::Released => Outcome::Released,
            Self::Died => {
                assert_eq!(die(kept.store.as_ref()).await, [claimed.view.job]);
                return;
            }
        };
        kept.store.finish(finish(&claimed.fence, outcome)).await.expect("finished");
    }
}

pub(crate) async fn pause_request_survives_the_end_of_its_attempt(kept: Kept) {
    // How the attempt's own row says that it ended, why, what its event says, and what is charged when the next is claimed.
    let ends = [
        (Waits::Failed, JobState::Failed, Some("io"), "io", 2),
        (Waits::Snoozed, JobState::Scheduled, None, "snoozed", 1),
        (Waits::Released, JobState::Queued, Some("shutdown"), "handed_back", 1),
        (Waits::Died, JobState::Interrupted, None, "interrupted", 2),
    ];
    for (end, row, why, told, charged) in ends {
        kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
        let claimed = claim_one(kept.store.as_ref(), "a").await;
        let job = claimed.view.job;
        kept.store.pause(job, &"ann".into()).await.expect("asked");
        let before = kept.heard.events().len();
        end.end(&kept, &claimed).await;

        let aside = kept.store.job(job).await.expect("found");
        assert_eq!((aside.state, aside.attempt, aside.pause_requested_at), (JobState::Paused, 2, None), "{end:?}");
        let events = kept.heard.events().split_off(before);
        let [event] = &events[..] else { panic!("{end:?} is one event, not {}", events.len()) };
        let StreamEvent::State(state) = &event.event else { panic!("{end:?} is a change of state") };
        assert_eq!((state.view.state, state.code.as_deref()), (JobState::Paused, Some(told)), "{end:?}");
        let counts = kept.store.counts().await.expect("read");
        assert_eq!((state.counts, counts.paused, counts.running), (Some(counts), 1, 0), "{end:?}");
        let attempt = kept.store.attempts(job).await.expect("read").pop().expect("it is kept");
        let code = attempt.failure.as_ref().map(|failure| failure.code.as_str());
        assert_eq!((attempt.state, code), (row, why), "{end:?}");
        let newest = kept.store.activity(job, 1).await.expect("read").pop().expect("something happened");
        assert_eq!((newest.what.as_str(), newest.by.as_deref()), ("set_aside", Some("ann")), "{end:?}");

        kept.store.promote_due(Micros(i64::MAX)).await.expect("promoted");
        assert!(kept.store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "{end:?}: it stays so");
        kept.store.resume(job, &"ann".into()).await.expect("it is paused");
        let goes_on = kept.store.job(job).await.expect("found").state;
        let snoozes = matches!(end, Waits::Snoozed);
        assert_eq!(goes_on, if snoozes { JobState::Scheduled } else { JobState::Queued }, "{end:?}");
        kept.store.promote_due(Micros(i64::MAX)).await.expect("promoted");
        let next = claim_one(kept.store.as_ref(), "a").await;
        assert_eq!((next.view.job, next.charged, next.view.failure), (job, charged, None), "{end:?}");
        kept.store.finish(finish(&next.fence, succeeded())).await.expect("finished");
    }
}

pub(crate) async fn job_without_attempts_left_fails_despite_pause_request(kept: Kept) {
    for died in [false, true] {
        let claimed = running(kept.store.as_ref(), "a").await;
        kept.store.pause(claimed.view.job, &"ann".into()).await.expect("asked");
        if died {
            die(kept.store.as_ref()).await;
        } else {
            kept.store.finish(finish(&claimed.fence, failed())).await.expect("finished");
        }
        let over = kept.store.job(claimed.view.job).await.expect("found");
        let expected = if died { JobState::Interrupted } else { JobState::Failed };
        assert_eq!((over.state, over.pause_requested_at), (expected, None));
    }
}

pub(crate) async fn ended_job_cannot_be_paused(kept: Kept) {
    let job = failed_job(kept.store.as_ref(), "a").await;
    let refused = kept.store.pause(job, &"ann".into()).await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "already_ended", .. })), "{refused:?}");
    let refused = kept.store.resume(job, &"ann".into()).await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "not_paused", .. })), "{refused:?}");
}
