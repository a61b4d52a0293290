//! What has long ended is removed, in part or whole, and nothing else is.

use std::time::Duration;

use engine::store::{Artifact, LogQuery, NewJob, Outcome, Prunable, UploadRow};
use model::{JobId, JobState, Micros};

use super::super::support::{HOUR, Kept, claim_one, finish, lines, new_job, running, succeeded};

const NOW: i64 = 500_000 * HOUR;

/// A job that ends at the clock's time with three lines and an artifact of 10 bytes.
async fn ended(kept: &Kept, outcome: Outcome) -> JobId {
    let claimed = running(kept.store.as_ref(), "a").await;
    let mut end = finish(&claimed.fence, outcome);
    end.log = Some(lines(&claimed.fence, 1, &["one", "two", "three"]));
    let attempt = claimed.view.attempt;
    end.artifacts = vec![Artifact { name: "table.csv".to_owned(), attempt, size: 10, at: Micros(NOW) }];
    kept.store.finish(end).await.expect("finished").job
}

/// Removes that of all jobs that ended before now.
async fn prune(kept: &Kept, what: Prunable, states: &[JobState]) -> Vec<JobId> {
    let before: Vec<_> = states.iter().map(|state| (*state, engine::Clock::now(kept.clock.as_ref()))).collect();
    let jobs = kept.store.prunable(what, &before, JobId(0), 100).await.expect("read");
    let pruned = kept.store.prune(what, jobs, Duration::MAX).await.expect("removed");
    pruned.jobs.into_iter().map(|(job, _)| job).collect()
}

pub(crate) async fn old_jobs_are_pruned_by_state(kept: Kept) {
    let old = ended(&kept, succeeded()).await;
    let cancelled = ended(&kept, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    let waiting = kept.store.enqueue(new_job("b")).await.expect("accepted");
    kept.clock.advance(HOUR);
    let young = ended(&kept, succeeded()).await;
    assert_eq!(prune(&kept, Prunable::Job, &[JobState::Succeeded]).await, [old]);
    assert!(kept.store.job(old).await.is_err());
    for stays in [cancelled, waiting, young] {
        kept.store.job(stays).await.expect("it stays");
    }
    let counts = kept.store.counts().await.expect("read");
    assert_eq!((counts.succeeded, counts.cancelled, counts.queued), (1, 1, 1));
    assert_eq!(kept.store.usage().await.expect("read").artifacts, 20);
    assert!(
        kept.store
            .prunable(Prunable::Job, &[(JobState::Succeeded, Micros(NOW))], JobId(0), 9)
            .await
            .expect("read")
            .is_empty()
    );
}

pub(crate) async fn pruning_stops_at_its_deadline_and_continues(kept: Kept) {
    let mut left = Vec::new();
    for _ in 0..5 {
        left.push((ended(&kept, succeeded()).await, Micros(NOW + 1)));
    }
    while !left.is_empty() {
        let pruned = kept.store.prune(Prunable::Job, left.clone(), Duration::ZERO).await.expect("removed");
        let (job, _) = left.remove(0);
        assert_eq!((pruned.jobs, pruned.last), (vec![(job, 1)], Some(job)), "one at least, and none behind it");
        assert!(kept.store.job(job).await.is_err());
        for (later, _) in &left {
            kept.store.job(*later).await.expect("it stays");
        }
    }
}

pub(crate) async fn log_and_artifacts_are_pruned_without_the_job(kept: Kept) {
    let job = ended(&kept, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    kept.clock.advance(1);
    assert_eq!(prune(&kept, Prunable::Log, &[JobState::Cancelled]).await, [job]);
    assert_eq!(prune(&kept, Prunable::Log, &[JobState::Cancelled]).await, [], "once");
    assert_eq!(prune(&kept, Prunable::Artifacts, &[JobState::Cancelled]).await, [job]);
    assert!(kept.store.artifacts(job).await.expect("read").is_empty());
    assert_eq!(kept.store.usage().await.expect("read").artifacts, 0);
    // What the next attempt says is not swept away with what was said before, and goes on counting.
    kept.store.retry(job, &"ann".into()).await.expect("queued");
    let again = claim_one(kept.store.as_ref(), "a").await;
    assert_eq!(again.next_line, 4);
    kept.store.append_logs(vec![lines(&again.fence, 4, &["four"])]);
    kept.store.flush().await.expect("written");
    while !kept.store.is_tidy().await.expect("read") {
        tokio::task::yield_now().await;
    }
    let log = kept.store.log(job, &LogQuery { limit: 10, ..LogQuery::default() }).await.expect("read");
    assert_eq!(log.lines.iter().map(|(number, line)| (*number, line.text.as_str())).collect::<Vec<_>>(), [(4, "four")]);
    assert_eq!(log.total, 4);
}

pub(crate) async fn retried_job_is_not_pruned(kept: Kept) {
    let job = ended(&kept, Outcome::Cancelled { failure: None, trace: String::new() }).await;
    kept.clock.advance(1);
    let found =
        kept.store.prunable(Prunable::Job, &[(JobState::Cancelled, Micros(NOW + 1))], JobId(0), 9).await.expect("read");
    assert_eq!(found, [(job, Micros(NOW + 1))]);
    kept.store.retry(job, &"ann".into()).await.expect("queued");
    assert!(kept.store.prune(Prunable::Job, found, Duration::MAX).await.expect("answered").jobs.is_empty());
    assert_eq!(kept.store.job(job).await.expect("it stays").state, JobState::Queued);
}

pub(crate) async fn upload_is_pruned_with_its_last_job(kept: Kept) {
    for id in ["old", "used"] {
        let upload = UploadRow { id: id.to_owned(), name: "a.csv".to_owned(), size: 5, at: Micros(NOW), by: None };
        kept.store
            .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
            .await
            .expect("kept");
    }
    let using = |upload: &str| NewJob { uploads: vec![upload.to_owned()], ..new_job("a") };
    kept.store.enqueue(using("old")).await.expect("accepted");
    let claimed = claim_one(kept.store.as_ref(), "a").await;
    kept.store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    kept.store.enqueue(using("used")).await.expect("accepted");
    let before = Micros(NOW + 1);
    let found = async |before| kept.store.prunable_uploads(before, "", 9).await.expect("read");
    assert_eq!(found(Micros(NOW)).await, Vec::<String>::new());
    assert_eq!(found(before).await, ["old"]);
    let all = ["old", "used"].map(str::to_owned);
    let pruned = kept.store.prune_uploads(all.to_vec(), before, Duration::MAX).await.expect("answered");
    assert_eq!((pruned.uploads.as_slice(), pruned.last.as_deref()), (&all[..1], Some("used")), "a job needs the other");
    let pruned = kept.store.prune_uploads(all.to_vec(), before, Duration::ZERO).await.expect("answered");
    assert_eq!(pruned.last.as_deref(), Some("old"), "no longer than was said, and one at least");
    assert_eq!(kept.store.usage().await.expect("read").uploads, 5);
    kept.store.job(claimed.view.job).await.expect("its job stays");
}
