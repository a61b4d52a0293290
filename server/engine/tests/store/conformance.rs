//! What every store promises, whatever it is built on. Each promise gets a new, empty store.

#[path = "conformance/accounts.rs"]
mod accounts;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/curves.rs"]
mod curves;
#[path = "conformance/gates.rs"]
mod gates;
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
#[path = "conformance/sight.rs"]
mod sight;
#[path = "conformance/starting.rs"]
mod starting;

use std::collections::BTreeSet;

use engine::{
    Error,
    access::Sight,
    store::{
        Artifact, CancelAnswer, Checkpoint, CheckpointAnswer, Claim, Claimable, Finish, ListQuery, LogQuery, NewJob,
        Node, Outcome, PageAt, Topics, UploadRow,
    },
};
use model::{JobId, JobState, Level, LogLine, Micros, Seq, StreamEvent};

use tokio_util::sync::CancellationToken;

use super::support::{
    HOUR, Kept, boot, checkpoint, claim, claim_one, die, failed, failed_job, finish, lines, new_job, node, progress,
    running, succeeded,
};

pub(crate) use accounts::*;
pub(crate) use audit::*;
pub(crate) use curves::*;
pub(crate) use gates::*;
pub(crate) use groups::*;
pub(crate) use logs::*;
pub(crate) use messages::*;
pub(crate) use pausing::*;
pub(crate) use place::*;
pub(crate) use pruning::*;
pub(crate) use retrying::*;
pub(crate) use schedules::*;
pub(crate) use sessions::*;
pub(crate) use sight::*;
pub(crate) use starting::*;

pub(crate) async fn an_accepted_job_is_the_last_in_line(kept: Kept) {
    let first = kept.store.enqueue(new_job("a")).await.expect("accepted");
    let second = kept.store.enqueue(new_job("b")).await.expect("accepted");
    assert!(second > first);
    let view = kept.store.job(second).await.expect("found");
    assert_eq!((view.state, view.attempt, view.position), (JobState::Queued, 1, Some(2)));
    assert_eq!((view.kind.as_str(), view.title.as_str(), view.created_by.as_str()), ("b", "Try b", "ann"));
    let detail = kept.store.detail(second).await.expect("found");
    assert_eq!(detail.input, serde_json::json!({"text": "a \"quoted\" ünïcode"}));
}

pub(crate) async fn a_job_for_later_waits_until_it_is_due(kept: Kept) {
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

pub(crate) async fn an_unknown_upload_refuses_the_job_and_leaves_nothing(kept: Kept) {
    let job = NewJob { uploads: vec!["none".to_owned()], ..new_job("a") };
    let refused = kept.store.enqueue(job).await.expect_err("refused");
    assert!(matches!(refused, Error::NoSuchUpload(id) if id == "none"));
    assert_eq!(kept.store.position().await.expect("read").seq, Seq(0));
    assert_eq!(kept.store.counts().await.expect("read").queued, 0);
}

pub(crate) async fn a_claim_takes_the_oldest_and_no_more_than_the_slots(kept: Kept) {
    let mut accepted = Vec::new();
    for kind in ["a", "b", "a", "b"] {
        accepted.push(kept.store.enqueue(new_job(kind)).await.expect("accepted"));
    }
    let claimed = kept.store.claim(claim(3, &["a", "b"])).await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), accepted[..3]);
    assert!(claimed.iter().all(|claimed| claimed.view.state == JobState::Running && claimed.next_line == 1));
    assert_eq!(claimed[0].input, new_job("a").input);
    assert_eq!(kept.store.holders().await.expect("read"), [boot('a')]);
}

pub(crate) async fn a_claim_that_waits_takes_a_job_in_the_commit_that_accepts_it(kept: Kept) {
    let mut waiting = kept.store.claim(Claim { waits: Some(CancellationToken::new()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    kept.store.enqueue(new_job("b")).await.expect("accepted");
    let job = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Running, "as soon as it is accepted");
    let claimed = waiting.await.expect("answered");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [job]);
}

pub(crate) async fn a_claim_that_is_withdrawn_takes_nothing_more(kept: Kept) {
    let enough = CancellationToken::new();
    let mut waiting = kept.store.claim(Claim { waits: Some(enough.clone()), ..claim(2, &["a"]) });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    enough.cancel();
    assert!(waiting.await.expect("answered").is_empty());
    let job = kept.store.enqueue(new_job("a")).await.expect("accepted");
    assert_eq!(kept.store.job(job).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn a_kind_at_its_limit_blocks_nobody_behind_it(kept: Kept) {
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
    let elsewhere = Claim { boot: boot('b'), kinds: [limited(3)].into(), ..claim(10, &[]) };
    assert_eq!(kept.store.claim(elsewhere).await.expect("answered").len(), 1, "two run already");
    assert_eq!(kept.store.job(unknown).await.expect("found").state, JobState::Queued);
}

pub(crate) async fn a_job_has_one_worker_however_many_claim(kept: Kept) {
    for _ in 0..100 {
        kept.store.enqueue(new_job("a")).await.expect("accepted");
    }
    let mut claims = tokio::task::JoinSet::new();
    for name in 'a'..='j' {
        let store = std::sync::Arc::clone(&kept.store);
        claims.spawn(async move { store.claim(Claim { boot: boot(name), ..claim(15, &["a"]) }).await });
    }
    let claimed: Vec<_> = claims.join_all().await.into_iter().flat_map(|claimed| claimed.expect("answered")).collect();
    let jobs: BTreeSet<JobId> = claimed.iter().map(|claimed| claimed.view.job).collect();
    assert_eq!((claimed.len(), jobs.len()), (100, 100));
}

pub(crate) async fn only_the_latest_progress_is_kept(kept: Kept) {
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

pub(crate) async fn a_log_counts_on_over_attempts(kept: Kept) {
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

pub(crate) async fn a_log_is_read_from_either_end_and_filtered(kept: Kept) {
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

pub(crate) async fn colours_of_a_log_come_back_and_lines_without_them_are_kept_as_ever(kept: Kept) {
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

pub(crate) async fn a_finish_shows_result_log_and_artifacts_at_once(kept: Kept) {
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

pub(crate) async fn a_stale_worker_writes_nothing(kept: Kept) {
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

pub(crate) async fn the_latest_checkpoint_of_a_job_is_kept_over_attempts(kept: Kept) {
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
    assert_eq!(kept.store.save_checkpoint(checkpoint(&second, "8", 3)).await.expect("kept"), CheckpointAnswer::GoOn);
    let found = kept.store.checkpoint(job).await.expect("read").expect("kept");
    assert_eq!((found.attempt, found.data.as_str()), (2, "8"));
    kept.store.finish(Finish { checkpointed: true, ..finish(&second, succeeded()) }).await.expect("finished");
    assert_eq!(kept.store.checkpoint(job).await.expect("read"), None, "done is done");
    let refused = kept.store.save_checkpoint(checkpoint(&second, "9", 3)).await.expect_err("refused");
    assert!(matches!(refused, Error::Fenced), "an attempt that has ended");
}

pub(crate) async fn a_checkpoint_goes_with_its_job(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    kept.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
    kept.store.finish(Finish { checkpointed: true, ..finish(&fence, failed()) }).await.expect("finished");
    kept.store.delete(fence.job, &"ann".into()).await.expect("deleted");
    assert_eq!(kept.store.checkpoint(fence.job).await.expect("read"), None);
}

pub(crate) async fn a_log_is_committed_no_later_than_the_checkpoint_that_follows_it(kept: Kept) {
    let fence = running(&*kept.store, "a").await.fence;
    for line in 1..=20 {
        kept.store.append_logs(vec![lines(&fence, line, &["one"])]);
        kept.store.save_checkpoint(checkpoint(&fence, "1", 0)).await.expect("kept");
        let page = kept.store.log(fence.job, &LogQuery { limit: 1, ..LogQuery::default() }).await.expect("read");
        assert_eq!(page.total, line);
    }
}

pub(crate) async fn what_is_handed_back_waits_anew_and_is_not_charged(kept: Kept) {
    let claimed = {
        kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
        claim_one(&*kept.store, "a").await
    };
    let view = kept.store.finish(finish(&claimed.fence, Outcome::HandedBack)).await.expect("handed back");
    assert_eq!((view.state, view.attempt, view.started_at), (JobState::Queued, 2, None));
    // One attempt has been charged by the second claim, so that a death leaves another.
    claim_one(&*kept.store, "a").await;
    die(&*kept.store).await;
    let view = kept.store.job(view.job).await.expect("found");
    assert_eq!((view.state, view.attempt), (JobState::Queued, 3));
}

pub(crate) async fn a_cancel_says_what_it_met(kept: Kept) {
    let waiting = kept.store.enqueue(new_job("b")).await.expect("accepted");
    let runs = running(&*kept.store, "a").await.fence;
    let cancel = async |job| kept.store.request_cancel(job, &"bob".into()).await.expect("answered");
    assert_eq!(cancel(waiting).await, CancelAnswer::Cancelled);
    assert_eq!(cancel(waiting).await, CancelAnswer::AlreadyEnded(JobState::Cancelled));
    assert_eq!(cancel(runs.job).await, CancelAnswer::Requested(1));
    assert_eq!(cancel(runs.job).await, CancelAnswer::AlreadyRequested(1));
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

pub(crate) async fn a_retry_is_the_next_attempt_of_what_went_wrong(kept: Kept) {
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

pub(crate) async fn a_retried_job_goes_to_the_end_of_the_line(kept: Kept) {
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

pub(crate) async fn what_comes_back_stands_where_it_stood(kept: Kept) {
    let first = running(&*kept.store, "a").await.fence;
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("a") }).await.expect("accepted");
    let second = claim_one(&*kept.store, "a").await.fence;
    let last = kept.store.enqueue(new_job("a")).await.expect("accepted");
    kept.store.finish(finish(&first, Outcome::HandedBack)).await.expect("handed back");
    die(&*kept.store).await;
    let claimed = kept.store.claim(claim(9, &["a"])).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [first.job, second.job, last]);
}

pub(crate) async fn a_deleted_job_leaves_nothing_and_its_number_never_comes_again(kept: Kept) {
    let upload = UploadRow { id: "u1".to_owned(), name: "x.csv".to_owned(), size: 5, at: Micros(1), by: None };
    kept.store
        .save_upload(upload, &engine::store::By::default(), engine::store::UploadQuota::default())
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
    assert!(kept.store.kind_stats(&Sight::default()).await.expect("read").is_empty());
    assert!(kept.store.enqueue(new_job("a")).await.expect("accepted") > job);
}

pub(crate) async fn what_the_dead_held_is_settled(kept: Kept) {
    let lost = running(&*kept.store, "a").await.fence;
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("b") }).await.expect("accepted");
    let asked = claim_one(&*kept.store, "b").await.fence;
    kept.store.request_cancel(asked.job, &"ann".into()).await.expect("asked");
    kept.store.enqueue(NewJob { max_attempts: 2, ..new_job("c") }).await.expect("accepted");
    let again = claim_one(&*kept.store, "c").await.fence;
    kept.store.enqueue(new_job("d")).await.expect("accepted");
    let alive = kept.store.claim(Claim { boot: boot('z'), ..claim(1, &["d"]) }).await.expect("claimed");

    let settled = die(&*kept.store).await;
    assert_eq!(settled, [lost.job, asked.job, again.job]);
    let state = async |job| kept.store.job(job).await.expect("found").state;
    assert_eq!(state(lost.job).await, JobState::Interrupted);
    assert_eq!(state(asked.job).await, JobState::Interrupted, "nobody stopped it, and nobody wants it again");
    assert_eq!(kept.store.attempts(asked.job).await.expect("read")[0].state, JobState::Interrupted);
    assert_eq!(state(again.job).await, JobState::Queued);
    assert_eq!(state(alive[0].view.job).await, JobState::Running);
    assert_eq!(kept.store.holders().await.expect("read"), [boot('z')]);
    assert_eq!(claim_one(&*kept.store, "c").await.fence.attempt, 2);
}

pub(crate) async fn every_change_is_an_event_and_replay_tells_them_as_they_were(kept: Kept) {
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

pub(crate) async fn a_snapshot_shows_what_is_asked_for(kept: Kept) {
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

pub(crate) async fn pages_by_key_are_the_whole_list_in_order(kept: Kept) {
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

pub(crate) async fn attention_ends_with_a_retry_a_repetition_or_a_week(kept: Kept) {
    let old = failed_job(&*kept.store, "a").await;
    kept.clock.advance(6 * 24 * HOUR);
    let retried = failed_job(&*kept.store, "a").await;
    let repeated = failed_job(&*kept.store, "a").await;
    kept.clock.advance(HOUR);
    let lost = running(&*kept.store, "b").await.fence.job;
    die(&*kept.store).await;
    let shown = async || -> Vec<JobId> {
        kept.store.attention(10, &Sight::default()).await.expect("read").iter().map(|view| view.job).collect()
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

pub(crate) async fn the_record_of_a_kind_and_of_the_hours_adds_up(kept: Kept) {
    for number in 0..30 {
        let fence = running(&*kept.store, "a").await.fence;
        kept.clock.advance(number * 1_000_000);
        let outcome = if number % 3 == 0 { failed() } else { succeeded() };
        kept.store.finish(finish(&fence, outcome)).await.expect("finished");
    }
    kept.clock.advance(HOUR);
    running(&*kept.store, "a").await;
    let stats = kept.store.kind_stats(&Sight::default()).await.expect("read").remove(0);
    assert_eq!((stats.kind.as_str(), stats.total, stats.running, stats.last.len()), ("a", 31, 1, 20));
    assert_eq!(stats.last[19], (JobId(30), JobState::Succeeded, 29.0));
    assert_eq!((stats.success_rate, stats.usual_seconds), (Some(20.0 / 30.0), Some(14.0)));
    assert_eq!(stats.slow_seconds, Some(26.0));
    let hours = kept.store.finished_per_hour(3).await.expect("read");
    let ended: Vec<_> = hours.iter().map(|hour| (hour.succeeded, hour.failed, hour.cancelled)).collect();
    assert_eq!(ended, [(0, 0, 0), (20, 10, 0), (0, 0, 0)]);
}

pub(crate) async fn uploads_that_nobody_refers_to_go_when_they_are_old(kept: Kept) {
    let upload =
        |id: &str, at| UploadRow { id: id.to_owned(), name: "é.csv".to_owned(), size: 5, at: Micros(at), by: None };
    for upload in [upload("old", 1), upload("used", 1), upload("new", 9)] {
        kept.store
            .save_upload(upload, &engine::store::By::default(), engine::store::UploadQuota::default())
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

pub(crate) async fn a_job_that_is_not_there_is_named(kept: Kept) {
    let none = JobId(404);
    assert!(matches!(kept.store.job(none).await, Err(Error::NoSuchJob(job)) if job == none));
    assert!(matches!(kept.store.detail(none).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.request_cancel(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.retry(none, &"ann".into()).await, Err(Error::NoSuchJob(_))));
    assert!(matches!(kept.store.log(none, &LogQuery::default()).await, Err(Error::NoSuchJob(_))));
}

pub(crate) async fn a_process_is_taken_out_with_its_jobs_unless_it_has_beaten_since(kept: Kept) {
    let store = &*kept.store;
    let of_a = async || -> Vec<Node> {
        store.nodes().await.expect("read").into_iter().filter(|seen| seen.boot == boot('a')).collect()
    };
    let fence = running(store, "a").await.fence;
    let before = store.position().await.expect("read").seq;
    assert!(store.beat(&boot('a')).await.expect("beaten"));
    store.unregister(&boot('a')).await.expect("answered");
    let seen = of_a().await;
    assert_eq!(seen, [Node { heartbeat: 1, ..node('a') }], "it stays while it holds a job");
    assert_eq!(store.held(&boot('a')).await.expect("read"), BTreeSet::from([(fence.job, fence.attempt)]));

    assert!(store.beat(&boot('a')).await.expect("beaten"));
    assert_eq!(store.expire(&seen).await.expect("answered"), [], "it has beaten since it was seen");
    assert_eq!(store.position().await.expect("read").seq, before, "none of this is an event");
    let seen = of_a().await;
    assert_eq!(store.expire(&seen).await.expect("expired"), [fence.job]);
    assert_eq!(store.job(fence.job).await.expect("found").state, JobState::Interrupted);
    assert!(!store.beat(&boot('a')).await.expect("answered"), "it is told that it counts as dead");
    assert!(store.held(&boot('a')).await.expect("read").is_empty());

    let next = store.enqueue(new_job("a")).await.expect("accepted");
    assert!(store.claim(claim(1, &["a"])).await.expect("answered").is_empty(), "nobody would watch over what it took");
    store.register(node('a')).await.expect("entered again");
    let claimed = claim_one(store, "a").await;
    assert_eq!(claimed.view.job, next);
    store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
    store.unregister(&boot('a')).await.expect("taken out");
    assert_eq!(of_a().await, []);
}

/// Names every promise once, for the macro that is given.
macro_rules! promises {
    ($callback:ident) => {
        $callback!(
            a_group_is_recorded_by_whoever_holds_the_job_until_it_is_forgotten
            what_a_task_said_of_its_jobs_stays_when_it_is_gone
            an_accepted_job_is_the_last_in_line
            a_job_for_later_waits_until_it_is_due
            an_unknown_upload_refuses_the_job_and_leaves_nothing
            the_more_urgent_stands_before_what_came_earlier
            a_unique_job_is_under_way_once
            the_same_start_asked_again_is_the_same_job_for_a_day
            a_claim_takes_the_oldest_and_no_more_than_the_slots
            a_claim_that_waits_takes_a_job_in_the_commit_that_accepts_it
            a_claim_that_is_withdrawn_takes_nothing_more
            a_kind_at_its_limit_blocks_nobody_behind_it
            a_job_has_one_worker_however_many_claim
            only_the_latest_progress_is_kept
            a_log_counts_on_over_attempts
            a_log_is_read_from_either_end_and_filtered
            long_log_is_read_in_bounded_parts
            long_log_page_is_complete
            colours_of_a_log_come_back_and_lines_without_them_are_kept_as_ever
            a_finish_shows_result_log_and_artifacts_at_once
            a_stale_worker_writes_nothing
            the_latest_checkpoint_of_a_job_is_kept_over_attempts
            a_checkpoint_goes_with_its_job
            a_log_is_committed_no_later_than_the_checkpoint_that_follows_it
            what_is_handed_back_waits_anew_and_is_not_charged
            what_is_to_be_tried_again_waits_for_its_time
            what_comes_back_later_is_not_charged
            what_waits_for_a_time_can_be_started_now
            a_wish_to_cancel_outruns_every_end_but_success
            a_cancel_says_what_it_met
            a_retry_is_the_next_attempt_of_what_went_wrong
            a_retried_job_goes_to_the_end_of_the_line
            what_comes_back_stands_where_it_stood
            a_deleted_job_leaves_nothing_and_its_number_never_comes_again
            a_curve_is_kept_while_its_attempt_runs_and_with_its_end
            recent_runs_are_those_that_went_through
            what_goes_on_from_a_checkpoint_shows_where_it_stopped_until_it_does
            what_waits_is_set_aside_and_comes_back_at_the_end_of_the_line
            what_runs_is_asked_and_set_aside_uncharged
            a_wish_to_pause_can_be_taken_back
            a_job_goes_on_if_the_wish_to_pause_was_taken_back_before_its_attempt_ended
            a_wish_to_pause_outlives_every_end_after_which_the_job_would_wait
            what_has_no_attempt_left_is_over_although_it_was_to_be_paused
            what_is_over_cannot_be_paused
            what_is_paused_lets_nobody_start_and_holds_up_nobody_else
            a_queue_at_its_limit_takes_the_first_in_line_of_all_its_kinds
            a_person_can_limit_a_kind_further_than_its_program_and_not_less
            a_claim_that_waits_takes_what_a_person_lets_pass
            a_claim_that_waits_takes_what_the_end_of_another_makes_room_for
            a_gate_tells_how_it_stands_once_and_who_paused_it
            what_is_under_way_is_counted_by_kind
            what_is_told_is_an_event_and_has_its_number
            a_message_to_one_person_is_read_by_the_two_it_is_between
            a_message_about_a_job_is_read_where_the_job_is_in_sight_and_goes_with_it
            what_is_told_again_under_its_key_is_told_once
            messages_are_read_page_by_page
            messages_go_after_thirty_days_and_notes_stay
            old_jobs_go_by_state_and_counts_stay_true
            a_removal_ends_when_its_time_is_over_and_the_next_goes_on
            a_log_and_artifacts_go_without_their_job
            what_was_retried_meanwhile_is_not_removed
            an_upload_goes_when_the_last_job_that_used_it_is_old
            what_the_dead_held_is_settled
            a_run_that_is_due_starts_once_however_often_it_is_asked_for
            what_is_due_is_found_and_when_the_next_is
            a_run_is_left_out_while_the_one_before_is_under_way
            one_run_waits_for_the_one_before_and_no_more
            the_run_before_is_asked_to_stop_and_the_newest_takes_its_place
            missed_runs_are_made_up_for_one_after_the_other_whatever_the_policy
            nothing_starts_on_the_ground_of_a_plan_that_has_changed
            a_change_that_is_not_of_the_times_neither_loses_a_run_nor_starts_one_again
            a_paused_schedule_starts_nothing_and_forgets_what_waited
            a_schedule_that_cannot_go_on_says_why
            the_jobs_of_a_deleted_schedule_stay
            a_run_by_hand_moves_nothing
            a_run_whose_job_is_under_way_already_is_left_out
            an_upload_stays_as_long_as_a_schedule_needs_it
            schedules_are_in_sight_like_the_jobs_of_their_owners
            schedules_are_listed_in_pages_by_name
            schedules_of_one_user_are_limited
            every_change_is_an_event_and_replay_tells_them_as_they_were
            a_snapshot_shows_what_is_asked_for
            pages_by_key_are_the_whole_list_in_order
            attention_ends_with_a_retry_a_repetition_or_a_week
            the_record_of_a_kind_and_of_the_hours_adds_up
            uploads_that_nobody_refers_to_go_when_they_are_old
            a_name_never_comes_to_mean_somebody_else
            a_person_without_a_password_cannot_come_in
            a_removed_person_leaves_nothing_to_come_in_with
            the_last_who_could_undo_it_stays_administrator
            the_first_administrator_is_set_up_once
            a_link_is_used_once_and_in_time
            a_new_link_replaces_the_old_one
            a_token_is_good_until_it_expires_or_is_revoked
            a_rule_of_a_kind_is_what_was_decided_last
            the_access_version_rises_with_every_change_of_rights_and_with_nothing_else
            a_session_lives_until_it_expires
            an_owned_session_ends_when_it_is_not_used
            the_owners_of_many_sessions_are_those_of_each
            sessions_of_a_person_can_be_ended
            a_new_password_ends_the_other_sessions
            a_password_replaces_only_the_one_that_was_proved
            an_ended_session_is_not_brought_back_by_a_late_save
            the_last_use_is_noted_to_the_minute
            what_people_do_to_jobs_is_in_the_audit_log
            what_people_decide_is_in_the_audit_log
            what_changes_nothing_is_not_in_the_audit_log
            the_audit_log_is_read_by_who_what_job_and_time
            what_is_started_together_has_a_line_each_in_the_audit_log
            a_token_stands_in_the_history_of_a_job
            a_list_shows_of_hidden_kinds_only_ones_own
            pages_stay_full_where_hidden_jobs_lie_between
            attention_and_records_show_what_is_in_sight
            a_quota_counts_what_is_kept_of_a_person
            large_inputs_count_against_the_quota_until_their_job_goes
            number_of_uploads_of_a_user_is_bounded
            a_job_that_is_not_there_is_named
            a_process_is_taken_out_with_its_jobs_unless_it_has_beaten_since
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
