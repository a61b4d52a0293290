//! What a dead or leaving server had in hand is neither lost nor run twice.

use std::time::Duration;

use engine::{Engine, StartOptions, TaskError};
use model::JobState;
use serde_json::Value;

use crate::support::{Bench, Gate, LONG, Probe};

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
async fn a_job_of_a_dead_process_is_interrupted_with_its_progress_and_log_and_can_be_retried() {
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
async fn the_jobs_of_a_living_process_are_left_alone() {
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
async fn a_shutdown_lets_short_work_finish_and_hands_the_rest_back_uncharged() {
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
    let refused = bench.engine.start("probe-0", serde_json::json!({}), StartOptions::default()).await;
    assert!(matches!(refused, Err(engine::Error::ShuttingDown)));
    let next =
        Bench::reopened(bench.folder, |builder| builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })));
    next.await.reaches(long, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_drops_a_task_that_does_not_watch() {
    let bench = Bench::with(|_, _| async {
        std::future::pending::<()>().await;
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    bench.engine.shutdown(Duration::ZERO).await;
    assert_eq!(bench.engine.job(job).await.expect("kept").state, JobState::Queued);
}
