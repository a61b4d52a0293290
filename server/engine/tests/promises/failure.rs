//! Failures: errors and panics are stored with their cause and affect only their attempt.

use engine::TaskError;
use model::JobState;
use serde_json::Value;

use crate::support::TestEngine;

#[tokio::test(flavor = "multi_thread")]
async fn panic_fails_the_attempt_with_backtrace() {
    let test = TestEngine::with_task(|_, input| async move {
        assert!(input.name != "bad", "the {} one", input.name);
        Ok(Value::Null)
    })
    .await;
    let job = test.start_kind("probe-0", "bad").await;
    let failure = test.wait_for_state(job, JobState::Failed).await.failure.expect("why");
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("panic", "the task panicked: the bad one"));
    let trace = test.engine.store().detail(job).await.expect("kept").trace;
    assert!(trace.contains("failure.rs"), "where it happened: {trace}");
    let good = test.start_kind("probe-0", "good").await;
    test.wait_for_state(good, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_in_blocking_work_fails_the_attempt() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let numbers = [1, 2, 3];
        ctx.blocking(move || Ok(Value::from(numbers[std::hint::black_box(7)]))).await
    })
    .await;
    let job = test.start().await;
    let failure = test.wait_for_state(job, JobState::Failed).await.failure.expect("why");
    assert_eq!(failure.code, "panic");
    assert!(failure.message.contains("index out of bounds"), "{}", failure.message);
    let trace = test.engine.store().detail(job).await.expect("kept").trace;
    assert!(trace.contains("failure.rs"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn error_keeps_code_message_and_causes() {
    let test = TestEngine::with_task(|_, _| async {
        let cause = std::io::Error::other("the cable is out");
        Err(TaskError::fatal("io", "the disk cannot be read").caused_by(&cause))
    })
    .await;
    let job = test.start().await;
    let failure = test.wait_for_state(job, JobState::Failed).await.failure.expect("why");
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("io", "the disk cannot be read"));
    assert_eq!(test.engine.store().detail(job).await.expect("kept").trace, "the cable is out");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_is_second_attempt_with_new_progress() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.total(10, "files");
        if ctx.attempt() == 1 {
            ctx.advance(9);
            return Err(TaskError::fatal("broken", "not this time"));
        }
        ctx.advance(1);
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Failed).await;
    assert_eq!(test.engine.retry(job, "ann").await.expect("it failed"), 2);
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((end.attempt, end.progress.value, end.failure), (2, 1, None));
    let attempts = test.engine.store().attempts(job).await.expect("kept");
    let states: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.state)).collect();
    assert_eq!(states, [(2, JobState::Succeeded), (1, JobState::Failed)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn succeeded_job_cannot_be_retried() {
    let test = TestEngine::with_task(|_, _| async { Ok(Value::Null) }).await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    assert!(matches!(test.engine.retry(job, "ann").await, Err(engine::Error::Conflict { .. })));
}
