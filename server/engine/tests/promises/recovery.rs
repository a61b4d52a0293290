//! What a dead or leaving server had in hand is neither lost nor run twice.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use engine::{Engine, StartOptions, StopReason, TaskError};
use model::{JobId, JobState};
use serde_json::Value;

use crate::support::{Bench, Event, Gate, LONG, Probe};

/// How much longer than its grace a shutdown takes at most.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// What the log of a job says that was handed back.
const STOPPED: &str = "stopped because its process was asked to (shutdown); the job goes on in its next attempt";
const CUT_SHORT: &str = "cut short because its process was asked to stop (shutdown) and the task did not; the job goes on in its next attempt";

/// The engine of a process that dies: it runs on a runtime that is torn down without a word to the engine, which lets
/// go of the lock as a SIGKILL would.
pub(crate) async fn die_in_the_middle(folder: &std::path::Path) -> model::JobId {
    let folder = folder.to_owned();
    let (tell, told) = tokio::sync::oneshot::channel();
    let dying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let engine = Engine::builder(folder.join("data"))
                .register(Probe::<0>::new(|ctx, _| async move {
                    ctx.total(10, "files");
                    ctx.advance(4);
                    ctx.log(model::Level::Info, "half way");
                    std::future::pending::<()>().await;
                    Ok(Value::Null)
                }))
                .open()
                .await
                .expect("it opens");
            let job = engine.start("probe-0", serde_json::json!({}), StartOptions::default()).await.expect("it fits");
            let saved = async {
                while engine.store().job(job).await.is_ok_and(|view| view.progress.value < 4) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(LONG, saved).await.expect("the progress is kept");
            engine.store().flush().await.expect("flushed");
            tell.send(job).expect("the test waits");
        });
        runtime.shutdown_background();
    });
    let job = told.await.expect("the engine ran");
    tokio::task::spawn_blocking(|| dying.join()).await.expect("joined").expect("no panic");
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn job_of_dead_worker_is_interrupted_and_retryable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let job = die_in_the_middle(folder.path()).await;
    let bench =
        Bench::reopened(folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) }))).await;
    let view = bench.engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.progress.value, view.progress.fraction), (JobState::Interrupted, 4, Some(0.4)));
    assert!(bench.log(job).await.contains(&"half way".to_owned()));
    assert_eq!(bench.engine.retry(job, "ann").await.expect("it was interrupted"), 2);
    bench.reaches(job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_live_worker_are_not_recovered() {
    let gate = Gate::new();
    let step = gate.clone();
    let bench = Bench::with(move |_, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    let second = Engine::builder(bench.folder.path().join("data")).open().await.expect("it opens");
    assert_eq!(second.job(job).await.expect("known").state, JobState::Running);
    gate.open();
    bench.reaches(job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_short_jobs_and_releases_the_rest() {
    let gate = Gate::new();
    let step = gate.clone();
    let bench = Bench::with(move |ctx, input| {
        let step = step.clone();
        async move {
            if input.name == "short" {
                step.pass().await;
                return Ok(Value::Null);
            }
            ctx.cancelled().await;
            Err(TaskError::Cancelled)
        }
    })
    .await;
    let short = bench.start_kind("probe-0", "short").await;
    let long = bench.start_kind("probe-0", "long").await;
    bench.reaches(short, JobState::Running).await;
    bench.reaches(long, JobState::Running).await;
    gate.open();
    bench.engine.shutdown(Duration::from_millis(200)).await;
    assert_eq!(bench.engine.job(short).await.expect("kept").state, JobState::Succeeded);
    let handed_back = bench.engine.job(long).await.expect("kept");
    assert_eq!((handed_back.state, handed_back.failure), (JobState::Queued, None));
    assert_eq!(bench.log(long).await, [STOPPED]);
    let refused = bench.engine.start("probe-0", serde_json::json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(engine::Error::ShuttingDown)));
    let next =
        Bench::reopened(bench.folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    next.await.reaches(long, JobState::Succeeded).await;
}

/// How the first attempt stands in the history, where the job is back in the line as if it had not been begun.
async fn handed_back(bench: &Bench, job: JobId) -> String {
    let view = bench.engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.attempt, view.failure), (JobState::Queued, 2, None));
    let attempts = bench.engine.store().attempts(job).await.expect("kept");
    let [attempt] = attempts.as_slice() else { panic!("{attempts:?}") };
    let failure = attempt.failure.clone().expect("it says why");
    let activity = bench.engine.store().activity(job, 1).await.expect("kept");
    assert_eq!((activity[0].what.as_str(), &activity[0].detail), ("handed_back", &failure.message));
    failure.code
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_drops_task_that_ignores_it() {
    let bench = Bench::with(|_, _| async {
        std::future::pending::<()>().await;
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    bench.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&bench, job).await, "shutdown");
    assert_eq!(bench.log(job).await, [CUT_SHORT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn task_distinguishes_shutdown_from_cancel() {
    let bench = Bench::with(|ctx, _| async move {
        assert_eq!(ctx.stop_reason(), None);
        ctx.cancelled().await;
        match ctx.stop_reason() {
            Some(StopReason::Shutdown) => ctx.checkpoint("here").await?,
            Some(StopReason::Cancel) => ctx.log(model::Level::Info, "a person"),
            other => panic!("{other:?}"),
        }
        Err(TaskError::Cancelled)
    })
    .await;
    let (cancelled, shut_down) = (bench.start().await, bench.start().await);
    bench.reaches(cancelled, JobState::Running).await;
    bench.reaches(shut_down, JobState::Running).await;
    bench.engine.cancel(cancelled, "ann").await.expect("it runs");
    bench.reaches(cancelled, JobState::Cancelled).await;
    assert_eq!(bench.log(cancelled).await, ["a person"]);
    bench.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&bench, shut_down).await, "shutdown");
    assert_eq!(bench.log(shut_down).await, [STOPPED]);
    let checkpoint = bench.engine.store().checkpoint(shut_down).await.expect("read").expect("made at the last moment");
    assert_eq!(checkpoint.data, "\"here\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_during_shutdown_is_logged_and_not_charged() {
    let bench = Bench::with(|ctx, _| async move {
        ctx.cancelled().await;
        Err(TaskError::fatal("broken_pipe", "the child is gone"))
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    bench.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&bench, job).await, "shutdown");
    assert_eq!(bench.log(job).await, [format!("{STOPPED}; this one ended with: the child is gone")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_releases_blocking_job_and_ignores_its_result() {
    let tasks = tokio::runtime::Runtime::new().expect("a runtime");
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let once = Mutex::new(Some((held, ended)));
    let handle = tasks.handle().clone();
    let bench = Bench::built(|builder| {
        let blocks = Probe::<0>::new(move |ctx, _| {
            let (held, ended) = once.lock().expect("nobody panics").take().expect("it runs once");
            async move {
                ctx.log(model::Level::Info, "blocks");
                // Async code that blocks, as it should not.
                let _ = held.recv();
                ctx.log(model::Level::Info, "too late");
                drop(ended);
                Ok(Value::Null)
            }
        });
        builder.register(blocks).tasks_on(handle)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    bench.heard.wait("its log", |events| events.iter().find(|event| matches!(event, Event::Log(..))).map(|_| ())).await;
    let begun = Instant::now();
    bench.engine.shutdown(Duration::ZERO).await;
    assert!(begun.elapsed() < 2 * LAST_STEPS, "it blocks for ever, and is not waited for: {:?}", begun.elapsed());
    assert_eq!(handed_back(&bench, job).await, "shutdown");
    assert!(bench.engine.store().nodes().await.expect("read").is_empty(), "this process has taken leave");

    drop(let_go);
    assert!(end.await.is_err(), "the task has come to its end");
    let next =
        Bench::reopened(bench.folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    let next = next.await;
    next.reaches(job, JobState::Succeeded).await;
    assert_eq!(next.log(job).await, ["blocks", CUT_SHORT]);
    tasks.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_job_cancelled_before_shutdown_is_cancelled() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let once = Mutex::new(Some(held));
    let bench = Bench::with(move |ctx, _| {
        let held = once.lock().expect("nobody panics").take().expect("it runs once");
        async move {
            let blocks = move || {
                let _ = held.recv();
                Ok(Value::Null)
            };
            ctx.blocking(blocks).await
        }
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    bench.engine.cancel(job, "ann").await.expect("it runs");
    bench.reaches_where(job, JobState::Running, LONG, |view| view.not_responding).await;
    bench.engine.shutdown(Duration::ZERO).await;
    assert_eq!(bench.engine.job(job).await.expect("kept").state, JobState::Cancelled);
    assert_eq!(bench.log(job).await, ["did not stop by itself in time, and was dropped"]);
    drop(let_go);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_that_ends_during_shutdown_keeps_result_and_log() {
    // What removes files waits here for the one thread for it, as it would for a slow disk.
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).build();
    let tasks = tasks.expect("a runtime");
    let handle = tasks.handle().clone();
    let (disk, slow) = std::sync::mpsc::channel::<()>();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let once = Mutex::new((Some(slow), Some(held)));
    let bench = Bench::built(|builder| {
        let probe = Probe::<0>::new(move |ctx, input| {
            let mut once = once.lock().expect("nobody panics");
            let waits = if input.name == "ends" { once.0.take() } else { once.1.take() }.expect("each runs once");
            async move {
                if input.name == "blocks" {
                    ctx.message("blocks");
                    // Async code that blocks, as it should not.
                    let _ = waits.recv();
                    return Ok(Value::Null);
                }
                ctx.scratch().await?;
                ctx.artifact("made").await?.finish().await?;
                // Nobody waits for this, but what comes after it on that thread.
                drop(tokio::task::spawn_blocking(move || waits.recv()));
                for line in 1..=3 {
                    ctx.log(model::Level::Info, format!("line {line}"));
                }
                Ok(Value::Null)
            }
        });
        builder.register(probe).tasks_on(handle)
    })
    .await;
    let blocks = bench.start_kind("probe-0", "blocks").await;
    bench.heard.progress_of(blocks, |event| event.job == blocks).await;
    let ends = bench.start_kind("probe-0", "ends").await;
    bench.reaches(ends, JobState::Running).await;

    let shutdown = tokio::spawn({
        let engine = bench.engine.clone();
        async move { engine.shutdown(Duration::ZERO).await }
    });
    // All that does not stop is cut short at once.
    bench.reaches_attempt(blocks, JobState::Queued, 2).await;
    drop(disk);
    shutdown.await.expect("no panic");
    let view = bench.engine.job(ends).await.expect("kept");
    assert_eq!((view.state, view.attempt), (JobState::Succeeded, 1));
    assert_eq!(bench.log(ends).await, ["line 1", "line 2", "line 3"]);
    bench.engine.artifact(ends, "made").await.expect("it is there");
    assert_eq!(handed_back(&bench, blocks).await, "shutdown");
    drop(let_go);
    tasks.shutdown_background();
}
