//! What goes wrong around the engine holds up what depends on it, and nothing else.

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

use crate::support::{Bench, Gate, LONG, Probe};

/// Threads of the runtime that tasks run on, every one of which is then blocked.
const THREADS: usize = 4;

/// Closed until somebody opens it. Who passes blocks the thread.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    fn open(&self) {
        *self.0.0.lock().expect("nobody panics") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().expect("nobody panics");
        drop(self.0.1.wait_while(open, |open| !*open).expect("nobody panics"));
    }
}

/// Panics in the store's writer, once it is told to.
struct Panics(AtomicBool);

impl Listener for Panics {
    fn durable(&self, _: &[Arc<DurableEvent>]) {
        assert!(!self.0.load(Ordering::SeqCst), "a mistake in the listener");
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_reports_a_panicked_thread() {
    let panics = Arc::new(Panics(AtomicBool::new(false)));
    let listener = Arc::clone(&panics);
    let bench = Bench::built(move |builder| {
        builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })).listener(listener)
    })
    .await;
    let health = bench.engine.health();
    assert_eq!(health.silent_parts(LONG).await, Vec::<&str>::new());
    panics.0.store(true, Ordering::SeqCst);
    let _ = bench.engine.start("probe-0", json!({}), StartOptions::default()).await;
    let failure = tokio::time::timeout(LONG, health.failed()).await.expect("it is reported");
    assert_eq!((failure.part, failure.reason.as_str()), ("store writer", "a mistake in the listener"));
    let refused = bench.engine.start("probe-0", json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::ShuttingDown)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_task_threads_delay_no_reads_or_writes() {
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let tasks = tasks.expect("a runtime");
    let (door, all_in) = (Door::default(), Arc::new(Barrier::new(THREADS + 1)));
    let (shut, here, handle) = (door.clone(), Arc::clone(&all_in), tasks.handle().clone());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<Ctx>();
    let bench = Bench::built(move |builder| {
        let blocks = Probe::<0>::new(move |ctx: Ctx, input: crate::support::Input| {
            let (shut, here, tell) = (shut.clone(), Arc::clone(&here), tell.clone());
            async move {
                if input.name == "first" {
                    tell.send(ctx).expect("the test listens");
                }
                // Async code that blocks, as it should not.
                here.wait();
                shut.pass();
                Ok(Value::Null)
            }
        });
        builder.register(blocks).tasks_on(handle)
    })
    .await;
    let mut jobs = vec![bench.start_kind("probe-0", "first").await];
    for _ in 1..THREADS {
        jobs.push(bench.start().await);
    }
    tokio::task::spawn_blocking(move || all_in.wait()).await.expect("all threads are blocked");

    // One of the tasks has helpers of its own, which report: that is heard, and kept.
    let ctx = told.recv().await.expect("the first task has begun");
    ctx.total(100, "steps");
    ctx.advance(40);
    ctx.log(model::Level::Info, "still here");
    bench.heard.progress_of(jobs[0], |event| event.progress.value == 40).await;
    let meanwhile = async {
        while bench.engine.store().job(jobs[0]).await.expect("kept").progress.value < 40 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..200 {
            let page = bench.engine.store().page(&ListQuery { limit: 50, ..ListQuery::default() }).await;
            assert!(page.expect("read").jobs.len() >= THREADS);
        }
        // What comes is accepted, and what waits can be cancelled.
        let waiting = bench.start().await;
        bench.engine.cancel(waiting, "ann").await.expect("it is there");
        bench.engine.store().flush().await.expect("written");
        assert_eq!(bench.log(jobs[0]).await, ["still here"]);
    };
    tokio::time::timeout(LONG, meanwhile).await.expect("nothing of it waits for the tasks");
    for job in &jobs {
        assert_eq!(bench.engine.job(*job).await.expect("kept").state, JobState::Running, "none has ended meanwhile");
    }
    door.open();
    for job in jobs {
        bench.reaches(job, JobState::Succeeded).await;
    }
    tasks.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn job_end_is_stored_once_database_lock_is_released() {
    let gate = Gate::new();
    let step = gate.clone();
    let bench = Bench::with(move |ctx, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            ctx.log(model::Level::Info, "done");
            Ok(json!(42))
        }
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    let mut other = bench.another_process().await;
    sqlx::query("begin immediate").execute(&mut other).await.expect("it is free");
    gate.open();
    // The lock is waited for, 5 s; then the caller is told.
    let refused = bench.engine.start("probe-0", json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(engine::Error::Busy)), "{refused:?}");
    assert_eq!(bench.engine.job(job).await.expect("it can be read").state, JobState::Running);
    sqlx::query("rollback").execute(&mut other).await.expect("it is released");
    bench.reaches(job, JobState::Succeeded).await;
    assert_eq!(bench.log(job).await, ["done"]);
    let next = bench.start().await;
    assert_eq!(next, JobId(job.0 + 1), "what was refused has left nothing");
    bench.reaches(next, JobState::Succeeded).await;
}
