//! Queue: order, limits and pauses.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use engine::{Error, Hold, StartOptions, store::ControlChange};
use model::{ControlTarget, JobState, Micros};
use serde_json::{Value, json};

use crate::support::{Latch, Probe, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_start_in_queue_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let (latch, seen) = (Latch::new(), Arc::clone(&order));
    let step = latch.clone();
    let test = TestEngine::build(|builder| {
        builder.concurrency(1).register(Probe::<0>::new(move |ctx, _| {
            let (seen, step) = (Arc::clone(&seen), step.clone());
            async move {
                seen.lock().expect("not poisoned").push(ctx.job());
                step.pass().await;
                Ok(Value::Null)
            }
        }))
    })
    .await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(test.start().await);
    }
    latch.open();
    test.wait_for_state(jobs[19], JobState::Succeeded).await;
    assert_eq!(*order.lock().expect("not poisoned"), jobs);
}

#[tokio::test(flavor = "multi_thread")]
async fn kind_limit_leaves_slots_to_other_kinds() {
    let (latch, most) = (Latch::new(), Arc::new(AtomicUsize::new(0)));
    let (step, seen, now) = (latch.clone(), Arc::clone(&most), Arc::new(AtomicUsize::new(0)));
    let test = TestEngine::build(|builder| {
        builder
            .concurrency(4)
            .register(Probe::<3>::new(move |_, _| {
                let (step, seen, now) = (step.clone(), Arc::clone(&seen), Arc::clone(&now));
                async move {
                    seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    step.pass().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(Value::Null)
                }
            }))
            .register(Probe::<0>::new(|_, _| async { Ok(Value::Null) }))
    })
    .await;
    let mut limited = Vec::new();
    for _ in 0..6 {
        limited.push(test.start_kind("probe-3", "").await);
    }
    let other = test.start().await;
    test.wait_for_state(other, JobState::Succeeded).await;
    latch.open();
    for job in limited {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_job_starts_at_its_time() {
    let test = TestEngine::with_task(|_, _| async { Ok(Value::Null) }).await;
    let due = Micros(test.engine.now().0 + 300_000);
    let options = StartOptions { run_at: Some(due), ..StartOptions::default() };
    let job = test.engine.start("probe-0", json!({}), options).await.expect("it fits");
    assert_eq!(test.engine.job(job).await.expect("known").state, JobState::Scheduled);
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    assert!(end.started_at.is_some_and(|started| started >= due));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_small_jobs_all_succeed() {
    let test = TestEngine::build(|builder| {
        builder.concurrency(100).register(Probe::<0>::new(|_, _| async { Ok(Value::Null) }))
    })
    .await;
    let starts = (0..2_000).map(|_| test.start());
    let jobs = futures_util::future::join_all(starts).await;
    for job in jobs {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    let counts = test.engine.store().counts().await.expect("counted");
    assert_eq!((counts.succeeded, counts.total()), (2_000, 2_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_queue_or_kind_holds_its_jobs() {
    let test = TestEngine::build(|builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) }))).await;
    let change = |of, name, change| test.engine.change_control(of, name, change, "ann");
    let unknown = change(ControlTarget::Queue, "no-such", ControlChange::Pause).await;
    assert!(matches!(&unknown, Err(Error::UnknownQueue { known, .. }) if known == "default"), "{unknown:?}");
    let unknown = change(ControlTarget::Kind, "no-such", ControlChange::Pause).await;
    assert!(matches!(&unknown, Err(Error::UnknownKind { .. })), "{unknown:?}");
    for (of, name) in [(ControlTarget::Queue, "default"), (ControlTarget::Kind, "probe-0")] {
        change(of, name, ControlChange::Pause).await.expect("paused");
        let job = test.start().await;
        let Some(Hold::Paused(latch)) = test.engine.hold("probe-0").await.expect("read") else {
            panic!("it is paused");
        };
        assert_eq!((latch.of, latch.name.as_str(), latch.paused_by.as_deref()), (of, name, Some("ann")));
        let queues = test.engine.queues().await.expect("read");
        assert_eq!(queues.iter().map(|queue| queue.control.name.as_str()).collect::<Vec<_>>(), ["default"]);
        assert_eq!((queues[0].jobs().queued, queues[0].kinds.len()), (1, 1));
        assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Queued);
        change(of, name, ControlChange::Resume).await.expect("resumed");
        test.wait_for_state(job, JobState::Succeeded).await;
        assert_eq!(test.engine.hold("probe-0").await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_at_a_limit_reports_what_holds_it() {
    let latch = Latch::new();
    let step = latch.clone();
    let probe = Probe::<3>::new(move |_, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            Ok(Value::Null)
        }
    });
    let test = TestEngine::build(|builder| builder.register(probe)).await;
    let hold = async || test.engine.hold("probe-3").await.expect("read");
    let limit =
        async |of, name, at_once| test.engine.change_control(of, name, ControlChange::Limit(at_once), "ann").await;
    let first = test.start_kind("probe-3", "").await;
    test.wait_for_state(first, JobState::Running).await;
    assert_eq!(hold().await, None, "there is room for a second one");
    let second = test.start_kind("probe-3", "").await;
    test.wait_for_state(second, JobState::Running).await;
    assert!(
        matches!(hold().await, Some(Hold::Full(full)) if (full.of, full.at_once) == (ControlTarget::Kind, Some(2)))
    );
    limit(ControlTarget::Queue, "default", Some(2)).await.expect("limited");
    assert!(
        matches!(hold().await, Some(Hold::Full(full)) if (full.of, full.at_once) == (ControlTarget::Queue, Some(2)))
    );
    for (of, name, at_once) in
        [(ControlTarget::Kind, "probe-3", 3), (ControlTarget::Kind, "probe-3", 0), (ControlTarget::Queue, "default", 0)]
    {
        let refused = limit(of, name, Some(at_once)).await;
        assert!(matches!(&refused, Err(Error::InvalidInput(faults)) if faults[0].field == "at_once"), "{refused:?}");
    }
    latch.open();

    let idle =
        TestEngine::build(|builder| builder.concurrency(0).register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    assert_eq!(idle.await.engine.hold("probe-0").await.expect("read"), Some(Hold::NoWorkers));
}
