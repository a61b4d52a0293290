//! Retries: attempts, backoff, snooze and timeouts of a kind.

use std::time::{Duration, Instant};

use engine::{Error, TaskError};
use model::{JobState, Micros, Shown};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Probe, TIMEOUT, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn retryable_error_is_retried_until_success() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<4>::new(|ctx, _| async move {
            if ctx.attempt() == 1 { Err(TaskError::retry("no_network", "the cable is out")) } else { Ok(json!("done")) }
        }))
    })
    .await;
    let job = test.start_kind("probe-4", "").await;
    let waits = test.wait_for_state(job, JobState::Scheduled).await;
    assert_eq!((waits.attempt, waits.shown()), (2, Shown::Retrying));
    assert_eq!(waits.failure.expect("why it waits").code, "no_network");
    assert!(waits.run_at.is_some_and(|at| at >= waits.created_at), "it says when");
    let done = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((done.attempt, done.failure), (2, None));
    let attempts = test.engine.store().attempts(job).await.expect("both");
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.state)).collect();
    assert_eq!(ends, [(2, JobState::Succeeded), (1, JobState::Failed)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_fails_after_max_attempts() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<4>::new(|_, _| async { Err(TaskError::retry("no_network", "the cable is out")) }))
    })
    .await;
    let job = test.start_kind("probe-4", "").await;
    // The second backoff is an hour.
    test.wait_for_attempt_state(job, JobState::Scheduled, 3).await;
    test.engine.start_now(job, "ann").await.expect("it waits");
    let failed = test.wait_for_state(job, JobState::Failed).await;
    assert_eq!((failed.attempt, failed.max_attempts), (3, 3));
    let again = test.engine.start_now(job, "ann").await;
    assert!(matches!(again, Err(Error::Conflict { code: "not_scheduled", .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fatal_error_is_not_retried() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<4>::new(|_, _| async { Err(TaskError::fatal("bad_input", "there is no such table")) }))
    })
    .await;
    let job = test.start_kind("probe-4", "").await;
    assert_eq!(test.wait_for_state(job, JobState::Failed).await.attempt, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_is_retried() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<4>::new(|ctx, _| async move {
            assert!(ctx.attempt() > 1, "the first time");
            Ok(Value::Null)
        }))
    })
    .await;
    let job = test.start_kind("probe-4", "").await;
    assert_eq!(test.wait_for_state(job, JobState::Succeeded).await.attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_stops_retries() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<4>::new(|_, _| async { Err(TaskError::retry("no_network", "the cable is out")) }))
    })
    .await;
    let job = test.start_kind("probe-4", "").await;
    test.wait_for_attempt_state(job, JobState::Scheduled, 3).await;
    test.engine.cancel(job, "ann").await.expect("it waits");
    let over = test.wait_for_state(job, JobState::Cancelled).await;
    assert_eq!(over.failure.expect("why it had failed").code, "no_network");
}

#[tokio::test(flavor = "multi_thread")]
async fn snooze_is_not_charged() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<0>::new(|ctx, _| async move {
            if ctx.attempt() < 4 { Err(TaskError::Snooze(Micros(0))) } else { Ok(Value::Null) }
        }))
    })
    .await;
    let job = test.start().await;
    let done = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((done.attempt, done.max_attempts), (4, 1));
    let waited = test.wait_for_state(job, JobState::Scheduled).await;
    assert_eq!(waited.shown(), Shown::Scheduled, "it waits for its time, nothing failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_over_timeout_fails() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<5>::new(|ctx, input| async move {
            if input.name == "deaf" {
                std::future::pending::<()>().await;
            }
            ctx.cancelled().await;
            Err(TaskError::Cancelled)
        }))
    })
    .await;
    for name in ["polite", "deaf"] {
        let job = test.start_kind("probe-5", name).await;
        let failure = test.wait_for_state(job, JobState::Failed).await.failure.expect("why");
        assert_eq!(failure.code, "timed_out", "{name}");
        assert!(failure.message.contains("0.3 s"), "it names the limit: {}", failure.message);
    }
}

/// Takes 30 s, the threshold of quiet jobs.
#[tokio::test(flavor = "multi_thread")]
async fn silent_attempt_is_marked_quiet_then_stopped() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<6>::new(|ctx, _| async move {
            ctx.cancelled().await;
            Err(TaskError::Cancelled)
        }))
    })
    .await;
    let job = test.start_kind("probe-6", "").await;
    let over = test.wait_for_state_where(job, JobState::Failed, 3 * TIMEOUT, |_| true).await;
    assert_eq!(over.failure.as_ref().expect("why").code, "no_progress");
    let (started, ended) = (over.started_at.expect("it ran"), over.ended_at.expect("it is over"));
    let quiet = model::JobView { state: JobState::Running, ended_at: None, ..over };
    assert!(
        quiet.quiet_for(Micros(ended.0 - 50_000)).is_some(),
        "shown as quiet, started {started:?}, stopped {ended:?}"
    );
}

/// Takes as long as the test above.
#[tokio::test(flavor = "multi_thread")]
async fn keep_alive_prevents_the_quiet_timeout() {
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<6>::new(|ctx, _| async move {
            let begun = Instant::now();
            while begun.elapsed() < TIMEOUT + Duration::from_secs(3) {
                ctx.alive();
                ctx.check()?;
                sleep(Duration::from_millis(50)).await;
            }
            Ok(json!(null))
        }))
    })
    .await;
    let job = test.start_kind("probe-6", "").await;
    test.wait_for_state_where(job, JobState::Succeeded, 3 * TIMEOUT, |_| true).await;
}
