//! What every store promises, whatever it is built on. Each promise gets a new, empty store.

#[path = "conformance/accounts.rs"]
mod accounts;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/gates.rs"]
mod controls;
#[path = "conformance/curves.rs"]
mod curves;
#[path = "conformance/groups.rs"]
mod groups;
#[path = "conformance/logs.rs"]
mod logs;
#[path = "conformance/messages.rs"]
mod messages;
#[path = "conformance/pausing.rs"]
mod pausing;
#[path = "conformance/place.rs"]
mod place;
#[path = "conformance/pruning.rs"]
mod pruning;
#[path = "conformance/retrying.rs"]
mod retrying;
#[path = "conformance/schedules.rs"]
mod schedules;
#[path = "conformance/sessions.rs"]
mod sessions;
#[path = "conformance/starting.rs"]
mod starting;
#[path = "conformance/sight.rs"]
mod visibility;

use std::collections::BTreeSet;

use engine::{
    Error,
    access::Visibility,
    store::{
        Artifact, CancelOutcome, Checkpoint, CheckpointOutcome, Claim, Claimable, Finish, ListQuery, LogQuery, NewJob,
        Node, Outcome, PageAt, Topics, UploadRow,
    },
};
use model::{JobId, JobState, Level, LogLine, Micros, Seq, StreamEvent};

use tokio_util::sync::CancellationToken;

use super::support::{
    HOUR, Kept, checkpoint, claim, claim_one, die, failed, failed_job, finish, lines, new_job, node, progress, running,
    succeeded, worker,
};

pub(crate) use accounts::*;
pub(crate) use audit::*;
pub(crate) use controls::*;
pub(crate) use curves::*;
pub(crate) use groups::*;
pub(crate) use logs::*;
pub(crate) use messages::*;
pub(crate) use pausing::*;
pub(crate) use place::*;
pub(crate) use pruning::*;
pub(crate) use retrying::*;
pub(crate) use schedules::*;
pub(crate) use sessions::*;
pub(crate) use starting::*;
pub(crate) use visibility::*;

pub(crate) async fn enqueued_job_is_last_in_queue(kept: Kept) {
    let first = kept.store.enqueue(new_job("a")).await.expect("accepted");
    let second = kept.store.enqueue(new_job("b")).await.expect("accepted");
    assert!(second > first);
    let view = kept.store.job(second).await.expect("found");
    assert_eq!((view.state, view.attempt, view.position), (JobState::Queued, 1, Some(2)));
    assert_eq!((view.kind.as_str(), view.title.as_str(), view.created_by.as_str()), ("b", "Try b", "ann"));
    let detail = kept.store.detail(second).await.expect("found");
    assert_eq!(detail.input, serde_json::json!({"text": "a \"quoted\" ünïcode"}));
}

pub(crate) async fn scheduled_job_waits_until_due(kept: Kept) {
    let later = |micros| NewJob { run_at: Some(Micros(500_000 * HOUR + micros)), ..new_job("a") };
    let soon = kept.store.enqueue(later(10)).await.expect("accepted");
    kept.store.enqueue(later(20)).await.expect("accepted");
    assert_eq!(kept.store.job(soon).await.expect("found").state, JobState::Scheduled);
    assert!(kept.store.claim(claim(9, &["a"])).await.expect("answered").is_empty());
    let next = kept.store.promote_due(Micros(500_000 * HOUR + 10)).await.expect("promoted");
    assert_eq!(next, Some(Micros(500_000 * HOUR + 20)));
    let claimed = kept.store.claim(claim(9, &["a"])).await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [soon]);
    assert_eq!(kept.store.promote_due(Micros(i64::MAX)).await.expect("promoted"), None);
}

pub(crate) async fn job_with_unknown_upload_is_rejected(kept: Kept) {
    let job = NewJob { uploads: vec!["none".to_owned()], ..new_job("a") };
    let refused = kept.store.enqueue(job).await.expect_err("refused");
    assert!(matches!(refused, Error::NoSuchUpload(id) if id == "none"));
    assert_eq!(kept.store.position().await.expect("read").seq, Seq(0));
    assert_eq!(kept.store.counts().await.expect("read").queued, 0);
}

pub(crate) async fn claim_takes_oldest_jobs_up_to_slots(kept: Kept) {
    let mut accepted = Vec::new();
    for kind in ["a", "b", "a", "b"] {
        accepted.push(kept.store.enqueue(new_job(kind)).await.expect("accepted"));
    }
    let claimed = kept.store.claim(claim(3, &["a", "b"])).await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), accepted[..3]);
    assert!(claimed.iter().all(|claimed| claimed.view.state == JobState::Running && claimed.next_line == 1));
    assert_eq!(claimed[0].input, new_job("a").input);
    assert_eq!(kept.store.holders().await.expect("read"), [worker('a')]);
}

pub(crate) async fn waiting_claim_takes_job_in_the_enqueue_commit(kept: Kept) {
    let mut waiting = kept.store.claim(Claim { waits: Some(CancellationToken::new()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    kept.store.enqueue(new_job("b")).await.expect("accepted");
    let job = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Running, "as soon as it is accepted");
    let claimed = waiting.await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [job]);
}

pub(crate) async fn withdrawn_claim_takes_no_job(kept: Kept) {
    let enough = CancellationToken::new();
    let mut waiting = kept.store.claim(Claim { waits: Some(enough.clone()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    enough.cancel();
    assert!(waiting.await.expect("answered").is_empty());
    let job = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn kind_at_limit_blocks_no_other_kind(kept: Kept) {
    for _ in 0..50 {
        kept.store.enqueue(new_job("limited")).await.expect("accepted");
    }
    let free = kept.store.enqueue(new_job("free")).await.expect("accepted");
    let unknown = kept.store.enqueue(new_job("unknown")).await.expect("accepted");
    let limited = |limit| Claimable { limit: Some(limit), ..Claimable::of("limited") };
    let kinds = [limited(2), Claimable::of("free")].into();
    let wish = Claim { kinds, ..claim(10, &[]) };
    let claimed = kept.store.claim(wish).await.expect("answered");
    assert_eq!(claimed.len(), 3);
    assert_eq!(claimed[2].view.job, free);
    let elsewhere = Claim { worker: worker('b'), kinds: [limited(3)].into(), ..claim(10, &[]) };
    assert_eq!(kept.store.claim(elsewhere).await.expect("answered").len(), 1, "two run already");
    assert_eq!(kept.store.job(unknown).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn job_is_claimed_by_one_worker(kept: Kept) {
    for _ in 0..100 {
        kept.store.enqueue(new_job("a")).await.expect("accepted");
    }
    let mut claims = tokio::task::JoinSet::new();
    for name in 'a'..='j' {
        let store = std::sync::Arc::clone(&kept.store);
        claims.spawn(async move { store.claim(Claim { worker: worker(name), ..claim(15, &["a"]) }).await });
    }
    let claimed: Vec<_> = claims.join_all().await.into_iter().flat_map(|claimed| claimed.expect("answered")).collect();
    let jobs: BTreeSet<JobId> = claimed.iter().map(|claimed| claimed.view.job).collect();
    assert_eq!((claimed.len(), jobs.len()), (100, 100));
}

pub(crate) async fn only_latest_progress_is_stored(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    kept.store.save_progress(vec![(fence.clone(), progress(1, 10))]);
    kept.store.save_progress(vec![(fence.clone(), progress(2, 20))]);
    kept.store.flush().await.expect("flushed");
    assert_eq!(kept.store.job(fence.job).await.expect("found").progress, progress(2, 20));
    let mut ending = finish(&fence, succeeded());
    ending.progress = progress(9, 100);
    let view = kept.store.finish(ending).await.expect("finished");
    assert_eq!(view.progress, progress(9, 100));
    assert_eq!(kept.store.attempts(fence.job).await.expect("read")[0].progress, progress(9, 100));
}

pub(crate) async fn log_numbering_continues_across_attempts(kept: Kept) {
    let first = running(&*kept.store, "a").await.fence;
    kept.store.append_logs(vec![lines(&first, 1, &["one", "two"])]);
    let mut ending = finish(&first, failed());
    ending.log = Some(lines(&first, 3, &["three"]));
    kept.store.finish(ending).await.expect("finished");
    kept.store.retry(first.job, &"ann".into()).await.expect("retried");
    let second = claim_one(&*kept.store, "a").await;
    assert_eq!((second.fence.attempt, second.next_line), (2, 4));
    kept.store.append_logs(vec![lines(&second.fence, 4, &["four"]), lines(&first, 5, &["stale"])]);
    kept.store.flush().await.expect("flushed");
    let page = kept.store.log(first.job, &LogQuery { limit: 10, ..LogQuery::default() }).await.expect("read");
    let texts: Vec<_> = page.lines.iter().map(|(number, line)| (*number, line.text.as_str())).collect();
    assert_eq!(texts, [(1, "one"), (2, "two"), (3, "three"), (4, "four")]);
    assert_eq!((page.total, page.more_before, page.more_after), (4, false, false));
}

pub(crate) async fn log_is_read_from_both_ends_and_filtered(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    for chunk in 0..30_u64 {
        let mut append = lines(&fence, chunk * 10 + 1, &["plain"; 10]);
        append.lines[4] = LogLine::plain(Micros(8), Level::Warn, format!("Über {chunk} %"));
        kept.store.append_logs(vec![append]);
    }
    kept.store.flush().await.expect("flushed");
    let read = async |query: LogQuery| kept.store.log(fence.job, &query).await.expect("read");
    let numbers = |page: &engine::store::LogPage| page.lines.iter().map(|(number, _)| *number).collect::<Vec<_>>();

    let end = read(LogQuery { limit: 3, ..LogQuery::default() }).await;
    assert_eq!((numbers(&end), end.more_before, end.more_after), (vec![298, 299, 300], true, false));
    let middle = read(LogQuery { before: Some(103), limit: 4, ..LogQuery::default() }).await;
    assert_eq!((numbers(&middle), middle.more_before, middle.more_after), (vec![99, 100, 101, 102], true, true));
    let start = read(LogQuery { from: Some(1), limit: 12, ..LogQuery::default() }).await;
    assert_eq!((numbers(&start), start.more_before, start.more_after), ((1..=12).collect(), false, true));
    let grave = read(LogQuery { level: Some(Level::Warn), limit: 2, ..LogQuery::default() }).await;
    assert_eq!((numbers(&grave), grave.more_before), (vec![285, 295], true));
    let text = read(LogQuery { text: Some("ÜBER 7 %".to_owned()), limit: 9, ..LogQuery::default() }).await;
    assert_eq!((numbers(&text), text.more_before), (vec![75], false));
}

pub(crate) async fn log_styles_round_trip(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    let mut append = lines(&fence, 1, &["plain", "painted", "plain again"]);
    append.lines[1].paint.change(2, "91b");
    append.lines[1].paint.change(4, "");
    let told = append.lines.clone();
    kept.store.append_logs(vec![append]);
    kept.store.flush().await.expect("flushed");
    let page = kept.store.log(fence.job, &LogQuery { from: Some(1), limit: 9, ..LogQuery::default() }).await;
    let read: Vec<_> = page.expect("read").lines.into_iter().map(|(_, line)| line).collect();
    assert_eq!(read, told);
    let found = LogQuery { text: Some("painted".to_owned()), limit: 9, ..LogQuery::default() };
    assert_eq!(kept.store.log(fence.job, &found).await.expect("read").lines, [(2, told[1].clone())]);
    let events = kept.store.events_after(Seq(0), 100).await.expect("read").expect("none is trimmed");
    let logged = events.iter().find_map(|event| match &event.event {
        StreamEvent::Log(log) => Some(log.lines.clone()),
        _ => None,
    });
    assert_eq!(logged, Some(told));
}

pub(crate) async fn finish_stores_result_log_and_artifacts_together(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    let artifact = Artifact { name: "SHA256SUMS".to_owned(), attempt: 1, size: 42, at: Micros(3) };
    assert!(kept.store.artifacts(fence.job).await.expect("read").is_empty());
    let mut ending = finish(&fence, succeeded());
    ending.artifacts = vec![artifact.clone()];
    ending.stage_seconds = vec![1.0, 3.0];
    let view = kept.store.finish(ending).await.expect("finished");
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(view, kept.store.job(fence.job).await.expect("found"));
    let detail = kept.store.detail(fence.job).await.expect("found");
    assert_eq!(detail.output, Some(serde_json::json!({"files": 3})));
    assert_eq!((detail.artifact_bytes, detail.stage_seconds), (42, vec![1.0, 3.0]));
    assert_eq!(kept.store.artifacts(fence.job).await.expect("read"), [artifact]);
    assert_eq!(kept.store.usage().await.expect("read").artifacts, 42);
    assert_eq!(kept.store.stage_weights("a").await.expect("read"), Some(vec![0.25, 0.75]));
}

pub(crate) async fn fenced_worker_writes_nothing(kept: Kept) {
    let stale = running(&*kept.store, "a").await.fence;
    die(&*kept.store).await;
    kept.store.retry(stale.job, &"ann".into()).await.expect("retried");
    let fresh = claim_one(&*kept.store, "a").await.fence;
    let seq = kept.store.position().await.expect("read").seq;

    let refused = kept.store.finish(finish(&stale, succeeded())).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced));
    let refused = kept.store.mark_not_responding(stale.clone()).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced));
    kept.store.save_progress(vec![(stale.clone(), progress(5, 50))]);
    kept.store.append_logs(vec![lines(&stale, 1, &["stale"])]);
    kept.store.flush().await.expect("flushed");
    assert_eq!(kept.store.position().await.expect("read").seq, seq);
    assert_eq!(kept.store.job(stale.job).await.expect("found").progress.rev, 0);
    kept.store.finish(finish(&fresh, succeeded())).await.expect("the owner is not disturbed");
    let refused = kept.store.finish(finish(&fresh, failed())).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "an attempt ends once");
}

pub(crate) async fn latest_checkpoint_is_kept_across_attempts(kept: Kept) {
    let first = running(&*kept.store, "a").await.fence;
    let job = first.job;
    assert_eq!(kept.store.checkpoint(job).await.expect("read"), None);
    let seq = kept.store.position().await.expect("read").seq;
    for (data, warnings) in [("{}", 0), (r#"{"line":7}"#, 2)] {
        kept.store.save_checkpoint(checkpoint(&first, data, warnings)).await.expect("kept");
        kept.clock.advance(5);
    }
    assert_eq!(kept.store.position().await.expect("read").seq, seq, "nobody is told");
    let expected =
        Checkpoint { attempt: 1, at: Micros(500_000 * HOUR + 5), warnings: 2, data: r#"{"line":7}"#.to_owned() };
    assert_eq!(kept.store.checkpoint(job).await.expect("read"), Some(expected.clone()));

    kept.store.finish(Finish { checkpointed: true, ..finish(&first, failed()) }).await.expect("finished");
    kept.store.retry(job, &"ann".into()).await.expect("retried");
    let second = claim_one(&*kept.store, "a").await.fence;
    assert_eq!(kept.store.checkpoint(job).await.expect("read"), Some(expected));
    let refused = kept.store.save_checkpoint(checkpoint(&first, "0", 0)).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "a stale worker");
    assert_eq!(
        kept.store.save_checkpoint(checkpoint(&second, "8", 3)).await.expect("kept"),
        CheckpointOutcome::Continue
    );
    let found = kept.store.checkpoint(job).await.expect("read").expect("kept");
    assert_eq!((found.attempt, found.data.as_str()), (2, "8"));
    kept.store.finish(Finish { checkpointed: true, ..finish(&second, succeeded()) }).await.expect("finished");
    assert_eq!(kept.store.checkpoint(job).await.expect("read"), None, "done is done");
    let refused = kept.store.save_checkpoint(checkpoint(&second, "9", 3)).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "an attempt that has ended");
}

pub(crate) async fn checkpoint_is_deleted_with_its_job(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    kept.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
    kept.store.finish(Finish { checkpointed: true, ..finish(&fence, failed()) }).await.expect("finished");
    kept.store.delete(fence.job, &"ann".into()).await.expect("deleted");
    assert_eq!(kept.store.checkpoint(fence.job).await.expect("read"), None);
}

pub(crate) async fn log_is_committed_before_its_checkpoint(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    for line in 1..=20 {
        kept.store.append_logs(vec![lines(&fence, line, &["one"])]);
        kept.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
        let page = kept.store.log(fence.job, &LogQuery { limit: 1, ..LogQuery::default() }).await.expect("read");
        assert_eq!(page.total, line);
    }
}

pub(crate) async fn released_attempt_is_queued_without_charge(kept: Kept) {
    let claimed = {
        kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
        claim_one(&*kept.store, "a").await
    };
    let view = kept.store.finish(finish(&claimed.fence, Outcome::Released)).await.expect("handed back");
    assert_eq!((view.state, view.attempt, view.started_at), (JobState::Queued, 2, None));
    // One attempt has been charged by the second claim, so that a death leaves another.
    claim_one(&*kept.store, "a").await;
    die(&*kept.store).await;
    let view = kept.store.job(view.job).await.expect("found");
    assert_eq!((view.state, view.attempt), (JobState::Queued, 3));
}

pub(crate) async fn cancel_returns_the_state_it_found(kept: Kept) {
    let waiting = kept.store.enqueue(new_job("b")).await.expect("accepted");
    let runs = running(&*kept.store, "a").await.fence;
    let cancel = async |job| kept.store.request_cancel(job, &"bob".into()).await.expect("answered");
    assert_eq!(cancel(waiting).await, CancelOutcome::Cancelled);
    assert_eq!(cancel(waiting).await, CancelOutcome::AlreadyEnded(JobState::Cancelled));
    assert_eq!(cancel(runs.job).await, CancelOutcome::Requested(1));
    assert_eq!(cancel(runs.job).await, CancelOutcome::AlreadyRequested(1));
    kept.store.mark_not_responding(runs.clone()).await.expect("noted");
    kept.store.mark_not_responding(runs.clone()).await.expect("told twice is told");
    let view = kept.store.job(runs.job).await.expect("found");
    assert_eq!((view.cancel_requested_by.as_deref(), view.not_responding), (Some("bob"), true));
    let cancelled = Outcome::Cancelled { failure: None, trace: String::new() };
    let view = kept.store.finish(finish(&runs, cancelled)).await.expect("finished");
    assert_eq!((view.state, view.not_responding), (JobState::Cancelled, false));
    let activity = kept.store.activity(runs.job, 10).await.expect("read");
    let what: Vec<_> = activity.iter().map(|activity| activity.what.as_str()).collect();
    assert_eq!(what, ["cancelled", "not_responding", "cancel_requested", "started", "created"]);
}

pub(crate) async fn retry_adds_an_attempt_to_failed_job(kept: Kept) {
    let job = failed_job(&*kept.store, "a").await;
    assert_eq!(kept.store.retry(job, &"bob".into()).await.expect("retried"), 2);
    let view = kept.store.job(job).await.expect("found");
    assert_eq!((view.state, view.failure, view.ended_at), (JobState::Queued, None, None));
    assert!(matches!(kept.store.retry(job, &"bob".into()).await, Err(Error::Conflict { state: JobState::Queued, .. })));
    let fence = claim_one(&*kept.store, "a").await.fence;
    assert!(matches!(kept.store.retry(job, &"bob".into()).await, Err(Error::Conflict { code: "still_running", .. })));
    kept.store.finish(finish(&fence, succeeded())).await.expect("finished");
    assert!(matches!(
        kept.store.retry(job, &"bob".into()).await,
        Err(Error::Conflict { state: JobState::Succeeded, .. })
    ));
    let attempts = kept.store.attempts(job).await.expect("read");
    let states: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.state)).collect();
    assert_eq!(states, [(2, JobState::Succeeded), (1, JobState::Failed)]);
    assert_eq!(attempts[1].trace, "caused by\nnothing");
    let told = kept.store.activity(job, 9).await.expect("read");
    let told: Vec<_> = told.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(
        told,
        ["succeeded", "started", "retried", "failed", "started", "created"],
        "newest first, in one moment too"
    );
}

pub(crate) async fn retried_job_is_last_in_queue(kept: Kept) {
    let old = failed_job(&*kept.store, "a").await;
    let waiting = kept.store.enqueue(new_job("b")).await.expect("accepted");
    kept.store.retry(old, &"ann".into()).await.expect("retried");
    let newest = kept.store.enqueue(new_job("a")).await.expect("accepted");
    for (job, position) in [(waiting, 1), (old, 2), (newest, 3)] {
        assert_eq!(kept.store.job(job).await.expect("found").position, Some(position), "{job}");
    }
    let told = kept.heard.events().into_iter().filter_map(|event| match &event.event {
        StreamEvent::State(state) if state.code.as_deref() == Some("retried") => state.view.position,
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [2]);
    let claimed = kept.store.claim(claim(9, &["a", "b"])).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [waiting, old, newest]);
}

pub(crate) async fn released_job_keeps_its_queue_position(kept: Kept) {
    let first = running(&*kept.store, "a").await.fence;
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
    let second = claim_one(&*kept.store, "a").await.fence;
    let last = kept.store.enqueue(new_job("a")).await.expect("accepted");
    kept.store.finish(finish(&first, Outcome::Released)).await.expect("handed back");
    die(&*kept.store).await;
    let claimed = kept.store.claim(claim(9, &["a"])).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [first.job, second.job, last]);
}

pub(crate) async fn deleted_job_leaves_nothing_and_its_id_is_not_reused(kept: Kept) {
    let upload = UploadRow { id: "u1".to_owned(), name: "x.csv".to_owned(), size: 5, at: Micros(1), by: None };
    kept.store
        .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
        .await
        .expect("saved");
    let job = NewJob { uploads: vec!["u1".to_owned()], ..new_job("a") };
    let job = kept.store.enqueue(job).await.expect("accepted");
    assert!(matches!(kept.store.delete(job, &"ann".into()).await, Err(Error::Conflict { code: "not_ended", .. })));
    let fence = claim_one(&*kept.store, "a").await.fence;
    kept.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    let mut ending = finish(&fence, failed());
    ending.artifacts = vec![Artifact { name: "x".to_owned(), attempt: 1, size: 42, at: Micros(3) }];
    kept.store.finish(ending).await.expect("finished");
    assert!(kept.store.sweep_uploads(Micros(i64::MAX)).await.expect("swept").is_empty(), "the job refers to it");

    assert_eq!(kept.store.existing(&[job, JobId(77)]).await.expect("read"), [job].into());
    kept.store.delete(job, &"ann".into()).await.expect("deleted");
    assert!(kept.store.existing(&[job]).await.expect("read").is_empty());
    assert!(matches!(kept.store.job(job).await, Err(Error::NoSuchJob(gone)) if gone == job));
    assert!(matches!(kept.store.delete(job, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(kept.store.attempts(job).await.expect("read").is_empty());
    assert_eq!(kept.store.usage().await.expect("read").artifacts, 0);
    assert_eq!(kept.store.sweep_uploads(Micros(i64::MAX)).await.expect("swept"), ["u1"]);
    assert_eq!(kept.store.counts().await.expect("read").failed, 0);
    assert!(kept.store.kind_stats(&Visibility::default()).await.expect("read").is_empty());
    assert!(kept.store.enqueue(new_job("a")).await.expect("accepted") > job);
}

pub(crate) async fn jobs_of_dead_worker_are_settled(kept: Kept) {
    let lost = running(&*kept.store, "a").await.fence;
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("b") }).await.expect("accepted");
    let asked = claim_one(&*kept.store, "b").await.fence;
    kept.store.request_cancel(asked.job, &"ann".into()).await.expect("asked");
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("c") }).await.expect("accepted");
    let again = claim_one(&*kept.store, "c").await.fence;
    kept.store.enqueue(new_job("d")).await.expect("accepted");
    let alive = kept.store.claim(Claim { worker: worker('z'), ..claim(1, &["d"]) }).await.expect("claimed");

    let settled = die(&*kept.store).await;
    assert_eq!(settled, [lost.job, asked.job, again.job]);
    let state = async |job| kept.store.job(job).await.expect("found").state;
    assert_eq!(state(lost.job).await, JobState::Interrupted);
    assert_eq!(state(asked.job).await, JobState::Interrupted, "nobody stopped it, and nobody wants it again");
    assert_eq!(kept.store.attempts(asked.job).await.expect("read")[0].state, JobState::Interrupted);
    assert_eq!(state(again.job).await, JobState::Queued);
    assert_eq!(state(alive[0].view.job).await, JobState::Running);
    assert_eq!(kept.store.holders().await.expect("read"), [worker('z')]);
    assert_eq!(claim_one(&*kept.store, "c").await.fence.attempt, 2);
}

pub(crate) async fn every_change_is_an_event_and_replays_unchanged(kept: Kept) {
    let job = failed_job(&*kept.store, "a").await;
    kept.store.retry(job, &"ann".into()).await.expect("retried");
    let fence = claim_one(&*kept.store, "a").await.fence;
    kept.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    kept.store.request_cancel(job, &"bob".into()).await.expect("asked");
    kept.store.finish(finish(&fence, Outcome::Cancelled { failure: None, trace: String::new() })).await.expect("ended");
    kept.store.delete(failed_job(&*kept.store, "b").await, &"ann".into()).await.expect("deleted");

    let heard = kept.heard.events();
    let seqs: Vec<i64> = heard.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=heard.len() as i64).collect::<Vec<_>>(), "one order, no hole");
    let replayed = kept.store.events_after(Seq(0), 1_000).await.expect("read").expect("kept");
    assert_eq!(replayed, heard);
    let codes: Vec<_> = heard
        .iter()
        .map(|event| match &event.event {
            StreamEvent::State(state) => state.code.as_deref().unwrap_or_default(),
            other => other.name(),
        })
        .collect();
    let life = ["created", "started", "io", "retried", "started", "log", "cancel_requested", "cancelled"];
    assert_eq!(codes, [&life[..], &["created", "started", "io", "deleted"]].concat());
    let part = kept.store.events_after(Seq(3), 2).await.expect("read").expect("kept");
    assert_eq!(part, heard[3..5]);
    let ahead = kept.store.events_after(Seq(heard.len() as i64 + 1), 1).await.expect("read");
    assert!(ahead.is_none(), "a place that was never reached");
}

pub(crate) async fn snapshot_contains_the_requested_topics(kept: Kept) {
    let named = kept.store.enqueue(new_job("b")).await.expect("accepted");
    let row = kept.store.enqueue(new_job("b")).await.expect("accepted");
    let fence = running(&*kept.store, "a").await.fence;
    kept.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    kept.store.flush().await.expect("flushed");
    let topics = Topics { job: [named].into(), row: [row].into(), ..Topics::default() };
    let (cursor, snapshot) = kept.store.snapshot(&topics).await.expect("read");
    assert_eq!(snapshot.jobs.iter().map(|view| view.job).collect::<Vec<_>>(), [named, row]);
    assert_eq!((snapshot.counts, snapshot.seq), (None, cursor.seq));
    let topics = Topics { jobs: true, job: [fence.job].into(), ..Topics::default() };
    let (_, snapshot) = kept.store.snapshot(&topics).await.expect("read");
    assert_eq!(snapshot.jobs.iter().map(|view| view.job).collect::<Vec<_>>(), [fence.job]);
    assert_eq!(snapshot.counts.map(|counts| (counts.queued, counts.running)), Some((2, 1)));
    assert_eq!(snapshot.logs[0].lines, lines(&fence, 1, &["one"]).lines);
}

pub(crate) async fn keyset_pages_cover_the_list_in_order(kept: Kept) {
    for number in 0..60_u32 {
        let kind = ["a", "b", "c"][number as usize % 3];
        let title = format!("Work {}%_{number}", if number % 2 == 0 { "even" } else { "odd" });
        kept.store.enqueue(NewJob { title, ..new_job(kind) }).await.expect("accepted");
        kept.clock.advance(1_000);
    }
    for claimed in kept.store.claim(claim(20, &["a", "b"])).await.expect("claimed") {
        let outcome = if claimed.view.job.0 % 4 == 0 { failed() } else { succeeded() };
        kept.store.finish(finish(&claimed.fence, outcome)).await.expect("finished");
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
        let all = kept.store.page(&ListQuery { limit: 200, ..query.clone() }).await.expect("read").jobs;
        assert!(all.is_sorted_by(|a, b| a.job > b.job));
        assert!(all.iter().all(|view| matches(&query, view)), "{query:?}");
        let pages = [down(&kept, &query).await, up(&kept, &query).await];
        let ids: Vec<JobId> = all.iter().map(|view| view.job).collect();
        assert_eq!(pages, [ids.clone(), ids], "{query:?}");
    }
    let text = ListQuery { text: Some("#17".to_owned()), limit: 10, ..ListQuery::default() };
    assert_eq!(kept.store.page(&text).await.expect("read").jobs[0].job, JobId(17));
}

fn matches(query: &ListQuery, view: &model::JobView) -> bool {
    let text = format!("{} {} {}", view.job, view.kind, view.title).to_lowercase();
    (query.states.is_empty() || query.states.contains(&view.state))
        && query.kind.as_ref().is_none_or(|kind| *kind == view.kind)
        && query.from.is_none_or(|from| view.created_at >= from)
        && query.until.is_none_or(|until| view.created_at < until)
        && query.text.iter().flat_map(|words| words.split(' ')).all(|word| text.contains(&word.to_lowercase()))
}

/// All ids, from the first page down.
async fn down(kept: &Kept, query: &ListQuery) -> Vec<JobId> {
    let (mut ids, mut at) = (Vec::new(), None);
    loop {
        let page = kept.store.page(&ListQuery { at, limit: 7, ..query.clone() }).await.expect("read");
        assert_eq!(page.newer, !ids.is_empty());
        ids.extend(page.jobs.iter().map(|view| view.job));
        match ids.last() {
            Some(last) if page.older => at = Some(PageAt::OlderThan(*last)),
            _ => return ids,
        }
    }
}

/// All ids, from the last page up.
async fn up(kept: &Kept, query: &ListQuery) -> Vec<JobId> {
    let (mut ids, mut at) = (Vec::new(), Some(PageAt::Oldest));
    loop {
        let page = kept.store.page(&ListQuery { at, limit: 7, ..query.clone() }).await.expect("read");
        assert_eq!(page.older, !ids.is_empty());
        ids.splice(0..0, page.jobs.iter().map(|view| view.job));
        match ids.first() {
            Some(first) if page.newer => at = Some(PageAt::NewerThan(*first)),
            _ => return ids,
        }
    }
}

pub(crate) async fn attention_ends_with_retry_repetition_or_after_a_week(kept: Kept) {
    let old = failed_job(&*kept.store, "a").await;
    kept.clock.advance(6 * 24 * HOUR);
    let retried = failed_job(&*kept.store, "a").await;
    let repeated = failed_job(&*kept.store, "a").await;
    kept.clock.advance(HOUR);
    let lost = running(&*kept.store, "b").await.fence.job;
    die(&*kept.store).await;
    let shown = async || -> Vec<JobId> {
        kept.store.attention(10, &Visibility::default()).await.expect("read").iter().map(|view| view.job).collect()
    };
    let all = shown().await;
    assert_eq!((all[0], all.len(), all[3]), (lost, 4, old));
    kept.store.retry(retried, &"ann".into()).await.expect("retried");
    let again = NewJob { rerun_of: Some(repeated), ..new_job("a") };
    let again = kept.store.enqueue(again).await.expect("accepted");
    assert_eq!(shown().await, [lost, old]);
    kept.clock.advance(23 * HOUR);
    assert_eq!(shown().await, [lost]);
    assert_eq!(kept.store.detail(repeated).await.expect("found").repeated_by, Some(again));
}

pub(crate) async fn kind_and_hourly_statistics_add_up(kept: Kept) {
    for number in 0..30 {
        let fence = running(&*kept.store, "a").await.fence;
        kept.clock.advance(number * 1_000_000);
        let outcome = if number % 3 == 0 { failed() } else { succeeded() };
        kept.store.finish(finish(&fence, outcome)).await.expect("finished");
    }
    kept.clock.advance(HOUR);
    running(&*kept.store, "a").await;
    let stats = kept.store.kind_stats(&Visibility::default()).await.expect("read").remove(0);
    assert_eq!((stats.kind.as_str(), stats.total, stats.running, stats.last.len()), ("a", 31, 1, 20));
    assert_eq!(stats.last[19], (JobId(30), JobState::Succeeded, 29.0));
    assert_eq!((stats.success_rate, stats.usual_seconds), (Some(20.0 / 30.0), Some(14.0)));
    assert_eq!(stats.slow_seconds, Some(26.0));
    let hours = kept.store.finished_per_hour(3).await.expect("read");
    let ended: Vec<_> = hours.iter().map(|hour| (hour.succeeded, hour.failed, hour.cancelled)).collect();
    assert_eq!(ended, [(0, 0, 0), (20, 10, 0), (0, 0, 0)]);
}

pub(crate) async fn unused_uploads_are_pruned(kept: Kept) {
    let upload =
        |id: &str, at| UploadRow { id: id.to_owned(), name: "é.csv".to_owned(), size: 5, at: Micros(at), by: None };
    for upload in [upload("old", 1), upload("used", 1), upload("new", 9)] {
        kept.store
            .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
            .await
            .expect("saved");
    }
    let job = NewJob { uploads: vec!["used".to_owned()], ..new_job("a") };
    kept.store.enqueue(job).await.expect("accepted");
    assert_eq!(kept.store.upload("old").await.expect("found"), upload("old", 1));
    assert_eq!(kept.store.sweep_uploads(Micros(9)).await.expect("swept"), ["old"]);
    assert!(matches!(kept.store.upload("old").await, Err(Error::NoSuchUpload(_))));
    assert_eq!(kept.store.usage().await.expect("read").uploads, 10);
}

pub(crate) async fn unknown_job_error_names_the_job(kept: Kept) {
    let none = JobId(404);
    assert!(matches!(kept.store.job(none).await, Err(Error::NoSuchJob(job)) if job == none));
    assert!(matches!(kept.store.detail(none).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.request_cancel(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.retry(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.log(none, &LogQuery::default()).await, Err(Error::NoSuchJob(_))));
}

pub(crate) async fn dead_worker_is_removed_unless_it_sent_a_heartbeat(kept: Kept) {
    let store = &*kept.store;
    let of_a = async || -> Vec<Node> {
        store.nodes().await.expect("read").into_iter().filter(|seen| seen.worker == worker('a')).collect()
    };
    let fence = running(store, "a").await.fence;
    let before = store.position().await.expect("read").seq;
    assert!(store.beat(&worker('a')).await.expect("beaten"));
    store.unregister(&worker('a')).await.expect("answered");
    let seen = of_a().await;
    assert_eq!(seen, [Node { heartbeat: 1, ..node('a') }], "it stays while it holds a job");
    assert_eq!(store.held(&worker('a')).await.expect("read"), BTreeSet::from([(fence.job, fence.attempt)]));

    assert!(store.beat(&worker('a')).await.expect("beaten"));
    assert_eq!(store.expire(&seen).await.expect("answered"), [], "it has beaten since it was seen");
    assert_eq!(store.position().await.expect("read").seq, before, "none of this is an event");
    let seen = of_a().await;
    assert_eq!(store.expire(&seen).await.expect("expired"), [fence.job]);
    assert_eq!(store.job(fence.job).await.expect("found").state, JobState::Interrupted);
    assert!(!store.beat(&worker('a')).await.expect("answered"), "it is told that it counts as dead");
    assert!(store.held(&worker('a')).await.expect("read").is_empty());

    let next = store.enqueue(new_job("a")).await.expect("accepted");
    assert!(store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "nobody would watch over what it took");
    store.register(node('a')).await.expect("entered again");
    let claimed = claim_one(store, "a").await;
    assert_eq!(claimed.view.job, next);
    store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    store.unregister(&worker('a')).await.expect("taken out");
    assert_eq!(of_a().await, []);
}

/// Names every promise once, for the macro that is given.
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
            upload_of_schedule_is_kept
            schedule_visibility_follows_jobs_of_owner
            schedules_are_paginated_by_name
            schedules_per_user_are_bounded
            every_change_is_an_event_and_replays_unchanged
            snapshot_contains_the_requested_topics
            keyset_pages_cover_the_list_in_order
            attention_ends_with_retry_repetition_or_after_a_week
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

/// Keeps one promise after the other, each on a store of its own.
#[allow(dead_code, reason = "not every suite runs them in a row")]
pub(crate) async fn every_promise(open: impl AsyncFn() -> Kept) {
    macro_rules! in_a_row {
        ($($promise:ident)*) => {$(
            $promise(open().await).await;
        )*};
    }
    promises!(in_a_row);
}
