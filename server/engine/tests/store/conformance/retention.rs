//! Retention: deletes ended jobs, their logs, artifacts and uploads by age.

use std::time::Duration;

use engine::store::{Artifact, LogQuery, NewJob, Outcome, Prunable, UploadRow};
use model::{JobId, JobState, Micros};

use super::super::support::{HOUR, TestStore, claim_one, finish, lines, new_job, running, succeeded};

const NOW: i64 = 500_000 * HOUR;

/// Returns a job that ends now, with three log lines and an artifact of 10 bytes.
async fn ended(test: &TestStore, outcome: Outcome) -> JobId {
    let claimed = running(test.store.as_ref(), "a").await;
    let mut end = finish(&claimed.fence, outcome);
    end.log = Some(lines(&claimed.fence, 1, &["one", "two", "three"]));
    let attempt = claimed.view.attempt;
    end.artifacts = vec![Artifact { name: "table.csv".to_owned(), attempt, size: 10, at: Micros(NOW) }];
    test.store.finish(end).await.expect("finished").job
}

/// Deletes `what` of all jobs that ended before now.
async fn prune(test: &TestStore, what: Prunable, states: &[JobState]) -> Vec<JobId> {
    let before: Vec<_> = states.iter().map(|state| (*state, engine::Clock::now(test.clock.as_ref()))).collect();
    let jobs = test.store.prunable(what, &before, JobId(0), 100).await.expect("read");
    let pruned = test.store.prune(what, jobs, Duration::MAX).await.expect("removed");
    pruned.jobs.into_iter().map(|(job, _)| job).collect()
}

pub(crate) async fn old_jobs_are_pruned_by_state(test: TestStore) {
    let old = ended(&test, succeeded()).await;
    let cancelled = ended(&test, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    let waiting = test.store.enqueue(new_job("b")).await.expect("accepted");
    test.clock.advance(HOUR);
    let young = ended(&test, succeeded()).await;
    assert_eq!(prune(&test, Prunable::Job, &[JobState::Succeeded]).await, [old]);
    assert!(test.store.job(old).await.is_err());
    for stays in [cancelled, waiting, young] {
        test.store.job(stays).await.expect("it stays");
    }
    let counts = test.store.counts().await.expect("read");
    assert_eq!((counts.succeeded, counts.cancelled, counts.queued), (1, 1, 1));
    assert_eq!(test.store.usage().await.expect("read").artifacts, 20);
    assert!(
        test.store
            .prunable(Prunable::Job, &[(JobState::Succeeded, Micros(NOW))], JobId(0), 9)
            .await
            .expect("read")
            .is_empty()
    );
}

pub(crate) async fn pruning_stops_at_its_deadline_and_continues(test: TestStore) {
    let mut left = Vec::new();
    for _ in 0..5 {
        left.push((ended(&test, succeeded()).await, Micros(NOW + 1)));
    }
    while !left.is_empty() {
        let pruned = test.store.prune(Prunable::Job, left.clone(), Duration::ZERO).await.expect("removed");
        let (job, _) = left.remove(0);
        assert_eq!((pruned.jobs, pruned.last), (vec![(job, 1)], Some(job)), "one at least, and none behind it");
        assert!(test.store.job(job).await.is_err());
        for (later, _) in &left {
            test.store.job(*later).await.expect("it stays");
        }
    }
}

pub(crate) async fn log_and_artifacts_are_pruned_without_the_job(test: TestStore) {
    let job = ended(&test, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    test.clock.advance(1);
    assert_eq!(prune(&test, Prunable::Log, &[JobState::Cancelled]).await, [job]);
    assert_eq!(prune(&test, Prunable::Log, &[JobState::Cancelled]).await, [], "once");
    assert_eq!(prune(&test, Prunable::Artifacts, &[JobState::Cancelled]).await, [job]);
    assert!(test.store.artifacts(job).await.expect("read").is_empty());
    assert_eq!(test.store.usage().await.expect("read").artifacts, 0);
    // The log of the next attempt is kept and continues the numbering.
    test.store.retry(job, &"ann".into()).await.expect("queued");
    let again = claim_one(test.store.as_ref(), "a").await;
    assert_eq!(again.next_line, 4);
    test.store.append_logs(vec![lines(&again.fence, 4, &["four"])]);
    test.store.flush().await.expect("written");
    while !test.store.is_upkeep_done().await.expect("read") {
        tokio::task::yield_now().await;
    }
    let log = test.store.log(job, &LogQuery { limit: 10, ..LogQuery::default() }).await.expect("read");
    assert_eq!(log.lines.iter().map(|(number, line)| (*number, line.text.as_str())).collect::<Vec<_>>(), [(4, "four")]);
    assert_eq!(log.total, 4);
}

pub(crate) async fn retried_job_is_not_pruned(test: TestStore) {
    let job = ended(&test, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    test.clock.advance(1);
    let found =
        test.store.prunable(Prunable::Job, &[(JobState::Cancelled, Micros(NOW + 1))], JobId(0), 9).await.expect("read");
    assert_eq!(found, [(job, Micros(NOW + 1))]);
    test.store.retry(job, &"ann".into()).await.expect("queued");
    assert!(test.store.prune(Prunable::Job, found, Duration::MAX).await.expect("answered").jobs.is_empty());
    assert_eq!(test.store.job(job).await.expect("it stays").state, JobState::Queued);
}

pub(crate) async fn upload_is_pruned_with_its_last_job(test: TestStore) {
    for id in ["old", "used"] {
        let upload = UploadRow { id: id.to_owned(), name: "a.csv".to_owned(), size: 5, at: Micros(NOW), by: None };
        test.store
            .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
            .await
            .expect("kept");
    }
    let using = |upload: &str| NewJob { uploads: vec![upload.to_owned()], ..new_job("a") };
    test.store.enqueue(using("old")).await.expect("accepted");
    let claimed = claim_one(test.store.as_ref(), "a").await;
    test.store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    test.store.enqueue(using("used")).await.expect("accepted");
    let before = Micros(NOW + 1);
    let found = async |before| test.store.prunable_uploads(before, "", 9).await.expect("read");
    assert_eq!(found(Micros(NOW)).await, Vec::<String>::new());
    assert_eq!(found(before).await, ["old"]);
    let all = ["old", "used"].map(str::to_owned);
    let pruned = test.store.prune_uploads(all.to_vec(), before, Duration::MAX).await.expect("answered");
    assert_eq!((pruned.uploads.as_slice(), pruned.last.as_deref()), (&all[..1], Some("used")), "a job needs the other");
    let pruned = test.store.prune_uploads(all.to_vec(), before, Duration::ZERO).await.expect("answered");
    assert_eq!(pruned.last.as_deref(), Some("old"), "no longer than was said, and one at least");
    assert_eq!(test.store.usage().await.expect("read").uploads, 5);
    test.store.job(claimed.view.job).await.expect("its job stays");
}
