//! Recovery and shutdown: jobs of a dead or stopping server are neither lost nor run twice.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use engine::{Ctx, Engine, Kind, StartOptions, StopReason, Task, TaskError};
use model::{JobId, JobState};
use serde_json::Value;

use crate::support::{Event, Latch, Probe, TIMEOUT, TestEngine};

/// Most time that a shutdown takes beyond its grace period.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// The log line of a released job.
const STOPPED: &str = "stopped because its process was asked to (shutdown); the job goes on in its next attempt";
const CUT_SHORT: &str = "cut short because its process was asked to stop (shutdown) and the task did not; the job goes on in its next attempt";

/// A process that dies in a job without checkpoints.
pub(crate) async fn die_while_running(folder: &std::path::Path) -> JobId {
    let probe = Probe::<0>::new(|ctx, _| async move {
        ctx.total(10, "files");
        ctx.advance(4);
        ctx.log(model::Level::Info, "half way");
        std::future::pending::<()>().await;
        Ok(Value::Null)
    });
    die_while_running_task(folder, probe).await
}

/// Simulates a process that dies: the engine runs on a runtime that is dropped without shutdown, which releases the
/// lock like a SIGKILL. The task must report 4 of something.
async fn die_while_running_task<T: Task>(folder: &std::path::Path, task: T) -> JobId {
    let folder = folder.to_owned();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let dying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let engine = Engine::builder(folder.join("data")).register(task).open().await.expect("it opens");
            let job =
                engine.start(T::KIND.as_str(), serde_json::json!({}), StartOptions::default()).await.expect("it fits");
            let saved = async {
                while engine.store().job(job).await.is_ok_and(|view| view.progress.value < 4) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(TIMEOUT, saved).await.expect("the progress is kept");
            engine.store().flush().await.expect("flushed");
            sender.send(job).expect("the test waits");
        });
        runtime.shutdown_background();
    });
    let job = receiver.await.expect("the engine ran");
    tokio::task::spawn_blocking(|| dying.join()).await.expect("joined").expect("no panic");
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn job_of_dead_worker_is_interrupted_and_retryable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let job = die_while_running(folder.path()).await;
    let test =
        TestEngine::reopen(folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) }))).await;
    let view = test.engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.progress.value, view.progress.fraction), (JobState::Interrupted, 4, Some(0.4)));
    assert!(test.log(job).await.contains(&"half way".to_owned()));
    assert_eq!(test.engine.retry(job, "ann").await.expect("it was interrupted"), 2);
    test.wait_for_state(job, JobState::Succeeded).await;
}

/// A task with checkpoints and the default number of attempts: each continues after the last one and dies with its
/// process, but for the one that may end.
struct Resumable {
    ends: bool,
}

impl Task for Resumable {
    const KIND: Kind = Kind::new("resumable");
    const NAME: &'static str = "Resumable";
    const ABOUT: &'static str = "Continues after a crash.";
    const CHECKPOINTS: bool = true;
    type Input = crate::support::Input;
    type Output = u64;

    fn title(_: &Self::Input) -> String {
        "Resumable".to_owned()
    }

    async fn run(&self, _: Self::Input, ctx: &Ctx) -> Result<u64, TaskError> {
        let earlier: u64 = ctx.restore().await?.unwrap_or_default();
        ctx.total(10, "files");
        ctx.continue_at(earlier);
        if self.ends {
            return Ok(earlier);
        }
        ctx.set(4);
        ctx.checkpoint(&4_u64).await?;
        ctx.cancelled().await;
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_with_checkpoint_continues_by_itself_after_a_crash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let job = die_while_running_task(folder.path(), Resumable { ends: false }).await;
    let test = TestEngine::reopen(folder, |builder| builder.register(Resumable { ends: true })).await;
    let view = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((view.attempt, view.max_attempts), (2, 3));
    let detail = test.engine.store().detail(job).await.expect("kept");
    assert_eq!((detail.output, detail.has_checkpoint), (Some(serde_json::json!(4)), false), "from its checkpoint");
    let attempts = test.engine.store().attempts(job).await.expect("kept");
    assert_eq!(attempts[1].state, JobState::Interrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn crashing_job_with_checkpoint_is_interrupted_after_three_attempts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let job = die_while_running_task(folder.path(), Resumable { ends: false }).await;
    let test = TestEngine::reopen(folder, |builder| builder.register(Resumable { ends: false })).await;
    let store = test.engine.store();
    for attempt in [2, 3] {
        test.wait_for_state_where(job, JobState::Running, TIMEOUT, |view| view.attempt == attempt).await;
        // Its process is taken for dead, and registers again.
        let nodes = store.nodes().await.expect("read");
        store.settle(&store.workers_with_jobs().await.expect("read")).await.expect("settled");
        for node in nodes {
            store.register(node).await.expect("registered");
        }
    }
    let view = test.engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.attempt, view.percent()), (JobState::Interrupted, 3, Some(40)));
    assert!(test.engine.store().detail(job).await.expect("kept").has_checkpoint, "a retry continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_live_worker_are_not_recovered() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |_, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    let second = Engine::builder(test.folder.path().join("data")).open().await.expect("it opens");
    assert_eq!(second.job(job).await.expect("known").state, JobState::Running);
    latch.open();
    test.wait_for_state(job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_short_jobs_and_releases_the_rest() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, input| {
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
    let short = test.start_kind("probe-0", "short").await;
    let long = test.start_kind("probe-0", "long").await;
    test.wait_for_state(short, JobState::Running).await;
    test.wait_for_state(long, JobState::Running).await;
    latch.open();
    test.engine.shutdown(Duration::from_millis(200)).await;
    assert_eq!(test.engine.job(short).await.expect("kept").state, JobState::Succeeded);
    let handed_back = test.engine.job(long).await.expect("kept");
    assert_eq!((handed_back.state, handed_back.failure), (JobState::Queued, None));
    assert_eq!(test.log(long).await, [STOPPED]);
    let refused = test.engine.start("probe-0", serde_json::json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(engine::Error::ShuttingDown)));
    let next =
        TestEngine::reopen(test.folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    next.await.wait_for_state(long, JobState::Succeeded).await;
}

/// Returns the first attempt in the history of a job that was queued again without charge.
async fn handed_back(test: &TestEngine, job: JobId) -> String {
    let view = test.engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.attempt, view.failure), (JobState::Queued, 2, None));
    let attempts = test.engine.store().attempts(job).await.expect("kept");
    let [attempt] = attempts.as_slice() else { panic!("{attempts:?}") };
    let failure = attempt.failure.clone().expect("it says why");
    let activity = test.engine.store().activity(job, 1).await.expect("kept");
    assert_eq!((activity[0].what.as_str(), &activity[0].detail), ("handed_back", &failure.message));
    failure.code
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_drops_task_that_ignores_it() {
    let test = TestEngine::with_task(|_, _| async {
        std::future::pending::<()>().await;
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&test, job).await, "shutdown");
    assert_eq!(test.log(job).await, [CUT_SHORT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn task_distinguishes_shutdown_from_cancel() {
    let test = TestEngine::with_task(|ctx, _| async move {
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
    let (cancelled, shut_down) = (test.start().await, test.start().await);
    test.wait_for_state(cancelled, JobState::Running).await;
    test.wait_for_state(shut_down, JobState::Running).await;
    test.engine.cancel(cancelled, "ann").await.expect("it runs");
    test.wait_for_state(cancelled, JobState::Cancelled).await;
    assert_eq!(test.log(cancelled).await, ["a person"]);
    test.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&test, shut_down).await, "shutdown");
    assert_eq!(test.log(shut_down).await, [STOPPED]);
    let checkpoint = test.engine.store().checkpoint(shut_down).await.expect("read").expect("made at the last moment");
    assert_eq!(checkpoint.data, "\"here\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_during_shutdown_is_logged_and_not_charged() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.cancelled().await;
        Err(TaskError::fatal("broken_pipe", "the child is gone"))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.shutdown(Duration::ZERO).await;
    assert_eq!(handed_back(&test, job).await, "shutdown");
    assert_eq!(test.log(job).await, [format!("{STOPPED}; this one ended with: the child is gone")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_releases_blocking_job_and_ignores_its_result() {
    let tasks = tokio::runtime::Runtime::new().expect("a runtime");
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let once = Mutex::new(Some((held, ended)));
    let handle = tasks.handle().clone();
    let test = TestEngine::build(|builder| {
        let blocks = Probe::<0>::new(move |ctx, _| {
            let (held, ended) = once.lock().expect("no holder panics").take().expect("it runs once");
            async move {
                ctx.log(model::Level::Info, "blocks");
                // Async code that blocks its thread, a mistake in a task.
                let _ = held.recv();
                ctx.log(model::Level::Info, "too late");
                drop(ended);
                Ok(Value::Null)
            }
        });
        builder.register(blocks).tasks_on(handle)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.recorder
        .wait("its log", |events| events.iter().find(|event| matches!(event, Event::Log(..))).map(|_| ()))
        .await;
    let begun = Instant::now();
    test.engine.shutdown(Duration::ZERO).await;
    assert!(begun.elapsed() < 2 * LAST_STEPS, "it blocks for ever, and is not waited for: {:?}", begun.elapsed());
    assert_eq!(handed_back(&test, job).await, "shutdown");
    assert!(test.engine.store().nodes().await.expect("read").is_empty(), "this process has taken leave");

    drop(let_go);
    assert!(end.await.is_err(), "the task has come to its end");
    let next =
        TestEngine::reopen(test.folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    let next = next.await;
    next.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(next.log(job).await, ["blocks", CUT_SHORT]);
    tasks.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_job_cancelled_before_shutdown_is_cancelled() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let once = Mutex::new(Some((entered, held)));
    let test = TestEngine::with_task(move |ctx, _| {
        let (entered, held) = once.lock().expect("no holder panics").take().expect("it runs once");
        async move {
            let blocks = move || {
                let _ = entered.send(());
                let _ = held.recv();
                Ok(Value::Null)
            };
            ctx.blocking(blocks).await
        }
    })
    .await;
    let job = test.start().await;
    // A task that is cancelled before it blocks is dropped.
    entries.recv().await.expect("it runs");
    test.engine.cancel(job, "ann").await.expect("it runs");
    test.wait_for_state_where(job, JobState::Running, TIMEOUT, |view| view.not_responding).await;
    test.engine.shutdown(Duration::ZERO).await;
    assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Cancelled);
    assert_eq!(test.log(job).await, ["did not stop by itself in time, and was dropped"]);
    drop(let_go);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_that_ends_during_shutdown_keeps_result_and_log() {
    // Blocks the only thread that removes files, like a slow disk.
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).build();
    let tasks = tasks.expect("a runtime");
    let handle = tasks.handle().clone();
    let (disk, slow) = std::sync::mpsc::channel::<()>();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let once = Mutex::new((Some(slow), Some(held)));
    let test = TestEngine::build(|builder| {
        let probe = Probe::<0>::new(move |ctx, input| {
            let mut once = once.lock().expect("no holder panics");
            let waits = if input.name == "ends" { once.0.take() } else { once.1.take() }.expect("each runs once");
            async move {
                if input.name == "blocks" {
                    ctx.message("blocks");
                    // Async code that blocks its thread, a mistake in a task.
                    let _ = waits.recv();
                    return Ok(Value::Null);
                }
                ctx.scratch().await?;
                ctx.artifact("made").await?.finish().await?;
                // Only later work on that thread waits for this.
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
    let blocks = test.start_kind("probe-0", "blocks").await;
    test.recorder.wait_for_progress(blocks, |event| event.job == blocks).await;
    let ends = test.start_kind("probe-0", "ends").await;
    test.wait_for_state(ends, JobState::Running).await;

    let shutdown = tokio::spawn({
        let engine = test.engine.clone();
        async move { engine.shutdown(Duration::ZERO).await }
    });
    // Tasks that do not stop are aborted immediately.
    test.wait_for_attempt_state(blocks, JobState::Queued, 2).await;
    drop(disk);
    shutdown.await.expect("no panic");
    let view = test.engine.job(ends).await.expect("kept");
    assert_eq!((view.state, view.attempt), (JobState::Succeeded, 1));
    assert_eq!(test.log(ends).await, ["line 1", "line 2", "line 3"]);
    test.engine.artifact(ends, "made").await.expect("it is there");
    assert_eq!(handed_back(&test, blocks).await, "shutdown");
    drop(let_go);
    tasks.shutdown_background();
}
