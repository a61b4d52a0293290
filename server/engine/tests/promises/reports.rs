//! Reported jobs: numbering, acknowledgement, adoption by a restarted server, and runs that were given up.

use std::{path::Path, sync::Arc, time::Duration};

use engine::{
    AuthorizedEngine, Engine,
    access::{Actor, Rules},
    reports::ReportError,
    store::AttemptRow,
};
use model::{JobId, JobState};
use wire::{Batch, Entry, Finish, LogLines, Progress, ReportedState, Start, Status, Time};

use crate::support::{TIMEOUT, TestEngine};

fn of(engine: &Engine) -> AuthorizedEngine {
    AuthorizedEngine::new(engine.clone(), Actor::Local, Arc::new(Rules::default()), None)
}

fn line(text: &str) -> Entry {
    Entry::Log(LogLines { lines: vec![(Time(0), "info".to_owned(), text.to_owned())] })
}

fn progress(value: u64) -> Entry {
    let unit = Some("parts".to_owned());
    Entry::Progress(Progress { value: Some(value), max: Some(10), unit, ..Progress::default() })
}

fn finish(exit_code: i32) -> Entry {
    Entry::Finish(Box::new(Finish { exit_code: Some(exit_code), ..Finish::default() }))
}

fn batch(seq: u64, entries: Vec<Entry>) -> Batch {
    Batch { reporter: "b7c1".to_owned(), seq, entries, ..Batch::default() }
}

async fn send(engine: &Engine, run: &str, seq: u64, entries: Vec<Entry>) -> Result<Status, ReportError> {
    of(engine).report("nightly", run, batch(seq, entries)).await.map(|(status, _)| status)
}

fn job(status: &Status) -> JobId {
    JobId(status.job as i64)
}

async fn attempts(test: &TestEngine, job: JobId) -> Vec<AttemptRow> {
    test.engine.store().attempts(job).await.expect("read")
}

/// Reports to an engine that dies without a shutdown, like a server that gets SIGKILL.
async fn report_to_dying_server(folder: &Path, entries: Vec<Entry>) -> Status {
    let data = folder.join("data");
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let dying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let engine = Engine::builder(data).open().await.expect("it opens");
            let _ = sender.send(send(&engine, "r", 1, entries).await);
        });
        runtime.shutdown_background();
    });
    let status = receiver.await.expect("it reported").expect("it was taken");
    tokio::task::spawn_blocking(|| dying.join()).await.expect("joined").expect("no panic");
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_run_is_a_job_with_progress_log_and_outcome() {
    let test = TestEngine::build(|builder| builder).await;
    let start = Start { title: "Nightly copies".to_owned(), host: "db1".to_owned(), ..Start::default() };
    let status = send(&test.engine, "r", 1, vec![Entry::Start(Box::new(start)), progress(3), line("three")]).await;
    let status = status.expect("taken");
    assert_eq!((status.received, status.acked, status.attempt, &*status.state), (3, 3, 1, "running"));
    let shown = test.recorder.wait_for_progress(job(&status), |event| event.progress.value == 3).await;
    assert_eq!((shown.progress.max, &*shown.progress.unit), (Some(10), "parts"));
    let status = send(&test.engine, "r", 4, vec![finish(7)]).await.expect("taken");
    assert_eq!((&*status.state, status.acked), ("failed", 4));
    let view = test.engine.job(job(&status)).await.expect("kept");
    assert_eq!((&*view.title, view.reported_from.as_deref()), ("Nightly copies", Some("db1")));
    assert_eq!(view.failure.expect("it failed").code, "exit_7");
    assert_eq!(test.log(job(&status)).await, ["three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_overlapping_batches_count_once() {
    let test = TestEngine::build(|builder| builder).await;
    for _ in 0..3 {
        let status = send(&test.engine, "r", 1, vec![line("1"), line("2")]).await.expect("taken");
        assert_eq!(status.received, 2);
    }
    // Half of it is known.
    let status = send(&test.engine, "r", 2, vec![line("2"), line("3")]).await.expect("taken");
    assert_eq!(status.acked, 3);
    let gap = send(&test.engine, "r", 5, vec![line("5")]).await;
    assert!(matches!(gap, Err(ReportError::Gap { received: 3 })), "{gap:?}");
    let ended = send(&test.engine, "r", 4, vec![line("4"), finish(0)]).await.expect("taken");
    let again = send(&test.engine, "r", 4, vec![line("4"), finish(0)]).await.expect("the response was lost");
    assert_eq!((&*again.state, again.acked), ("succeeded", ended.acked));
    let late = send(&test.engine, "r", 6, vec![line("6")]).await;
    assert!(matches!(late, Err(ReportError::RunEnded(..))), "{late:?}");
    assert_eq!(test.log(job(&ended)).await, ["1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_reports_make_one_job() {
    let test = TestEngine::build(|builder| builder).await;
    let reports = (0..16).map(|_| send(&test.engine, "r", 1, vec![line("1")]));
    let jobs: std::collections::BTreeSet<u64> =
        futures_util::future::join_all(reports).await.into_iter().map(|status| status.expect("taken").job).collect();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    let other = Batch { reporter: "other".to_owned(), ..batch(2, vec![]) };
    let second = of(&test.engine).report("nightly", "r", other).await;
    assert!(matches!(second, Err(ReportError::OtherReporter(_))), "{second:?}");
    assert_eq!(test.log(JobId(1)).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_lines_survive_the_server_and_the_run_is_adopted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let before = report_to_dying_server(folder.path(), vec![progress(2), line("1"), line("2"), progress(5)]).await;
    assert_eq!(before.acked, 4);
    let test = TestEngine::reopen(folder, |builder| builder).await;
    let view = test.engine.job(job(&before)).await.expect("kept");
    assert_eq!((view.state, view.attempt), (JobState::Running, 1));
    // A reporter that missed the last response sends all of it again.
    let entries = vec![progress(2), line("1"), line("2"), progress(5), line("3")];
    let status = send(&test.engine, "r", 1, entries).await.expect("taken");
    assert_eq!((status.job, status.received, status.acked), (before.job, 5, 5));
    // One that knows what is acknowledged may begin after it, although the server lost its newest progress.
    let again = Batch { acked: 5, ..batch(6, vec![finish(0)]) };
    let (ended, _) = of(&test.engine).report("nightly", "r", again).await.expect("taken");
    assert_eq!(&*ended.state, "succeeded");
    assert_eq!(test.log(job(&before)).await, ["1", "2", "3"]);
    assert_eq!(attempts(&test, job(&before)).await.len(), 1, "it was never interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_leaves_reported_runs_running() {
    let test = TestEngine::build(|builder| builder).await;
    let status = send(&test.engine, "r", 1, vec![line("1")]).await.expect("taken");
    let begun = std::time::Instant::now();
    test.engine.shutdown(Duration::from_secs(20)).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait for work elsewhere");
    let refused = send(&test.engine, "r", 2, vec![line("2")]).await;
    assert!(matches!(refused, Err(ReportError::Engine(engine::Error::ShuttingDown))), "{refused:?}");
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let test = TestEngine::reopen(folder, |builder| builder).await;
    assert_eq!(test.engine.job(job(&status)).await.expect("kept").state, JobState::Running);
    let status = send(&test.engine, "r", 2, vec![line("2"), finish(0)]).await.expect("taken");
    assert_eq!((&*status.state, status.attempt), ("succeeded", 1));
    assert_eq!(test.log(job(&status)).await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_that_was_given_up_continues_in_a_new_attempt() {
    let test = TestEngine::build(|builder| builder).await;
    let first = send(&test.engine, "r", 1, vec![line("1"), Entry::Lost { at: None }]).await.expect("taken");
    let view = test.engine.job(job(&first)).await.expect("kept");
    assert_eq!((view.state, &*view.failure.expect("a reason").code), (JobState::Interrupted, "reporter_died"));
    let back = send(&test.engine, "r", 3, vec![line("2"), finish(0)]).await.expect("taken");
    assert_eq!((back.job, back.attempt, &*back.state), (first.job, 2, "succeeded"));
    assert_eq!(test.log(job(&first)).await, ["1", "2"]);
    let rows = attempts(&test, job(&first)).await;
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [JobState::Succeeded, JobState::Interrupted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_of_a_user_reaches_the_reporter_at_once() {
    let test = TestEngine::build(|builder| builder).await;
    let status = send(&test.engine, "r", 1, vec![line("1")]).await.expect("taken");
    assert_eq!(status.cancel, None);
    let engine = of(&test.engine);
    let waiting = engine.wait_for_control("nightly", "r", &status.control, TIMEOUT);
    let cancelling = test.engine.cancel(job(&status), "ann");
    let (changed, cancelled) = tokio::join!(waiting, cancelling);
    cancelled.expect("it runs");
    let changed = changed.expect("it exists").expect("within the time");
    assert_eq!(changed.cancel.as_ref().map(|cancel| &*cancel.by), Some("ann"));
    assert_ne!(changed.control, status.control);
    // It is not dropped after the grace, but shown as not responding.
    test.wait_for_state_where(job(&status), JobState::Running, TIMEOUT, |view| view.not_responding).await;
    let end = Finish { state: Some(ReportedState::Cancelled), ..Finish::default() };
    let ended = send(&test.engine, "r", 2, vec![Entry::Finish(Box::new(end))]).await.expect("taken");
    assert_eq!(&*ended.state, "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_without_run_id_belong_to_the_active_run() {
    let test = TestEngine::build(|builder| builder).await;
    let engine = of(&test.engine);
    let signal = |entry| engine.signal("nightly", None, entry, None);
    let start = || Entry::Start(Box::default());
    let (first, created) = signal(start()).await.expect("taken");
    assert!(created);
    let (same, created) = signal(start()).await.expect("curl repeats it");
    assert_eq!((same.job, created), (first.job, false));
    assert_eq!(signal(progress(4)).await.expect("taken").0.job, first.job);
    // Something was reported since: this is another run.
    let (second, _) = signal(start()).await.expect("taken");
    assert_ne!(second.job, first.job);
    let view = test.engine.job(job(&first)).await.expect("kept");
    assert_eq!((view.state, &*view.failure.expect("a reason").code), (JobState::Interrupted, "superseded"));
    assert_eq!(&*signal(finish(0)).await.expect("taken").0.state, "succeeded");
    let (again, _) = signal(finish(0)).await.expect("curl repeats it");
    assert_eq!(again.job, second.job);
    let (alone, _) = signal(finish(3)).await.expect("a lone finish");
    assert_ne!(alone.job, second.job);
    assert_eq!((&*alone.state, test.engine.store().last_job().await.expect("read")), ("failed", JobId(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbered_parts_of_a_log_count_once() {
    let test = TestEngine::build(|builder| builder).await;
    let engine = of(&test.engine);
    let part = |number, text| engine.signal("nightly", Some("r"), line(text), Some(number));
    for (number, text) in [(1, "a"), (1, "a"), (2, "b"), (1, "a"), (3, "c")] {
        part(number, text).await.expect("taken");
    }
    assert_eq!(test.log(JobId(1)).await, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_signal_is_durable_when_it_is_acknowledged() {
    let test = TestEngine::build(|builder| builder).await;
    for value in 1..=9 {
        of(&test.engine).signal("nightly", Some("r"), progress(value), None).await.expect("taken");
        // Read as another process would: nothing of it is in memory only.
        let stored = test.engine.store().job(JobId(1)).await.expect("kept");
        assert_eq!(stored.progress.value, value);
    }
    test.recorder.wait_for_progress(JobId(1), |event| event.progress.value == 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_run_is_gone_and_does_not_come_back() {
    let test = TestEngine::build(|builder| builder).await;
    let ended = send(&test.engine, "r", 1, vec![finish(0)]).await.expect("taken");
    test.engine.delete(job(&ended), "ann").await.expect("it has ended");
    let late = send(&test.engine, "r", 2, vec![line("late")]).await;
    assert!(matches!(late, Err(ReportError::Gone)), "{late:?}");
    assert!(matches!(of(&test.engine).run_status("nightly", "r").await, Err(ReportError::Gone)));
    assert!(matches!(of(&test.engine).run_status("nightly", "other").await, Err(ReportError::NoSuchRun)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_job_is_not_retried_paused_or_repeated_here() {
    let test = TestEngine::build(|builder| builder).await;
    let running = send(&test.engine, "r", 1, vec![line("1")]).await.expect("taken");
    let code = |result: Result<(), engine::Error>| match result {
        Err(engine::Error::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(test.engine.pause(job(&running), "ann").await.map(drop)), "runs_elsewhere");
    send(&test.engine, "r", 2, vec![finish(1)]).await.expect("taken");
    assert_eq!(code(test.engine.retry(job(&running), "ann").await.map(drop)), "runs_elsewhere");
    assert_eq!(code(of(&test.engine).rerun(job(&running)).await.map(drop)), "runs_elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_batch_names_every_fault_and_takes_nothing() {
    let test = TestEngine::build(|builder| builder).await;
    let huge = Batch { acked: u64::MAX, ..batch(u64::MAX, vec![line("1")]) };
    let refused = of(&test.engine).report("nightly", "r", huge).await;
    assert!(matches!(&refused, Err(ReportError::Invalid(faults)) if faults.len() == 2), "{refused:?}");
    let wrong = Progress { tone: Some("loud".to_owned()), ..Progress::default() };
    let bad_level = Entry::Log(LogLines { lines: vec![(Time(0), "fatal".to_owned(), "x".to_owned())] });
    let refused = send(&test.engine, "r", 1, vec![line("1"), Entry::Progress(wrong), bad_level]).await;
    let Err(ReportError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    let pointers: Vec<&str> = faults.iter().map(|fault| &*fault.pointer).collect();
    assert_eq!(pointers, ["/entries/1/tone", "/entries/2/lines/0/1"]);
    assert_eq!(test.engine.store().last_job().await.expect("read"), JobId(0));
}
