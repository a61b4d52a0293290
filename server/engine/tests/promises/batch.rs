//! Batches: items are isolated, ordered and cancellable.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use engine::TaskError;
use model::JobState;
use serde_json::{Value, json};

use crate::support::{Latch, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn batch_outcomes_are_ordered_and_failures_warn() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let batch = ctx
            .batch((0_u32..100).collect(), 8, "links", |number| async move {
                // Later items finish first.
                for _ in 0..(100 - number) {
                    tokio::task::yield_now().await;
                }
                match number {
                    13 => Err(TaskError::fatal("unlucky", "thirteen")),
                    42 => panic!("the answer"),
                    number => Ok(number * 2),
                }
            })
            .await?;
        let order: Vec<u32> = batch.items.iter().map(|outcome| outcome.item).collect();
        let code = |at: usize| batch.items[at].result.as_ref().err().map(|failure| failure.code.clone());
        assert_eq!((order, batch.failed), ((0..100).collect(), 2));
        assert_eq!((code(13), code(42)), (Some("unlucky".to_owned()), Some("panic".to_owned())));
        assert_eq!(batch.items[99].result.as_ref().ok(), Some(&198));
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((end.progress.value, end.progress.max, end.progress.unit.as_str()), (100, Some(100), "links"));
    assert_eq!(end.progress.warnings, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_concurrency_is_bounded() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let test = TestEngine::with_task(move |ctx, _| {
        let (now, seen) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&seen));
        async move {
            ctx.batch((0..200).collect::<Vec<u32>>(), 7, "links", move |_| {
                let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
                async move {
                    seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }
            })
            .await?;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_batch_succeeds() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let batch = ctx.batch(Vec::<String>::new(), 8, "links", |_| async { Ok(()) }).await?;
        Ok(json!(batch.items.len()))
    })
    .await;
    let job = test.start().await;
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((end.progress.value, end.progress.max), (0, Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_batch_starts_no_more_items() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            let handle = ctx.clone();
            ctx.batch((0..1_000).collect::<Vec<u32>>(), 4, "links", move |_| {
                let (step, handle) = (step.clone(), handle.clone());
                async move {
                    step.pass().await;
                    handle.cancelled().await;
                    Ok(())
                }
            })
            .await?;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    latch.open();
    test.engine.cancel(job, "ann").await.expect("known");
    let end = test.wait_for_state(job, JobState::Cancelled).await;
    assert!(end.progress.value <= 4, "{}", end.progress.value);
}
