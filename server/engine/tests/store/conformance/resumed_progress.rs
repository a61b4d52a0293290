//! Progress of a job that waits to resume from its checkpoint.

use engine::store::{Claimed, Finish, NewJob, Outcome, Store};
use model::{JobId, JobView, Micros, Progress, Stage, Tone};

use super::super::support::{HOUR, TestStore, checkpoint, claim_one, failed, finish, kill_worker, new_job};

/// Returns progress in the second of three stages.
fn halfway() -> Progress {
    let stage = Stage { index: 1, count: 3, name: "Hash".to_owned(), starts: vec![0.0, 0.1, 0.9] };
    Progress {
        rev: 57,
        value: 40,
        max: Some(80),
        unit: "files".to_owned(),
        fraction: Some(0.5),
        stage: Some(stage),
        message: "Working".to_owned(),
        tone: Tone::Warning,
        rate: Some(3.0),
        warnings: 2,
        at: Some(Micros(7)),
        ..Progress::default()
    }
}

/// Returns the part that is kept: the position, without message, speed and time, at `rev` 0.
fn left() -> Progress {
    Progress { rev: 0, message: String::new(), tone: Tone::Info, rate: None, at: None, ..halfway() }
}

/// Returns a running attempt with some progress, with or without a checkpoint.
async fn come_halfway(store: &dyn Store, with_checkpoint: bool) -> Claimed {
    store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
    let claimed = claim_one(store, "a").await;
    if with_checkpoint {
        store.save_checkpoint(checkpoint(&claimed.fence, "7", 0)).await.expect("kept");
    }
    store.save_progress(vec![(claimed.fence.clone(), halfway())]);
    store.flush().await.expect("written");
    claimed
}

async fn end(store: &dyn Store, claimed: &Claimed, outcome: Outcome) -> JobView {
    store.finish(Finish { progress: halfway(), ..finish(&claimed.fence, outcome) }).await.expect("finished")
}

async fn progress_of(store: &dyn Store, job: JobId) -> Progress {
    store.job(job).await.expect("found").progress
}

pub(crate) async fn waiting_job_shows_progress_of_its_checkpoint(test: TestStore) {
    let store = test.store.as_ref();
    let at = Micros(501_000 * HOUR);
    let Outcome::Failed { failure, trace } = failed() else { unreachable!("it has failed") };
    let later = Outcome::RetryLater { failure, trace, at };
    for (with_checkpoint, expected) in [(true, left()), (false, Progress::default())] {
        for outcome in [Outcome::Paused, Outcome::Released, Outcome::Snoozed { until: at }, later.clone()] {
            let claimed = come_halfway(store, with_checkpoint).await;
            let job = claimed.view.job;
            assert_eq!(end(store, &claimed, outcome.clone()).await.progress, expected, "{outcome:?}");
            assert_eq!(progress_of(store, job).await, expected, "{outcome:?}");
            assert_eq!(store.attempts(job).await.expect("read")[0].progress, halfway(), "its own end is as it was");
            store.request_cancel(job, &"ann".into()).await.expect("it waits");
            assert_eq!(progress_of(store, job).await, expected, "nothing came after it");
        }

        let claimed = come_halfway(store, with_checkpoint).await;
        end(store, &claimed, failed()).await;
        store.retry(claimed.view.job, &"ann".into()).await.expect("it has failed");
        let retried = claim_one(store, "a").await;
        assert_eq!(retried.view.progress, expected, "retried by a person, and claimed");
        end(store, &retried, failed()).await;

        let claimed = come_halfway(store, with_checkpoint).await;
        assert_eq!(kill_worker(store).await, [claimed.view.job]);
        assert_eq!(claim_one(store, "a").await.view.progress, expected, "its worker has died");
        kill_worker(store).await;
    }
}
