//! Conformance suite of stores. Each test gets a new, empty store.

#[path = "conformance/accounts.rs"]
mod accounts;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/controls.rs"]
mod controls;
#[path = "conformance/curves.rs"]
mod curves;
#[path = "conformance/first_steps.rs"]
mod first_steps;
#[path = "conformance/logs.rs"]
mod logs;
#[path = "conformance/messages.rs"]
mod messages;
#[path = "conformance/pause.rs"]
mod pause;
#[path = "conformance/process_groups.rs"]
mod process_groups;
#[path = "conformance/resumed_progress.rs"]
mod resumed_progress;
#[path = "conformance/retention.rs"]
mod retention;
#[path = "conformance/retry.rs"]
mod retry;
#[path = "conformance/schedules.rs"]
mod schedules;
#[path = "conformance/sessions.rs"]
mod sessions;
#[path = "conformance/start_options.rs"]
mod start_options;
#[path = "conformance/visibility.rs"]
mod visibility;
#[path = "conformance/work_time.rs"]
mod work_time;

use std::collections::BTreeSet;

use engine::{
    Clock as _, Error,
    access::Visibility,
    store::{
        Artifact, CancelOutcome, Checkpoint, CheckpointOutcome, Claim, Claimable, Finish, ListQuery, LogQuery, NewJob,
        Node, Outcome, PageAt, Topics, UploadRow,
    },
};
use model::{JobId, JobState, Level, LogLine, Micros, Seq, StreamEvent};

use tokio_util::sync::CancellationToken;

use super::support::{
    HOUR, TestStore, checkpoint, claim, claim_one, failed, failed_job, finish, kill_worker, lines, new_job, node,
    progress, running, succeeded, worker,
};

pub(crate) use accounts::*;
pub(crate) use audit::*;
pub(crate) use controls::*;
pub(crate) use curves::*;
pub(crate) use first_steps::*;
pub(crate) use logs::*;
pub(crate) use messages::*;
pub(crate) use pause::*;
pub(crate) use process_groups::*;
pub(crate) use resumed_progress::*;
pub(crate) use retention::*;
pub(crate) use retry::*;
pub(crate) use schedules::*;
pub(crate) use sessions::*;
pub(crate) use start_options::*;
pub(crate) use visibility::*;
pub(crate) use work_time::*;

pub(crate) async fn enqueued_job_is_last_in_queue(test: TestStore) {
    let first = test.store.enqueue(new_job("a")).await.expect("accepted");
    let second = test.store.enqueue(new_job("b")).await.expect("accepted");
    assert!(second > first);
    let view = test.store.job(second).await.expect("found");
    assert_eq!((view.state, view.attempt, view.position), (JobState::Queued, 1, Some(2)));
    assert_eq!((view.kind.as_str(), view.title.as_str(), view.created_by.as_str()), ("b", "Try b", "ann"));
    let detail = test.store.detail(second).await.expect("found");
    assert_eq!(detail.input, serde_json::json!({"text": "a \"quoted\" ünïcode"}));
}

pub(crate) async fn scheduled_job_waits_until_due(test: TestStore) {
    let later = |micros| NewJob { run_at: Some(Micros(500_000 * HOUR + micros)), ..new_job("a") };
    let soon = test.store.enqueue(later(10)).await.expect("accepted");
    test.store.enqueue(later(20)).await.expect("accepted");
    assert_eq!(test.store.job(soon).await.expect("found").state, JobState::Scheduled);
    assert!(test.store.claim(claim(9, &["a"])).await.expect("answered").is_empty());
    let next = test.store.promote_due(Micros(500_000 * HOUR + 10)).await.expect("promoted");
    assert_eq!(next, Some(Micros(500_000 * HOUR + 20)));
    let claimed = test.store.claim(claim(9, &["a"])).await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [soon]);
    assert_eq!(test.store.promote_due(Micros(i64::MAX)).await.expect("promoted"), None);
}

pub(crate) async fn job_with_unknown_upload_is_rejected(test: TestStore) {
    let job = NewJob { uploads: vec!["none".to_owned()], ..new_job("a") };
    let refused = test.store.enqueue(job).await.expect_err("refused");
    assert!(matches!(refused, Error::NoSuchUpload(id) if id == "none"));
    assert_eq!(test.store.position().await.expect("read").seq, Seq(0));
    assert_eq!(test.store.counts().await.expect("read").queued, 0);
}

pub(crate) async fn claim_takes_oldest_jobs_up_to_slots(test: TestStore) {
    let mut accepted = Vec::new();
    for kind in ["a", "b", "a", "b"] {
        accepted.push(test.store.enqueue(new_job(kind)).await.expect("accepted"));
    }
    let claimed = test.store.claim(claim(3, &["a", "b"])).await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), accepted[..3]);
    assert!(claimed.iter().all(|claimed| claimed.view.state == JobState::Running && claimed.next_line == 1));
    assert_eq!(claimed[0].input, new_job("a").input);
    assert_eq!(test.store.workers_with_jobs().await.expect("read"), [worker('a')]);
}

pub(crate) async fn waiting_claim_takes_job_in_the_enqueue_commit(test: TestStore) {
    let mut waiting = test.store.claim(Claim { waits: Some(CancellationToken::new()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    test.store.enqueue(new_job("b")).await.expect("accepted");
    let job = test.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(test.store.job(job).await.expect("found").state, JobState::Running, "as soon as it is accepted");
    let claimed = waiting.await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [job]);
}

pub(crate) async fn withdrawn_claim_takes_no_job(test: TestStore) {
    let enough = CancellationToken::new();
    let mut waiting = test.store.claim(Claim { waits: Some(enough.clone()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    enough.cancel();
    assert!(waiting.await.expect("answered").is_empty());
    let job = test.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(test.store.job(job).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn kind_at_limit_blocks_no_other_kind(test: TestStore) {
    for _ in 0..50 {
        test.store.enqueue(new_job("limited")).await.expect("accepted");
    }
    let free = test.store.enqueue(new_job("free")).await.expect("accepted");
    let unknown = test.store.enqueue(new_job("unknown")).await.expect("accepted");
    let limited = |limit| Claimable { limit: Some(limit), ..Claimable::of("limited") };
    let kinds = [limited(2), Claimable::of("free")].into();
    let wish = Claim { kinds, ..claim(10, &[]) };
    let claimed = test.store.claim(wish).await.expect("answered");
    assert_eq!(claimed.len(), 3);
    assert_eq!(claimed[2].view.job, free);
    let elsewhere = Claim { worker: worker('b'), kinds: [limited(3)].into(), ..claim(10, &[]) };
    assert_eq!(test.store.claim(elsewhere).await.expect("answered").len(), 1, "two run already");
    assert_eq!(test.store.job(unknown).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn job_is_claimed_by_one_worker(test: TestStore) {
    for _ in 0..100 {
        test.store.enqueue(new_job("a")).await.expect("accepted");
    }
    let mut claims = tokio::task::JoinSet::new();
    for name in 'a'..='j' {
        let store = std::sync::Arc::clone(&test.store);
        claims.spawn(async move { store.claim(Claim { worker: worker(name), ..claim(15, &["a"]) }).await });
    }
    let claimed: Vec<_> = claims.join_all().await.into_iter().flat_map(|claimed| claimed.expect("answered")).collect();
    let jobs: BTreeSet<JobId> = claimed.iter().map(|claimed| claimed.view.job).collect();
    assert_eq!((claimed.len(), jobs.len()), (100, 100));
}

pub(crate) async fn only_latest_progress_is_stored(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    test.store.save_progress(vec![(fence.clone(), progress(1, 10))]);
    test.store.save_progress(vec![(fence.clone(), progress(2, 20))]);
    test.store.flush().await.expect("flushed");
    assert_eq!(test.store.job(fence.job).await.expect("found").progress, progress(2, 20));
    let mut ending = finish(&fence, succeeded());
    ending.progress = progress(9, 100);
    let view = test.store.finish(ending).await.expect("finished");
    assert_eq!(view.progress, progress(9, 100));
    assert_eq!(test.store.attempts(fence.job).await.expect("read")[0].progress, progress(9, 100));
}

pub(crate) async fn log_numbering_continues_across_attempts(test: TestStore) {
    let first = running(&*test.store, "a").await.fence;
    test.store.append_logs(vec![lines(&first, 1, &["one", "two"])]);
    let mut ending = finish(&first, failed());
    ending.log = Some(lines(&first, 3, &["three"]));
    test.store.finish(ending).await.expect("finished");
    test.store.retry(first.job, &"ann".into()).await.expect("retried");
    let second = claim_one(&*test.store, "a").await;
    assert_eq!((second.fence.attempt, second.next_line), (2, 4));
    test.store.append_logs(vec![lines(&second.fence, 4, &["four"]), lines(&first, 5, &["stale"])]);
    test.store.flush().await.expect("flushed");
    let page = test.store.log(first.job, &LogQuery { limit: 10, ..LogQuery::default() }).await.expect("read");
    let texts: Vec<_> = page.lines.iter().map(|(number, line)| (*number, line.text.as_str())).collect();
    assert_eq!(texts, [(1, "one"), (2, "two"), (3, "three"), (4, "four")]);
    assert_eq!((page.total, page.more_before, page.more_after), (4, false, false));
}

pub(crate) async fn log_is_read_from_both_ends_and_filtered(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    for chunk in 0..30_u64 {
        let mut append = lines(&fence, chunk * 10 + 1, &["plain"; 10]);
        append.lines[4] = LogLine::plain(Micros(8), Level::Warn, format!("Über {chunk} %"));
        test.store.append_logs(vec![append]);
    }
    test.store.flush().await.expect("flushed");
    let read = async |query: LogQuery| test.store.log(fence.job, &query).await.expect("read");
    let numbers = |page: &engine::store::LogPage| page.lines.iter().map(|(number, _)| *number).collect::<Vec<_>>();

    let end = read(LogQuery { limit: 3, ..LogQuery::default() }).await;
    assert_eq!((numbers(&end), end.more_before, end.more_after), (vec![298, 299, 300], true, false));
    let middle = read(LogQuery { before: Some(103), limit: 4, ..LogQuery::default() }).await;
    assert_eq!((numbers(&middle), middle.more_before, middle.more_after), (vec![99, 100, 101, 102], true, true));
    let start = read(LogQuery { from: Some(1), limit: 12, ..LogQuery::default() }).await;
    assert_eq!((numbers(&start), start.more_before, start.more_after), ((1..=12).collect(), false, true));
    let grave = read(LogQuery { level: Some(Level::Warn), limit: 2, ..LogQuery::default() }).await;
    assert_eq!((numbers(&grave), grave.more_before), (vec![285, 295], true));
    let found = read(LogQuery { text: Some("ÜBER 7 %".to_owned()), limit: 9, ..LogQuery::default() }).await;
    assert_eq!((numbers(&found), found.more_before), (vec![75], false));
}

pub(crate) async fn log_styles_round_trip(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    let mut append = lines(&fence, 1, &["plain", "painted", "plain again"]);
    append.lines[1].styles.change(2, "91b");
    append.lines[1].styles.change(4, "");
    let stored = append.lines.clone();
    test.store.append_logs(vec![append]);
    test.store.flush().await.expect("flushed");
    let page = test.store.log(fence.job, &LogQuery { from: Some(1), limit: 9, ..LogQuery::default() }).await;
    let read: Vec<_> = page.expect("read").lines.into_iter().map(|(_, line)| line).collect();
    assert_eq!(read, stored);
    let found = LogQuery { text: Some("painted".to_owned()), limit: 9, ..LogQuery::default() };
    assert_eq!(test.store.log(fence.job, &found).await.expect("read").lines, [(2, stored[1].clone())]);
    let events = test.store.events_after(Seq(0), 100).await.expect("read").expect("none is trimmed");
    let logged = events.iter().find_map(|event| match &event.event {
        StreamEvent::Log(log) => Some(log.lines.clone()),
        _ => None,
    });
    assert_eq!(logged, Some(stored));
}

pub(crate) async fn finish_stores_result_log_and_artifacts_together(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    let artifact = Artifact { name: "SHA256SUMS".to_owned(), attempt: 1, size: 42, at: Micros(3) };
    assert!(test.store.artifacts(fence.job).await.expect("read").is_empty());
    let mut ending = finish(&fence, succeeded());
    ending.artifacts = vec![artifact.clone()];
    ending.stage_seconds = vec![1.0, 3.0];
    let view = test.store.finish(ending).await.expect("finished");
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(view, test.store.job(fence.job).await.expect("found"));
    let detail = test.store.detail(fence.job).await.expect("found");
    assert_eq!(detail.output, Some(serde_json::json!({"files": 3})));
    assert_eq!((detail.artifact_bytes, detail.stage_seconds), (42, vec![1.0, 3.0]));
    assert_eq!(test.store.artifacts(fence.job).await.expect("read"), [artifact]);
    assert_eq!(test.store.usage().await.expect("read").artifacts, 42);
    assert_eq!(test.store.stage_weights("a").await.expect("read"), Some(vec![0.25, 0.75]));
}

pub(crate) async fn fenced_worker_writes_nothing(test: TestStore) {
    let stale = running(&*test.store, "a").await.fence;
    kill_worker(&*test.store).await;
    test.store.retry(stale.job, &"ann".into()).await.expect("retried");
    let fresh = claim_one(&*test.store, "a").await.fence;
    let seq = test.store.position().await.expect("read").seq;

    let refused = test.store.finish(finish(&stale, succeeded())).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced));
    let refused = test.store.mark_not_responding(stale.clone()).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced));
    test.store.save_progress(vec![(stale.clone(), progress(5, 50))]);
    test.store.append_logs(vec![lines(&stale, 1, &["stale"])]);
    test.store.flush().await.expect("flushed");
    assert_eq!(test.store.position().await.expect("read").seq, seq);
    assert_eq!(test.store.job(stale.job).await.expect("found").progress.rev, 0);
    test.store.finish(finish(&fresh, succeeded())).await.expect("the owner is not disturbed");
    let refused = test.store.finish(finish(&fresh, failed())).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "an attempt ends once");
}

pub(crate) async fn latest_checkpoint_is_kept_across_attempts(test: TestStore) {
    let first = running(&*test.store, "a").await.fence;
    let job = first.job;
    assert_eq!(test.store.checkpoint(job).await.expect("read"), None);
    let seq = test.store.position().await.expect("read").seq;
    for (data, warnings) in [("{}", 0), (r#"{"line":7}"#, 2)] {
        test.store.save_checkpoint(checkpoint(&first, data, warnings)).await.expect("kept");
        test.clock.advance(5);
    }
    assert_eq!(test.store.position().await.expect("read").seq, seq, "no event is published");
    let expected =
        Checkpoint { attempt: 1, at: Micros(500_000 * HOUR + 5), warnings: 2, data: r#"{"line":7}"#.to_owned() };
    assert_eq!(test.store.checkpoint(job).await.expect("read"), Some(expected.clone()));

    test.store.finish(Finish { checkpointed: true, ..finish(&first, failed()) }).await.expect("finished");
    test.store.retry(job, &"ann".into()).await.expect("retried");
    let second = claim_one(&*test.store, "a").await.fence;
    assert_eq!(test.store.checkpoint(job).await.expect("read"), Some(expected));
    let refused = test.store.save_checkpoint(checkpoint(&first, "0", 0)).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "a stale worker");
    assert_eq!(
        test.store.save_checkpoint(checkpoint(&second, "8", 3)).await.expect("kept"),
        CheckpointOutcome::Continue
    );
    let found = test.store.checkpoint(job).await.expect("read").expect("kept");
    assert_eq!((found.attempt, found.data.as_str()), (2, "8"));
    test.store.finish(Finish { checkpointed: true, ..finish(&second, succeeded()) }).await.expect("finished");
    assert_eq!(test.store.checkpoint(job).await.expect("read"), None, "done is done");
    let refused = test.store.save_checkpoint(checkpoint(&second, "9", 3)).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "an attempt that has ended");
}

pub(crate) async fn checkpoint_is_deleted_with_its_job(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    test.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
    test.store.finish(Finish { checkpointed: true, ..finish(&fence, failed()) }).await.expect("finished");
    test.store.delete(fence.job, &"ann".into()).await.expect("deleted");
    assert_eq!(test.store.checkpoint(fence.job).await.expect("read"), None);
}

pub(crate) async fn log_is_committed_before_its_checkpoint(test: TestStore) {
    let fence = running(&*test.store, "a").await.fence;
    for line in 1..=20 {
        test.store.append_logs(vec![lines(&fence, line, &["one"])]);
        test.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
        let page = test.store.log(fence.job, &LogQuery { limit: 1, ..LogQuery::default() }).await.expect("read");
        assert_eq!(page.total, line);
    }
}

pub(crate) async fn released_attempt_is_queued_without_charge(test: TestStore) {
    let claimed = {
        test.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
        claim_one(&*test.store, "a").await
    };
    let view = test.store.finish(finish(&claimed.fence, Outcome::Released)).await.expect("handed back");
    assert_eq!((view.state, view.attempt, view.started_at), (JobState::Queued, 2, None));
    // The second claim has charged one attempt, so that another is left after a lost worker.
    claim_one(&*test.store, "a").await;
    kill_worker(&*test.store).await;
    let view = test.store.job(view.job).await.expect("found");
    assert_eq!((view.state, view.attempt), (JobState::Queued, 3));
}

pub(crate) async fn cancel_returns_the_state_it_found(test: TestStore) {
    let waiting = test.store.enqueue(new_job("b")).await.expect("accepted");
    let runs = running(&*test.store, "a").await.fence;
    let cancel = async |job| test.store.request_cancel(job, &"bob".into()).await.expect("answered");
    assert_eq!(cancel(waiting).await, CancelOutcome::Cancelled);
    assert_eq!(cancel(waiting).await, CancelOutcome::AlreadyEnded(JobState::Cancelled));
    assert_eq!(cancel(runs.job).await, CancelOutcome::Requested(1));
    assert_eq!(cancel(runs.job).await, CancelOutcome::AlreadyRequested(1));
    test.store.mark_not_responding(runs.clone()).await.expect("noted");
    test.store.mark_not_responding(runs.clone()).await.expect("told twice is told");
    let view = test.store.job(runs.job).await.expect("found");
    assert_eq!((view.cancel_requested_by.as_deref(), view.not_responding), (Some("bob"), true));
    let cancelled = Outcome::Cancelled { failure: None, trace: String::new() };
    let view = test.store.finish(finish(&runs, cancelled)).await.expect("finished");
    assert_eq!((view.state, view.not_responding), (JobState::Cancelled, false));
    let activity = test.store.activity(runs.job, 10).await.expect("read");
    let what: Vec<_> = activity.iter().map(|activity| activity.what.as_str()).collect();
    assert_eq!(what, ["cancelled", "not_responding", "cancel_requested", "started", "created"]);
}

pub(crate) async fn retry_adds_an_attempt_to_failed_job(test: TestStore) {
    let job = failed_job(&*test.store, "a").await;
    assert_eq!(test.store.retry(job, &"bob".into()).await.expect("retried"), 2);
    let view = test.store.job(job).await.expect("found");
    assert_eq!((view.state, view.failure, view.ended_at), (JobState::Queued, None, None));
    assert!(matches!(test.store.retry(job, &"bob".into()).await, Err(Error::Conflict { state: JobState::Queued, .. })));
    let fence = claim_one(&*test.store, "a").await.fence;
    assert!(matches!(test.store.retry(job, &"bob".into()).await, Err(Error::Conflict { code: "still_running", .. })));
    test.store.finish(finish(&fence, succeeded())).await.expect("finished");
    assert!(matches!(
        test.store.retry(job, &"bob".into()).await,
        Err(Error::Conflict { state: JobState::Succeeded, .. })
    ));
    let attempts = test.store.attempts(job).await.expect("read");
    let states: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.state)).collect();
    assert_eq!(states, [(2, JobState::Succeeded), (1, JobState::Failed)]);
    assert_eq!(attempts[1].trace, "caused by\nnothing");
    let stored = test.store.activity(job, 9).await.expect("read");
    let stored: Vec<_> = stored.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(
        stored,
        ["succeeded", "started", "retried", "failed", "started", "created"],
        "newest first, in one moment too"
    );
}

pub(crate) async fn retried_job_is_last_in_queue(test: TestStore) {
    let old = failed_job(&*test.store, "a").await;
    let waiting = test.store.enqueue(new_job("b")).await.expect("accepted");
    test.store.retry(old, &"ann".into()).await.expect("retried");
    let newest = test.store.enqueue(new_job("a")).await.expect("accepted");
    for (job, position) in [(waiting, 1), (old, 2), (newest, 3)] {
        assert_eq!(test.store.job(job).await.expect("found").position, Some(position), "{job}");
    }
    let stored = test.recorder.events().into_iter().filter_map(|event| match &event.event {
        StreamEvent::State(state) if state.code.as_deref() == Some("retried") => state.view.position,
        _ => None,
    });
    assert_eq!(stored.collect::<Vec<_>>(), [2]);
    let claimed = test.store.claim(claim(9, &["a", "b"])).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [waiting, old, newest]);
}

pub(crate) async fn released_job_keeps_its_queue_position(test: TestStore) {
    let first = running(&*test.store, "a").await.fence;
    test.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
    let second = claim_one(&*test.store, "a").await.fence;
    let last = test.store.enqueue(new_job("a")).await.expect("accepted");
    test.store.finish(finish(&first, Outcome::Released)).await.expect("handed back");
    kill_worker(&*test.store).await;
    let claimed = test.store.claim(claim(9, &["a"])).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [first.job, second.job, last]);
}

pub(crate) async fn deleted_job_leaves_nothing_and_its_id_is_not_reused(test: TestStore) {
    let upload = UploadRow { id: "u1".to_owned(), name: "x.csv".to_owned(), size: 5, at: Micros(1), by: None };
    test.store
        .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
        .await
        .expect("saved");
    let job = NewJob { uploads: vec!["u1".to_owned()], ..new_job("a") };
    let job = test.store.enqueue(job).await.expect("accepted");
    assert!(matches!(test.store.delete(job, &"ann".into()).await, Err(Error::Conflict { code: "not_ended", .. })));
    let fence = claim_one(&*test.store, "a").await.fence;
    test.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    let mut ending = finish(&fence, failed());
    ending.artifacts = vec![Artifact { name: "x".to_owned(), attempt: 1, size: 42, at: Micros(3) }];
    test.store.finish(ending).await.expect("finished");
    assert!(test.store.sweep_uploads(Micros(i64::MAX)).await.expect("swept").is_empty(), "the job refers to it");

    assert_eq!(test.store.existing(&[job, JobId(77)]).await.expect("read"), [job].into());
    test.store.delete(job, &"ann".into()).await.expect("deleted");
    assert!(test.store.existing(&[job]).await.expect("read").is_empty());
    assert!(matches!(test.store.job(job).await, Err(Error::NoSuchJob(gone)) if gone == job));
    assert!(matches!(test.store.delete(job, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(test.store.attempts(job).await.expect("read").is_empty());
    assert_eq!(test.store.usage().await.expect("read").artifacts, 0);
    assert_eq!(test.store.sweep_uploads(Micros(i64::MAX)).await.expect("swept"), ["u1"]);
    assert_eq!(test.store.counts().await.expect("read").failed, 0);
    assert!(test.store.kind_stats(&Visibility::default()).await.expect("read").is_empty());
    assert!(test.store.enqueue(new_job("a")).await.expect("accepted") > job);
}

pub(crate) async fn jobs_of_dead_worker_are_settled(test: TestStore) {
    let lost = running(&*test.store, "a").await.fence;
    test.store.enqueue(NewJob { max_attempts: 2, ..new_job("b") }).await.expect("accepted");
    let asked = claim_one(&*test.store, "b").await.fence;
    test.store.request_cancel(asked.job, &"ann".into()).await.expect("asked");
    test.store.enqueue(NewJob { max_attempts: 2, ..new_job("c") }).await.expect("accepted");
    let again = claim_one(&*test.store, "c").await.fence;
    test.store.enqueue(new_job("d")).await.expect("accepted");
    let alive = test.store.claim(Claim { worker: worker('z'), ..claim(1, &["d"]) }).await.expect("claimed");

    let settled = kill_worker(&*test.store).await;
    assert_eq!(settled, [lost.job, asked.job, again.job]);
    let state = async |job| test.store.job(job).await.expect("found").state;
    assert_eq!(state(lost.job).await, JobState::Interrupted);
    assert_eq!(state(asked.job).await, JobState::Interrupted, "no cancel and no retry was requested");
    assert_eq!(test.store.attempts(asked.job).await.expect("read")[0].state, JobState::Interrupted);
    assert_eq!(state(again.job).await, JobState::Queued);
    assert_eq!(state(alive[0].view.job).await, JobState::Running);
    assert_eq!(test.store.workers_with_jobs().await.expect("read"), [worker('z')]);
    assert_eq!(claim_one(&*test.store, "c").await.fence.attempt, 2);
}

pub(crate) async fn every_change_is_an_event_and_replays_unchanged(test: TestStore) {
    let job = failed_job(&*test.store, "a").await;
    test.store.retry(job, &"ann".into()).await.expect("retried");
    let fence = claim_one(&*test.store, "a").await.fence;
    test.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    test.store.request_cancel(job, &"bob".into()).await.expect("asked");
    test.store.finish(finish(&fence, Outcome::Cancelled { failure: None, trace: String::new() })).await.expect("ended");
    test.store.delete(failed_job(&*test.store, "b").await, &"ann".into()).await.expect("deleted");

    let events = test.recorder.events();
    let seqs: Vec<i64> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=events.len() as i64).collect::<Vec<_>>(), "one order, no hole");
    let replayed = test.store.events_after(Seq(0), 1_000).await.expect("read").expect("kept");
    assert_eq!(replayed, events);
    let codes: Vec<_> = events
        .iter()
        .map(|event| match &event.event {
            StreamEvent::State(state) => state.code.as_deref().unwrap_or_default(),
            other => other.name(),
        })
        .collect();
    let life = ["created", "started", "io", "retried", "started", "log", "cancel_requested", "cancelled"];
    assert_eq!(codes, [&life[..], &["created", "started", "io", "deleted"]].concat());
    let part = test.store.events_after(Seq(3), 2).await.expect("read").expect("kept");
    assert_eq!(part, events[3..5]);
    let ahead = test.store.events_after(Seq(events.len() as i64 + 1), 1).await.expect("read");
    assert!(ahead.is_none(), "a place that was never reached");
}

pub(crate) async fn snapshot_contains_the_requested_topics(test: TestStore) {
    let named = test.store.enqueue(new_job("b")).await.expect("accepted");
    let row = test.store.enqueue(new_job("b")).await.expect("accepted");
    let fence = running(&*test.store, "a").await.fence;
    test.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    test.store.flush().await.expect("flushed");
    let topics = Topics { job: [named].into(), row: [row].into(), ..Topics::default() };
    let (cursor, snapshot) = test.store.snapshot(&topics).await.expect("read");
    assert_eq!(snapshot.jobs.iter().map(|view| view.job).collect::<Vec<_>>(), [named, row]);
    assert_eq!((snapshot.counts, snapshot.seq), (None, cursor.seq));
    let topics = Topics { jobs: true, job: [fence.job].into(), ..Topics::default() };
    let (_, snapshot) = test.store.snapshot(&topics).await.expect("read");
    assert_eq!(snapshot.jobs.iter().map(|view| view.job).collect::<Vec<_>>(), [fence.job]);
    assert_eq!(snapshot.counts.map(|counts| (counts.queued, counts.running)), Some((2, 1)));
    assert_eq!(snapshot.logs[0].lines, lines(&fence, 1, &["one"]).lines);
}

pub(crate) async fn keyset_pages_cover_the_list_in_order(test: TestStore) {
    for number in 0..60_u32 {
        let kind = ["a", "b", "c"][number as usize % 3];
        let title = format!("Work {}%_{number}", if number % 2 == 0 { "even" } else { "odd" });
        test.store.enqueue(NewJob { title, ..new_job(kind) }).await.expect("accepted");
        test.clock.advance(1_000);
    }
    for claimed in test.store.claim(claim(20, &["a", "b"])).await.expect("claimed") {
        let outcome = if claimed.view.job.0 % 4 == 0 { failed() } else { succeeded() };
        test.store.finish(finish(&claimed.fence, outcome)).await.expect("finished");
    }
    let begin = 500_000 * HOUR;
    let queries = [
        ListQuery::default(),
        ListQuery { kind: Some("b".to_owned()), ..ListQuery::default() },
        ListQuery { states: vec![JobState::Failed, JobState::Queued], ..ListQuery::default() },
        ListQuery { text: Some("EVEN%_ work".to_owned()), ..ListQuery::default() },
        ListQuery { from: Some(Micros(begin + 9_000)), until: Some(Micros(begin + 40_000)), ..ListQuery::default() },
        ListQuery { states: vec![JobState::Paused], ..ListQuery::default() },
    ];
    for query in queries {
        let all = test.store.page(&ListQuery { limit: 200, ..query.clone() }).await.expect("read").jobs;
        assert!(all.is_sorted_by(|a, b| a.job > b.job));
        assert!(all.iter().all(|view| matches(&query, view)), "{query:?}");
        let pages = [down(&test, &query).await, up(&test, &query).await];
        let ids: Vec<JobId> = all.iter().map(|view| view.job).collect();
        assert_eq!(pages, [ids.clone(), ids], "{query:?}");
    }
    let by_id = ListQuery { text: Some("#17".to_owned()), limit: 10, ..ListQuery::default() };
    assert_eq!(test.store.page(&by_id).await.expect("read").jobs[0].job, JobId(17));
}

fn matches(query: &ListQuery, view: &model::JobView) -> bool {
    let text = format!("{} {} {}", view.job, view.kind, view.title).to_lowercase();
    (query.states.is_empty() || query.states.contains(&view.state))
        && query.kind.as_ref().is_none_or(|kind| *kind == view.kind)
        && query.from.is_none_or(|from| view.created_at >= from)
        && query.until.is_none_or(|until| view.created_at < until)
        && query.text.iter().flat_map(|words| words.split(' ')).all(|word| text.contains(&word.to_lowercase()))
}

/// Returns all ids, from the first page to the last.
async fn down(test: &TestStore, query: &ListQuery) -> Vec<JobId> {
    let (mut ids, mut at) = (Vec::new(), None);
    loop {
        let page = test.store.page(&ListQuery { at, limit: 7, ..query.clone() }).await.expect("read");
        assert_eq!(page.newer, !ids.is_empty());
        ids.extend(page.jobs.iter().map(|view| view.job));
        match ids.last() {
            Some(last) if page.older => at = Some(PageAt::OlderThan(*last)),
            _ => return ids,
        }
    }
}

/// Returns all ids, from the last page to the first.
async fn up(test: &TestStore, query: &ListQuery) -> Vec<JobId> {
    let (mut ids, mut at) = (Vec::new(), Some(PageAt::Oldest));
    loop {
        let page = test.store.page(&ListQuery { at, limit: 7, ..query.clone() }).await.expect("read");
        assert_eq!(page.older, !ids.is_empty());
        ids.splice(0..0, page.jobs.iter().map(|view| view.job));
        match ids.first() {
            Some(first) if page.newer => at = Some(PageAt::NewerThan(*first)),
            _ => return ids,
        }
    }
}

pub(crate) async fn attention_ends_with_retry_repetition_or_after_a_week(test: TestStore) {
    let old = failed_job(&*test.store, "a").await;
    test.clock.advance(6 * 24 * HOUR);
    let retried = failed_job(&*test.store, "a").await;
    let repeated = failed_job(&*test.store, "a").await;
    test.clock.advance(HOUR);
    let lost = running(&*test.store, "b").await.fence.job;
    kill_worker(&*test.store).await;
    let shown = async || -> Vec<JobId> {
        test.store.attention(10, &Visibility::default()).await.expect("read").iter().map(|view| view.job).collect()
    };
    let all = shown().await;
    assert_eq!((all[0], all.len(), all[3]), (lost, 4, old));
    test.store.retry(retried, &"ann".into()).await.expect("retried");
    let again = NewJob { rerun_of: Some(repeated), ..new_job("a") };
    let again = test.store.enqueue(again).await.expect("accepted");
    assert_eq!(shown().await, [lost, old]);
    test.clock.advance(23 * HOUR);
    assert_eq!(shown().await, [lost]);
    assert_eq!(test.store.detail(repeated).await.expect("found").repeated_by, Some(again));
}

pub(crate) async fn dismissed_job_needs_no_attention_until_it_fails_again(test: TestStore) {
    let (store, by) = (&*test.store, "ann".into());
    let attention = async || -> Vec<JobId> {
        store.attention(10, &Visibility::default()).await.expect("read").iter().map(|view| view.job).collect()
    };
    let (first, second) = (failed_job(store, "a").await, failed_job(store, "a").await);
    let waiting = store.enqueue(new_job("b")).await.expect("accepted");
    assert_eq!(store.dismiss(vec![first, waiting, JobId(99)], &by).await.expect("dismissed"), 1);
    assert_eq!(attention().await, [second]);
    assert_eq!(store.dismiss(vec![first], &by).await.expect("no error"), 0, "a second click changes nothing");
    let activity = store.activity(first, 9).await.expect("read");
    assert_eq!(
        activity.iter().filter(|entry| entry.what == "dismissed" && entry.by.as_deref() == Some("ann")).count(),
        1
    );
    assert_eq!(store.job(first).await.expect("found").state, JobState::Failed, "it is the same job otherwise");
    store.retry(first, &by).await.expect("retried");
    let again = claim_one(store, "a").await;
    assert_eq!(again.view.job, first);
    test.clock.advance(HOUR);
    store.finish(finish(&again.fence, failed())).await.expect("failed again");
    assert_eq!(attention().await, [first, second]);
}

pub(crate) async fn matching_jobs_are_counted_in_each_state(test: TestStore) {
    let store = &*test.store;
    for kind in ["a", "a", "b"] {
        failed_job(store, kind).await;
    }
    test.clock.advance(HOUR);
    let from = test.clock.now();
    store.enqueue(new_job("a")).await.expect("accepted");
    let counts = async |query: ListQuery| {
        let counts = store.matching_counts(&query).await.expect("read");
        (counts.failed, counts.queued, counts.total())
    };
    assert_eq!(counts(ListQuery::default()).await, (3, 1, 4));
    let of_a = ListQuery { kind: Some("a".to_owned()), ..ListQuery::default() };
    assert_eq!(counts(of_a.clone()).await, (2, 1, 3));
    assert_eq!(counts(ListQuery { states: vec![JobState::Failed], ..of_a.clone() }).await, (2, 1, 3));
    assert_eq!(counts(ListQuery { from: Some(from), ..of_a.clone() }).await, (0, 1, 1));
    assert_eq!(counts(ListQuery { text: Some("TRY b".to_owned()), ..ListQuery::default() }).await, (1, 0, 1));
    let visibility = Visibility { hidden: ["a".to_owned()].into(), own: "vera".into() };
    assert_eq!(counts(ListQuery { visibility, ..ListQuery::default() }).await, (1, 0, 1));
}

pub(crate) async fn kind_and_hourly_statistics_add_up(test: TestStore) {
    for number in 0..30 {
        let fence = running(&*test.store, "a").await.fence;
        test.clock.advance(number * 1_000_000);
        let outcome = if number % 3 == 0 { failed() } else { succeeded() };
        test.store.finish(finish(&fence, outcome)).await.expect("finished");
    }
    test.clock.advance(HOUR);
    running(&*test.store, "a").await;
    let stats = test.store.kind_stats(&Visibility::default()).await.expect("read").remove(0);
    assert_eq!((stats.kind.as_str(), stats.total, stats.running, stats.last.len()), ("a", 31, 1, 20));
    assert_eq!(stats.last[19], (JobId(30), JobState::Succeeded, 29.0));
    assert_eq!((stats.success_rate, stats.usual_seconds), (Some(20.0 / 30.0), Some(14.0)));
    assert_eq!(stats.slow_seconds, Some(26.0));
    let hours = test.store.finished_per_hour(3).await.expect("read");
    let ended: Vec<_> = hours.iter().map(|hour| (hour.succeeded, hour.failed, hour.cancelled)).collect();
    assert_eq!(ended, [(0, 0, 0), (20, 10, 0), (0, 0, 0)]);
}

pub(crate) async fn unused_uploads_are_pruned(test: TestStore) {
    let upload =
        |id: &str, at| UploadRow { id: id.to_owned(), name: "é.csv".to_owned(), size: 5, at: Micros(at), by: None };
    for upload in [upload("old", 1), upload("used", 1), upload("new", 9)] {
        test.store
            .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
            .await
            .expect("saved");
    }
    let job = NewJob { uploads: vec!["used".to_owned()], ..new_job("a") };
    test.store.enqueue(job).await.expect("accepted");
    assert_eq!(test.store.upload("old").await.expect("found"), upload("old", 1));
    assert_eq!(test.store.sweep_uploads(Micros(9)).await.expect("swept"), ["old"]);
    assert!(matches!(test.store.upload("old").await, Err(Error::NoSuchUpload(_))));
    assert_eq!(test.store.usage().await.expect("read").uploads, 10);
}

pub(crate) async fn unknown_job_error_names_the_job(test: TestStore) {
    let none = JobId(404);
    assert!(matches!(test.store.job(none).await, Err(Error::NoSuchJob(job)) if job == none));
    assert!(matches!(test.store.detail(none).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(test.store.request_cancel(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(test.store.retry(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(test.store.log(none, &LogQuery::default()).await, Err(Error::NoSuchJob(_))));
}

pub(crate) async fn dead_worker_is_removed_unless_it_sent_a_heartbeat(test: TestStore) {
    let store = &*test.store;
    let of_a = async || -> Vec<Node> {
        store.nodes().await.expect("read").into_iter().filter(|seen| seen.worker == worker('a')).collect()
    };
    let fence = running(store, "a").await.fence;
    let before = store.position().await.expect("read").seq;
    assert!(store.heartbeat(&worker('a')).await.expect("beaten"));
    store.unregister(&worker('a')).await.expect("answered");
    let seen = of_a().await;
    assert_eq!(seen, [Node { heartbeat: 1, ..node('a') }], "it stays while it holds a job");
    assert_eq!(store.held_attempts(&worker('a')).await.expect("read"), BTreeSet::from([(fence.job, fence.attempt)]));

    assert!(store.heartbeat(&worker('a')).await.expect("beaten"));
    assert_eq!(store.expire(&seen).await.expect("answered"), [], "it has beaten since it was seen");
    assert_eq!(store.position().await.expect("read").seq, before, "none of this is an event");
    let seen = of_a().await;
    assert_eq!(store.expire(&seen).await.expect("expired"), [fence.job]);
    assert_eq!(store.job(fence.job).await.expect("found").state, JobState::Interrupted);
    assert!(!store.heartbeat(&worker('a')).await.expect("answered"), "it is told that it counts as dead");
    assert!(store.held_attempts(&worker('a')).await.expect("read").is_empty());

    let next = store.enqueue(new_job("a")).await.expect("accepted");
    assert!(store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "a removed worker claims nothing");
    store.register(node('a')).await.expect("entered again");
    let claimed = claim_one(store, "a").await;
    assert_eq!(claimed.view.job, next);
    store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    store.unregister(&worker('a')).await.expect("taken out");
    assert_eq!(of_a().await, []);
}

/// Passes the names of all tests to a macro.
macro_rules! promises {
    ($callback:ident) => {
        $callback!(
            process_group_is_recorded_by_the_job_holder
            declared_rule_is_kept_after_task_is_removed
            enqueued_job_is_last_in_queue
            scheduled_job_waits_until_due
            job_with_unknown_upload_is_rejected
            higher_priority_goes_before_older_job
            unique_job_runs_once_at_a_time
            idempotency_key_returns_the_same_job_for_a_day
            claim_takes_oldest_jobs_up_to_slots
            waiting_claim_takes_job_in_the_enqueue_commit
            withdrawn_claim_takes_no_job
            kind_at_limit_blocks_no_other_kind
            job_is_claimed_by_one_worker
            only_latest_progress_is_stored
            log_numbering_continues_across_attempts
            log_is_read_from_both_ends_and_filtered
            long_log_is_read_in_bounded_pages
            long_log_page_is_complete
            log_styles_round_trip
            finish_stores_result_log_and_artifacts_together
            fenced_worker_writes_nothing
            latest_checkpoint_is_kept_across_attempts
            checkpoint_is_deleted_with_its_job
            log_is_committed_before_its_checkpoint
            released_attempt_is_queued_without_charge
            retry_waits_for_its_backoff
            snoozed_attempt_is_not_charged
            scheduled_job_can_start_now
            cancel_request_overrides_every_end_but_success
            cancel_returns_the_state_it_found
            retry_adds_an_attempt_to_failed_job
            retried_job_is_last_in_queue
            released_job_keeps_its_queue_position
            deleted_job_leaves_nothing_and_its_id_is_not_reused
            curve_is_stored_during_and_at_end_of_attempt
            recent_runs_include_only_successes
            waiting_job_shows_progress_of_its_checkpoint
            paused_waiting_job_resumes_at_end_of_queue
            running_job_is_paused_without_charge
            pause_request_can_be_withdrawn
            job_continues_if_pause_request_is_withdrawn_in_time
            pause_request_survives_the_end_of_its_attempt
            job_without_attempts_left_fails_despite_pause_request
            ended_job_cannot_be_paused
            paused_kind_starts_no_job_and_blocks_no_other
            queue_limit_takes_oldest_job_of_its_kinds
            configured_limit_can_only_lower_the_kind_limit
            waiting_claim_takes_job_when_control_is_lifted
            waiting_claim_takes_job_when_limit_frees_up
            control_change_publishes_one_event_with_author
            jobs_in_progress_are_counted_by_kind
            message_is_an_event_with_seq
            direct_message_is_visible_to_sender_and_recipient
            job_message_has_visibility_and_lifetime_of_its_job
            message_key_is_idempotent
            messages_are_paginated
            messages_expire_after_thirty_days_notes_do_not
            old_jobs_are_pruned_by_state
            pruning_stops_at_its_deadline_and_continues
            log_and_artifacts_are_pruned_without_the_job
            retried_job_is_not_pruned
            upload_is_pruned_with_its_last_job
            jobs_of_dead_worker_are_settled
            work_time_is_the_sum_of_all_attempts
            dead_attempt_ends_at_its_last_sign_of_life
            dead_attempt_never_ends_before_it_started
            due_run_fires_once
            due_schedules_and_next_time_are_found
            overlap_skip_skips_the_run
            overlap_queue_keeps_one_waiting_run
            overlap_replace_cancels_the_previous_run
            catch_up_runs_start_one_after_another
            changed_schedule_rejects_an_outdated_run
            edit_of_other_fields_keeps_the_due_time
            paused_schedule_drops_its_waiting_run
            suspended_schedule_has_a_reason
            jobs_of_deleted_schedule_are_kept
            manual_run_does_not_move_the_due_time
            run_with_unique_job_in_progress_is_skipped
            every_change_of_schedule_is_an_event
            upload_of_schedule_is_kept
            schedule_visibility_follows_jobs_of_owner
            schedules_are_paginated_by_name
            schedules_per_user_are_bounded
            first_steps_follow_jobs_users_and_schedules_until_hidden
            only_schedule_of_a_kind_is_added_once
            every_change_is_an_event_and_replays_unchanged
            snapshot_contains_the_requested_topics
            keyset_pages_cover_the_list_in_order
            attention_ends_with_retry_repetition_or_after_a_week
            dismissed_job_needs_no_attention_until_it_fails_again
            matching_jobs_are_counted_in_each_state
            kind_and_hourly_statistics_add_up
            unused_uploads_are_pruned
            name_of_removed_user_stays_taken
            user_without_password_cannot_sign_in
            removed_user_has_no_credentials_left
            last_active_administrator_cannot_be_removed
            first_administrator_is_created_once
            link_is_used_once_before_it_expires
            new_link_replaces_the_old_one
            token_is_valid_until_expired_or_revoked
            kind_rule_is_the_latest_decision
            access_version_rises_only_with_permission_changes
            session_is_valid_until_it_expires
            idle_session_expires
            owners_of_many_sessions_are_read_at_once
            sessions_of_user_can_be_ended
            password_change_ends_other_sessions
            password_change_is_rejected_if_changed_meanwhile
            late_save_does_not_restore_ended_session
            session_last_use_is_stored_to_the_minute
            job_commands_are_in_the_audit_log
            administration_is_in_the_audit_log
            no_op_is_not_in_the_audit_log
            audit_log_is_filtered_by_user_action_job_and_time
            jobs_started_together_have_separate_audit_entries
            token_is_named_in_the_job_history
            list_shows_only_own_jobs_of_private_kinds
            page_stays_full_between_hidden_jobs
            overview_shows_only_visible_jobs
            quota_counts_uploads_of_a_user
            large_input_counts_against_quota_until_job_is_deleted
            uploads_per_user_are_bounded
            unknown_job_error_names_the_job
            dead_worker_is_removed_unless_it_sent_a_heartbeat
        );
    };
}
#[allow(unused_imports, reason = "not every suite makes tests of them")]
pub(crate) use promises;

/// Runs all tests one after another, each on a store of its own.
#[allow(dead_code, reason = "not every suite runs them in a row")]
pub(crate) async fn every_promise(open: impl AsyncFn() -> TestStore) {
    macro_rules! in_a_row {
        ($($promise:ident)*) => {$(
            $promise(open().await).await;
        )*};
    }
    promises!(in_a_row);
}
