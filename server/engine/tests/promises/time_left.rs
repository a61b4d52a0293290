//! How long it will still take is told once that means something, and how it went is kept.

use std::time::Duration;

use engine::{Ctx, TaskError};
use model::{JobState, ProgressEvent};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Bench, Input};

/// Reports a hundredth twenty times a second, with a pause in the middle for a job that is called so.
async fn go(ctx: Ctx, input: Input) -> Result<Value, TaskError> {
    ctx.total(200, "rows");
    for row in 0..200 {
        // The pace of real work, which is what is measured here.
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
    let bench = Bench::with(go).await;
    let job = bench.start().await;
    let over = bench.reaches(job, JobState::Succeeded).await;
    let (started, ended) = (over.started_at.expect("it ran"), over.ended_at.expect("it is over"));
    let frames = bench.heard.all_progress_of(job);
    let told: Vec<&ProgressEvent> = frames.iter().filter(|frame| frame.progress.eta.is_some()).collect();
    assert!(told.len() > 10, "{} of {} frames", told.len(), frames.len());
    let mut true_ones = 0;
    for frame in &told {
        let (at, eta) = (frame.progress.at.expect("it reported"), frame.progress.eta.expect("it is told"));
        assert!(at.seconds_since(started) >= 4.9, "too early: {frame:?}");
        assert!(eta.low <= eta.high, "{eta:?}");
        let left = ended.seconds_since(at);
        // An estimate is up to a second old.
        true_ones += usize::from(eta.low - 1.2 <= left && left <= eta.high + 1.2);
    }
    assert!(true_ones * 10 >= told.len() * 7, "{true_ones} of {}", told.len());
    assert_eq!(over.progress.eta, None, "nothing is left");

    let curve = bench.engine.curve(job, 1).await.expect("read").expect("it took long enough");
    assert!(curve.points.len() > 10 && curve.works == [Some(200)], "{curve:?}");
    assert!(curve.points.is_sorted_by(|a, b| a.seconds <= b.seconds && a.fraction <= b.fraction), "{curve:?}");
    let last = curve.points[curve.points.len() - 1];
    assert_eq!(last.fraction, Some(1.0));
    assert!((f64::from(last.seconds) - ended.seconds_since(started)).abs() < 0.5, "{last:?}");
    let known = bench.engine.store().recent_runs("probe-0").await.expect("read");
    assert_eq!(known.iter().map(|run| run.curve.works.clone()).collect::<Vec<_>>(), [vec![Some(200)]]);
}

/// Takes half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn time_left_widens_and_disappears_in_a_stall() {
    let bench = Bench::with(go).await;
    let job = bench.start_kind("probe-0", "stalls").await;
    let stalled = |frame: &ProgressEvent| frame.progress.value == 121;
    let moving = bench.heard.progress_of(job, |frame| stalled(frame) && frame.progress.eta.is_some()).await;
    let gone = bench.heard.progress_of(job, |frame| stalled(frame) && frame.progress.eta.is_none()).await;
    let grown = bench.heard.all_progress_of(job);
    let before = grown.iter().filter(|frame| stalled(frame) && frame.progress.rev < gone.progress.rev);
    let high = |frame: &ProgressEvent| frame.progress.eta.map_or(0.0, |eta| eta.high);
    assert!(before.map(high).fold(0.0, f64::max) > high(&moving) + 1.0, "{grown:#?}");
    assert_eq!(gone.progress.at, moving.progress.at, "it has not reported since");
    bench.reaches_where(job, JobState::Succeeded, Duration::from_secs(90), |_| true).await;
    let curve = bench.engine.curve(job, 1).await.expect("read").expect("it took long enough");
    assert!((24.0..29.0).contains(&curve.longest_gap), "{}", curve.longest_gap);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_attempt_has_no_curve() {
    let bench = Bench::with(|ctx, _| async move {
        ctx.total(1, "rows");
        ctx.advance(1);
        Ok(json!(1))
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Succeeded).await;
    assert_eq!(bench.engine.curve(job, 1).await.expect("read"), None);
}
