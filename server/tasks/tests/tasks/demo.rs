//! `demo` does what it says on its label.

use model::JobState;
use serde_json::json;

use crate::support::harness::TaskHarness;

#[tokio::test]
async fn demo_with_empty_input_takes_ten_seconds() {
    let harness = TaskHarness::open().await;
    let ended = harness.succeed("demo", json!({})).await;
    let seconds = ended.view.ran_for(harness.engine.now()).unwrap();
    assert!((9.5..15.0).contains(&seconds), "{seconds}");
    assert_eq!(ended.view.progress.warnings, 0);
}

#[tokio::test]
async fn demo_ends_with_the_requested_outcome() {
    let harness = TaskHarness::open().await;
    let warned = harness.succeed("demo", json!({ "seconds": 0, "ending": "warn" })).await;
    assert_eq!(warned.view.progress.warnings, 3);
    let (_, code, _) = harness.fail("demo", json!({ "seconds": 0, "ending": "fail" })).await;
    assert_eq!(code, "asked_to_fail");
    let (_, code, message) = harness.fail("demo", json!({ "seconds": 0, "ending": "panic" })).await;
    assert_eq!(code, "panic");
    assert!(message.contains("demo panic"), "{message}");
    harness.succeed("demo", json!({ "seconds": 0 })).await;
}

#[tokio::test]
async fn demo_makes_the_requested_reports_up_to_its_total() {
    let harness = TaskHarness::open().await;
    let input = json!({ "seconds": 1, "reports_per_second": 100_000 });
    let ended = harness.succeed("demo", input).await;
    assert_eq!(ended.output["reports"], 100_000);
    assert_eq!(Some(ended.view.progress.value), ended.view.progress.max);
}

#[tokio::test]
async fn demo_unknown_total_stays_unknown() {
    let harness = TaskHarness::open().await;
    let job = harness.start("demo", json!({ "seconds": 60, "total": "unknown", "reports_per_second": 1_000 })).await;
    let in_work = |view: &model::JobView| view.progress.stage.as_ref().is_some_and(|stage| stage.index == 1);
    let view = harness.when(job, |view| in_work(view) && view.progress.value > 0).await;
    assert_eq!(view.progress.max, None);
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
}

#[tokio::test]
async fn demo_stall_ignores_cancel_until_its_end() {
    let harness = TaskHarness::open().await;
    let job = harness.start("demo", json!({ "seconds": 0, "stall_seconds": 2 })).await;
    harness.when(job, |view| view.progress.message.starts_with("Not responding")).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    let view = harness.when(job, |view| view.not_responding).await;
    assert_eq!(view.state, JobState::Running);
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
}
