//! Jobs are set aside and go on.

use engine::{
    Error,
    store::{CheckpointAnswer, NewJob, Outcome, PauseAnswer},
};
use model::{JobState, Micros, Shown};

use super::super::support::{HOUR, Kept, checkpoint, claim, claim_one, failed_job, finish, new_job, running};

pub(crate) async fn what_waits_is_set_aside_and_comes_back_at_the_end_of_the_line(kept: Kept) {
    let first = kept.store.enqueue(new_job("a")).await.expect("accepted");
    let later = NewJob { run_at: Some(Micros(501_000 * HOUR)), ..new_job("a") };
    let scheduled = kept.store.enqueue(later).await.expect("accepted");
    for job in [first, scheduled] {
        assert_eq!(kept.store.pause(job, "ann").await.expect("paused"), PauseAnswer::Paused);
        assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Paused);
        let again = kept.store.pause(job, "ann").await;
        assert!(matches!(&again, Err(Error::Conflict { code: "already_paused", .. })), "{again:?}");
    }
    let next = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(
        kept.store.claim(claim(9, &["a"])).await.expect("answered").len(),
        1,
        "what is set aside is not claimed"
    );
    for (job, position) in [(first, 1), (scheduled, 2)] {
        kept.store.resume(job, "ann").await.expect("resumed");
        assert_eq!(kept.store.job(job).await.expect("found").position, Some(position), "after {next}");
    }
    let told = kept.store.activity(first, 9).await.expect("read");
    let told: Vec<_> = told.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(told, ["resumed", "set_aside", "created"]);
}

pub(crate) async fn what_runs_is_asked_and_set_aside_uncharged(kept: Kept) {
    let claimed = running(kept.store.as_ref(), "a").await;
    let job = claimed.view.job;
    assert_eq!(kept.store.pause(job, "ann").await.expect("asked"), PauseAnswer::Requested);
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Pausing);
    let told = kept.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(told, CheckpointAnswer::Pause, "its checkpoint tells it");
    let again = kept.store.pause(job, "ann").await;
    assert!(matches!(&again, Err(Error::Conflict { code: "already_requested", .. })), "{again:?}");
    let set_aside = kept.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt, set_aside.pause_requested_at), (JobState::Paused, 2, None));
    kept.store.resume(job, "ann").await.expect("resumed");
    let next = claim_one(kept.store.as_ref(), "a").await;
    assert_eq!((next.view.attempt, next.charged), (2, 1));
    // A process that ends before the next checkpoint does not forget the wish.
    kept.store.pause(job, "ann").await.expect("asked");
    let set_aside = kept.store.finish(finish(&next.fence, Outcome::HandedBack)).await.expect("finished");
    assert_eq!((set_aside.state, set_aside.attempt), (JobState::Paused, 3));
}

pub(crate) async fn a_wish_to_pause_can_be_taken_back(kept: Kept) {
    let claimed = running(kept.store.as_ref(), "a").await;
    let job = claimed.view.job;
    kept.store.pause(job, "ann").await.expect("asked");
    kept.store.resume(job, "ann").await.expect("taken back");
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Running);
    let twice = kept.store.resume(job, "ann").await;
    assert!(matches!(&twice, Err(Error::Conflict { code: "not_paused", .. })), "{twice:?}");
    // A wish to cancel outruns one to pause.
    kept.store.pause(job, "ann").await.expect("asked");
    kept.store.request_cancel(job, "ann").await.expect("asked");
    assert_eq!(kept.store.job(job).await.expect("found").shown(), Shown::Cancelling);
    let told = kept.store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    assert_eq!(told, CheckpointAnswer::GoOn);
    let over = kept.store.finish(finish(&claimed.fence, Outcome::Paused)).await.expect("finished");
    assert_eq!(over.state, JobState::Cancelled);
}

pub(crate) async fn what_is_over_cannot_be_paused(kept: Kept) {
    let job = failed_job(kept.store.as_ref(), "a").await;
    let refused = kept.store.pause(job, "ann").await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "already_ended", .. })), "{refused:?}");
    let refused = kept.store.resume(job, "ann").await;
    assert!(matches!(&refused, Err(Error::Conflict { code: "not_paused", .. })), "{refused:?}");
}
