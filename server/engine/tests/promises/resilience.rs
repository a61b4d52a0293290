//! Resilience: panics, blocked threads and a locked database affect only what depends on them.

use std::{
    sync::{
        Arc, Barrier, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine::{Ctx, DurableEvent, Error, Listener, StartOptions, store::ListQuery};
use model::{JobId, JobState, ProgressEvent};
use serde_json::{Value, json};

use crate::support::{Latch, Probe, TIMEOUT, TestEngine};

/// Threads of the task runtime, all of which the test blocks.
const THREADS: usize = 4;

/// A latch that blocks the thread until it is opened.
#[derive(Clone, Default)]
struct BlockingLatch(Arc<(Mutex<bool>, Condvar)>);

impl BlockingLatch {
    fn open(&self) {
        *self.0.0.lock().expect("no holder panics") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().expect("no holder panics");
        drop(self.0.1.wait_while(open, |open| !*open).expect("no holder panics"));
    }
}

/// A listener that panics on the store's writer thread when it is armed.
struct PanickingListener(AtomicBool);

impl Listener for PanickingListener {
    fn durable(&self, _: &[Arc<DurableEvent>]) {
        assert!(!self.0.load(Ordering::SeqCst), "a mistake in the listener");
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_reports_a_panicked_thread() {
    let panics = Arc::new(PanickingListener(AtomicBool::new(false)));
    let listener = Arc::clone(&panics);
    let test = TestEngine::build(move |builder| {
        builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })).listener(listener)
    })
    .await;
    let health = test.engine.health();
    assert_eq!(health.silent_parts(TIMEOUT).await, Vec::<&str>::new());
    panics.0.store(true, Ordering::SeqCst);
    let _ = test.engine.start("probe-0", json!({}), StartOptions::default()).await;
    let failure = tokio::time::timeout(TIMEOUT, health.failed()).await.expect("it is reported");
    assert_eq!((failure.part, failure.reason.as_str()), ("store writer", "a mistake in the listener"));
    let refused = test.engine.start("probe-0", json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::ShuttingDown)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_task_threads_delay_no_reads_or_writes() {
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let tasks = tasks.expect("a runtime");
    let (door, all_in) = (BlockingLatch::default(), Arc::new(Barrier::new(THREADS + 1)));
    let (blocked, here, handle) = (door.clone(), Arc::clone(&all_in), tasks.handle().clone());
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Ctx>();
    let test = TestEngine::build(move |builder| {
        let blocks = Probe::<0>::new(move |ctx: Ctx, input: crate::support::Input| {
            let (blocked, here, sender) = (blocked.clone(), Arc::clone(&here), sender.clone());
            async move {
                if input.name == "first" {
                    sender.send(ctx).expect("the test listens");
                }
                // Async code that blocks its thread, a mistake in a task.
                here.wait();
                blocked.pass();
                Ok(Value::Null)
            }
        });
        builder.register(blocks).tasks_on(handle)
    })
    .await;
    let mut jobs = vec![test.start_kind("probe-0", "first").await];
    for _ in 1..THREADS {
        jobs.push(test.start().await);
    }
    tokio::task::spawn_blocking(move || all_in.wait()).await.expect("all threads are blocked");

    // Threads started by one of the tasks report progress, which is published and stored.
    let ctx = receiver.recv().await.expect("the first task has begun");
    ctx.total(100, "steps");
    ctx.advance(40);
    ctx.log(model::Level::Info, "still here");
    test.recorder.wait_for_progress(jobs[0], |event| event.progress.value == 40).await;
    let meanwhile = async {
        while test.engine.store().job(jobs[0]).await.expect("kept").progress.value < 40 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..200 {
            let page = test.engine.store().page(&ListQuery { limit: 50, ..ListQuery::default() }).await;
            assert!(page.expect("read").jobs.len() >= THREADS);
        }
        // New jobs are accepted, and waiting jobs can be cancelled.
        let waiting = test.start().await;
        test.engine.cancel(waiting, "ann").await.expect("it is there");
        test.engine.store().flush().await.expect("written");
        assert_eq!(test.log(jobs[0]).await, ["still here"]);
    };
    tokio::time::timeout(TIMEOUT, meanwhile).await.expect("nothing of it waits for the tasks");
    for job in &jobs {
        assert_eq!(test.engine.job(*job).await.expect("kept").state, JobState::Running, "none has ended meanwhile");
    }
    door.open();
    for job in jobs {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    tasks.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn job_end_is_stored_once_database_lock_is_released() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            ctx.log(model::Level::Info, "done");
            Ok(json!(42))
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    let mut other = test.connect().await;
    sqlx::query("begin immediate").execute(&mut other).await.expect("it is free");
    latch.open();
    // The store waits 5 s for the lock, then the call fails.
    let refused = test.engine.start("probe-0", json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(engine::Error::Busy)), "{refused:?}");
    assert_eq!(test.engine.job(job).await.expect("it can be read").state, JobState::Running);
    sqlx::query("rollback").execute(&mut other).await.expect("it is released");
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.log(job).await, ["done"]);
    let next = test.start().await;
    assert_eq!(next, JobId(job.0 + 1), "what was refused has left nothing");
    test.wait_for_state(next, JobState::Succeeded).await;
}
