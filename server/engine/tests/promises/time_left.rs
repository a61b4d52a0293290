//! Time left: published once there is a basis for it. Progress curves are stored.

use std::time::Duration;

use engine::{Ctx, TaskError};
use model::{JobState, ProgressEvent};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Input, TestEngine};

/// Reports 1 % twenty times a second; the job `stall` pauses in the middle.
async fn go(ctx: Ctx, input: Input) -> Result<Value, TaskError> {
    ctx.total(200, "rows");
    for row in 0..200 {
        // Real time, because the estimate is measured here.
        sleep(Duration::from_millis(50)).await;
        ctx.advance(1);
        if row == 120 && input.name == "stalls" {
            sleep(Duration::from_secs(26)).await;
        }
    }
    Ok(Value::Null)
}

/// Takes ten seconds.
#[tokio::test(flavor = "multi_thread")]
async fn time_left_range_appears_after_5_s_and_is_right() {
    let test = TestEngine::with_task(go).await;
    let job = test.start().await;
    let over = test.wait_for_state(job, JobState::Succeeded).await;
    let (started, ended) = (over.started_at.expect("it ran"), over.ended_at.expect("it is over"));
    let frames = test.recorder.progress_of(job);
    let estimates: Vec<&ProgressEvent> = frames.iter().filter(|frame| frame.progress.eta.is_some()).collect();
    assert!(estimates.len() > 10, "{} of {} frames", estimates.len(), frames.len());
    let mut true_ones = 0;
    for frame in &estimates {
        let (at, eta) = (frame.progress.at.expect("it reported"), frame.progress.eta.expect("it has an estimate"));
        assert!(at.seconds_since(started) >= 4.9, "too early: {frame:?}");
        assert!(eta.low <= eta.high, "{eta:?}");
        let left = ended.seconds_since(at);
        // An estimate is at most one second old.
        true_ones += usize::from(eta.low - 1.2 <= left && left <= eta.high + 1.2);
    }
    assert!(true_ones * 10 >= estimates.len() * 7, "{true_ones} of {}", estimates.len());
    assert_eq!(over.progress.eta, None, "nothing is left");

    let curve = test.engine.curve(job, 1).await.expect("read").expect("it took long enough");
    assert!(curve.points.len() > 10 && curve.works == [Some(200)], "{curve:?}");
    assert!(curve.points.is_sorted_by(|a, b| a.seconds <= b.seconds && a.fraction <= b.fraction), "{curve:?}");
    let last = curve.points[curve.points.len() - 1];
    assert_eq!(last.fraction, Some(1.0));
    assert!((f64::from(last.seconds) - ended.seconds_since(started)).abs() < 0.5, "{last:?}");
    let known = test.engine.store().recent_runs("probe-0").await.expect("read");
    assert_eq!(known.iter().map(|run| run.curve.works.clone()).collect::<Vec<_>>(), [vec![Some(200)]]);
}

/// Takes half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn time_left_widens_and_disappears_in_a_stall() {
    let test = TestEngine::with_task(go).await;
    let job = test.start_kind("probe-0", "stalls").await;
    let stalled = |frame: &ProgressEvent| frame.progress.value == 121;
    let moving = test.recorder.wait_for_progress(job, |frame| stalled(frame) && frame.progress.eta.is_some()).await;
    let gone = test.recorder.wait_for_progress(job, |frame| stalled(frame) && frame.progress.eta.is_none()).await;
    let grown = test.recorder.progress_of(job);
    let before = grown.iter().filter(|frame| stalled(frame) && frame.progress.rev < gone.progress.rev);
    let highs: Vec<f64> = before.filter_map(|frame| Some(frame.progress.eta?.high)).collect();
    let (lowest, highest) = highs.iter().fold((f64::MAX, 0.0_f64), |(low, high), at| (low.min(*at), high.max(*at)));
    assert!(highest > lowest + 1.0, "{grown:#?}");
    assert_eq!(gone.progress.at, moving.progress.at, "it has not reported since");
    test.wait_for_state_where(job, JobState::Succeeded, Duration::from_secs(90), |_| true).await;
    let curve = test.engine.curve(job, 1).await.expect("read").expect("it took long enough");
    assert!((24.0..29.0).contains(&curve.longest_gap), "{}", curve.longest_gap);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_attempt_has_no_curve() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.total(1, "rows");
        ctx.advance(1);
        Ok(json!(1))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.engine.curve(job, 1).await.expect("read"), None);
}
