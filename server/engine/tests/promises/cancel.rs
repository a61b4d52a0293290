//! Cancel: it takes effect, is visible, and never changes an ended job.

use std::sync::{Arc, mpsc};

use engine::{TaskError, store::CancelOutcome};
use model::{JobState, Shown};
use serde_json::Value;

use crate::support::{Event, Latch, Probe, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn waiting_job_is_cancelled_and_never_runs() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::build(|builder| {
        builder.concurrency(1).register(Probe::<0>::new(move |_, _| {
            let step = step.clone();
            async move {
                step.pass().await;
                Ok(Value::Null)
            }
        }))
    })
    .await;
    let first = test.start().await;
    test.wait_for_state(first, JobState::Running).await;
    let second = test.start().await;
    assert_eq!(test.engine.cancel(second, "ann").await.expect("known"), CancelOutcome::Cancelled);
    latch.open();
    test.wait_for_state(first, JobState::Succeeded).await;
    let third = test.start().await;
    test.wait_for_state(third, JobState::Succeeded).await;
    let view = test.engine.job(second).await.expect("it is kept");
    assert_eq!((view.state, view.started_at), (JobState::Cancelled, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn task_that_checks_for_cancel_stops_by_itself() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.cancelled().await;
        ctx.check()?;
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    let attempt = test.wait_for_state(job, JobState::Running).await.attempt;
    assert_eq!(test.engine.cancel(job, "ann").await.expect("known"), CancelOutcome::Requested(attempt));
    let end = test.wait_for_state(job, JobState::Cancelled).await;
    assert_eq!(end.cancel_requested_by.as_deref(), Some("ann"));
    assert!(end.cancel_requested_at.is_some_and(|asked| end.ended_at.is_some_and(|ended| ended >= asked)));
    assert_eq!(end.failure, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn async_task_is_dropped_after_the_grace_period() {
    let (dropped, receiver) = mpsc::channel();
    let dropped = Arc::new(std::sync::Mutex::new(dropped));
    let test = TestEngine::with_task(move |_, _| {
        let guard = OnDrop(dropped.lock().expect("not poisoned").clone());
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    test.wait_for_state(job, JobState::Cancelled).await;
    receiver.try_recv().expect("what the task held is gone before the job is called cancelled");
    assert_eq!(test.log(job).await, ["did not stop by itself in time, and was dropped"]);
}

struct OnDrop(mpsc::Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // Fails only if the test has ended already.
        let _ = self.0.send(());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_task_is_not_responding_until_it_returns() {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let (starts, mut started) = tokio::sync::mpsc::unbounded_channel();
    let test = TestEngine::build(|builder| {
        builder
            .concurrency(1)
            .register(Probe::<0>::new(move |ctx, _| {
                let (held, starts) = (Arc::clone(&held), starts.clone());
                async move {
                    ctx.blocking(move || {
                        starts.send(()).expect("the test waits");
                        held.lock().expect("not poisoned").recv().expect("the test lets go");
                        Ok(Value::Null)
                    })
                    .await?;
                    ctx.check()?;
                    Ok(Value::Null)
                }
            }))
            .register(Probe::<1>::new(|_, _| async { Ok(Value::Null) }))
    })
    .await;
    let job = test.start().await;
    // A cancel before this would end the attempt at once.
    started.recv().await.expect("the task runs");
    let other = test.start_kind("probe-1", "").await;
    test.engine.cancel(job, "ann").await.expect("known");
    test.recorder.wait("that it does not respond", |events| told_not_responding(events, job)).await;
    assert_eq!(test.engine.job(job).await.expect("known").shown(), Shown::NotResponding);
    assert_eq!(test.engine.job(other).await.expect("known").state, JobState::Queued, "the slot is still taken");
    release.send(()).expect("the task waits");
    test.wait_for_state(job, JobState::Cancelled).await;
    test.wait_for_state(other, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn async_task_that_blocks_its_thread_is_not_responding() {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let test = TestEngine::with_task(move |_, _| {
        let held = Arc::clone(&held);
        async move {
            // Blocks instead of awaiting, a mistake that the engine must tolerate.
            held.lock().expect("not poisoned").recv().expect("the test lets go");
            tokio::task::yield_now().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    test.recorder.wait("that it does not respond", |events| told_not_responding(events, job)).await;
    release.send(()).expect("the task waits");
    test.wait_for_state(job, JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn job_is_not_cancelled_while_its_thread_runs() {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let test = TestEngine::with_task(move |ctx, _| {
        let held = Arc::clone(&held);
        async move {
            let work = move || held.lock().expect("not poisoned").recv().expect("the test lets go");
            ctx.spawn_thread("held".to_owned(), 1 << 20, work).expect("a thread");
            ctx.cancelled().await;
            Err::<Value, _>(TaskError::Cancelled)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    test.recorder.wait("that it does not respond", |events| told_not_responding(events, job)).await;
    assert_eq!(test.engine.job(job).await.expect("known").state, JobState::Running);
    release.send(()).expect("the thread waits");
    test.wait_for_state(job, JobState::Cancelled).await;
}

fn told_not_responding(events: &[Event], job: model::JobId) -> Option<()> {
    let is_marked = |event: &Event| matches!(event, Event::State(view) if view.job == job && view.not_responding);
    events.iter().any(is_marked).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn task_that_finishes_after_cancel_succeeds() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.cancelled().await;
        Ok(Value::from("done"))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.log(job).await, ["finished before the cancel took effect"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn error_after_cancel_is_kept_with_cancelled_job() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.cancelled().await;
        Err(TaskError::fatal("io", "the temporary file cannot be removed"))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    let end = test.wait_for_state(job, JobState::Cancelled).await;
    assert_eq!(end.failure.map(|failure| failure.code), Some("io".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_or_late_cancel_is_reported_and_ignored() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            ctx.cancelled().await;
            step.pass().await;
            Err(TaskError::Cancelled)
        }
    })
    .await;
    // The grace period must not end before the second request.
    let job = test.start().await;
    let attempt = test.wait_for_state(job, JobState::Running).await.attempt;
    let (first, second) = tokio::join!(test.engine.cancel(job, "ann"), test.engine.cancel(job, "bob"));
    let answers = [first.expect("known"), second.expect("known")];
    assert!(answers.contains(&CancelOutcome::Requested(attempt)), "{answers:?}");
    latch.open();
    test.wait_for_state(job, JobState::Cancelled).await;
    let late = test.engine.cancel(job, "ann").await.expect("known");
    assert_eq!(late, CancelOutcome::AlreadyEnded(JobState::Cancelled));
    let unknown = test.engine.cancel(model::JobId(4_711), "ann").await;
    assert!(matches!(unknown, Err(engine::Error::NoSuchJob(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_right_after_start_is_not_lost() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.cancelled().await;
        Err(TaskError::Cancelled)
    })
    .await;
    for _ in 0..50 {
        let job = test.start().await;
        test.engine.cancel(job, "ann").await.expect("known");
        test.wait_for_state(job, JobState::Cancelled).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_skips_pending_blocking_work_except_cleanup() {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let (signal, mut first_begins) = tokio::sync::mpsc::unbounded_channel();
    let test = TestEngine::build(|builder| {
        builder.blocking_threads(1).register(Probe::<0>::new(move |ctx, _| {
            let (held, signal) = (Arc::clone(&held), signal.clone());
            async move {
                let occupied = ctx.blocking(move || {
                    signal.send(()).expect("the test waits");
                    held.lock().expect("not poisoned").recv().expect("the test lets go");
                    Ok(())
                });
                let waiting = ctx.blocking(|| Ok(()));
                let (first, second) = tokio::join!(occupied, waiting);
                assert!(first.is_ok() && matches!(second, Err(TaskError::Cancelled)));
                ctx.blocking(|| Ok(())).await.expect("clearing away runs");
                ctx.log(model::Level::Info, "cleared away");
                Err(TaskError::Cancelled)
            }
        }))
    })
    .await;
    let job = test.start().await;
    first_begins.recv().await.expect("the task begins");
    test.engine.cancel(job, "ann").await.expect("known");
    release.send(()).expect("the task waits");
    let end = test.wait_for_state(job, JobState::Cancelled).await;
    assert_eq!((end.failure, test.log(job).await), (None, vec!["cleared away".to_owned()]));
}
