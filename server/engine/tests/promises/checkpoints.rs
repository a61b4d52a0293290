//! Checkpoints: a job resumes from the newest one after any end of its attempt.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::{
    Ctx, Engine, TaskError,
    store::{LogQuery, PauseOutcome},
};
use model::{JobId, JobState, Level, Progress};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Latch, Probe, TIMEOUT, TestEngine, end_of_attempt};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    line: u64,
    name: String,
}

fn place(line: u64) -> Place {
    Place { line, name: "ünïcode \"quoted\"".to_owned() }
}

fn broken() -> TaskError {
    TaskError::fatal("broken", "on purpose")
}

/// Waits until `path` is gone: files are removed shortly after the commit.
async fn wait_until_removed(path: &Path) {
    let gone = async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, gone).await.unwrap_or_else(|_| panic!("{} goes", path.display()));
}

/// Retries the job after each attempt but the last.
async fn retried(test: &TestEngine, job: JobId, attempts: u32) {
    for attempt in 2..=attempts {
        test.recorder.wait("the end of an attempt", |events| end_of_attempt(events, job, attempt - 1)).await;
        test.engine.retry(job, "ann").await.expect("it has failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoint_is_kept_after_its_attempt() {
    let test = TestEngine::with_task(|ctx, _| async move {
        match (ctx.attempt(), ctx.restore::<Place>().await?) {
            (1, None) => {
                ctx.warn("the first line");
                ctx.checkpoint(&place(3)).await?;
                assert_eq!(ctx.restore().await?, Some(place(3)), "its own as well");
                ctx.checkpoint(&place(7)).await?;
                Err(broken())
            }
            // An attempt that saves no checkpoint keeps the previous one.
            (2, Some(at)) if at == place(7) => Err(broken()),
            (3, Some(at)) => Ok(json!(at)),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let job = test.start().await;
    retried(&test, job, 3).await;
    let view = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.engine.store().detail(job).await.expect("kept").output, Some(json!(place(7))));
    assert_eq!(view.progress.warnings, 1, "counted once, however often the job went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn job_released_by_shutdown_resumes_at_next_start() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.checkpoint(&place(5)).await?;
        ctx.message("kept");
        ctx.cancelled().await;
        Err(TaskError::Cancelled)
    })
    .await;
    let job = test.start().await;
    test.recorder.wait_for_progress(job, |event| event.progress.message == "kept").await;
    test.engine.shutdown(Duration::ZERO).await;
    let next = TestEngine::reopen(test.folder, |builder| {
        builder.register(Probe::<0>::new(|ctx, _| async move { Ok(json!(ctx.restore::<Place>().await?)) }))
    })
    .await;
    next.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(next.engine.store().detail(job).await.expect("kept").output, Some(json!(place(5))));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_stored_before_their_checkpoint() {
    let engine = Arc::new(OnceLock::<Engine>::new());
    let inside = Arc::clone(&engine);
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let (engine, step) = (Arc::clone(&inside), step.clone());
        async move {
            step.pass().await;
            let store = engine.get().expect("set before the gate is opened").store();
            for line in 1..=50 {
                ctx.log(Level::Info, format!("line {line}"));
                ctx.checkpoint(&line).await?;
                let page = store.log(ctx.job(), &LogQuery { limit: 1, ..LogQuery::default() }).await;
                assert_eq!(page.expect("read").total, line);
            }
            Ok(Value::Null)
        }
    })
    .await;
    assert!(engine.set(test.engine.clone()).is_ok());
    latch.open();
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let lines: Vec<String> = (1..=50).map(|line| format!("line {line}")).collect();
    assert_eq!(test.log(job).await, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn fenced_attempt_saves_no_checkpoint_and_stops() {
    let latch = Latch::new();
    let step = latch.clone();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let test = TestEngine::with_task(move |ctx, _| {
        let (step, sender) = (step.clone(), sender.clone());
        async move {
            ctx.checkpoint(&place(1)).await?;
            if ctx.attempt() == 1 {
                ctx.message("kept");
                step.pass().await;
                let refused = ctx.checkpoint(&place(2)).await;
                let _ = sender.send((matches!(refused, Err(TaskError::Cancelled)), ctx.is_cancelled()));
                refused?;
            }
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.recorder.wait_for_progress(job, |event| event.progress.message == "kept").await;
    // Simulates that other workers settled its jobs while it was suspended.
    let store = test.engine.store();
    store.settle(&store.workers_with_jobs().await.expect("read")).await.expect("settled");
    latch.open();
    let result = tokio::time::timeout(TIMEOUT, receiver.recv()).await.expect("it wakes");
    assert_eq!(result, Some((true, true)));
    let kept = store.checkpoint(job).await.expect("read").expect("the one made in time");
    assert_eq!((kept.attempt, kept.data), (1, json!(place(1)).to_string()));
    assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Interrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn success_deletes_checkpoint_and_work_folder() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let found: Option<Place> = ctx.restore().await?;
        let file = ctx.work_folder().await?.join("rows");
        if ctx.attempt() == 1 {
            fs::write(&file, "abc").expect("it can be written");
            ctx.checkpoint(&place(3)).await?;
            return Err(broken());
        }
        assert_eq!((found, fs::read(&file).expect("a copy")), (Some(place(3)), b"abc".to_vec()));
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Failed).await;
    assert!(test.engine.data_dir().work_of(job, 1).join("rows").exists(), "kept for a retry");
    test.engine.retry(job, "ann").await.expect("it has failed");
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.engine.store().checkpoint(job).await.expect("read"), None);
    wait_until_removed(&test.engine.data_dir().job(job)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_do_not_share_work_folders() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.restore::<u64>().await?;
        let own = ctx.work_folder().await?.join("rows");
        match ctx.attempt() {
            1 => {
                fs::write(&own, "abc").expect("it can be written");
                ctx.checkpoint(&3).await?;
                return Err(broken());
            }
            2 => {
                let earlier = own.parent().and_then(Path::parent).expect("two folders").join("1").join("rows");
                fs::write(&earlier, "what a stale attempt writes").expect("it can be written");
                assert_eq!(fs::read(&own).expect("a copy"), b"abc");
                fs::write(&own, "abcdef").expect("it can be written");
                // Without a checkpoint its work folder is useless.
                return Err(broken());
            }
            3 => {
                assert_eq!(
                    fs::read(&own).expect("a copy"),
                    b"what a stale attempt writes",
                    "behind the length it named"
                );
                ctx.checkpoint(&3).await?;
            }
            other => panic!("attempt {other}"),
        }
        let left = fs::read_dir(own.parent().and_then(Path::parent).expect("two folders")).expect("readable");
        let left: Vec<_> = left.map(|entry| entry.expect("readable").file_name()).collect();
        assert_eq!(left, ["3"], "its checkpoint has taken the place of the earlier one, with all that belonged to it");
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    retried(&test, job, 3).await;
    test.wait_for_state(job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_without_checkpoint_keeps_no_files() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let folder = ctx.work_folder().await?;
        fs::write(folder.join("rows"), "abc").expect("it can be written");
        Err(broken())
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Failed).await;
    wait_until_removed(&test.engine.data_dir().job(job)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_folder_of_success_is_removed_after_a_crash() {
    let test = TestEngine::with_task(|_, _| async { Ok(Value::Null) }).await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    test.engine.shutdown(Duration::ZERO).await;
    let work = test.engine.data_dir().work(job);
    fs::create_dir_all(work.join("1")).expect("it can be made");
    let next = TestEngine::reopen(test.folder, |builder| builder).await;
    wait_until_removed(&work).await;
    assert!(next.engine.job(job).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_checkpoint_fails_with_code() {
    let test = TestEngine::with_task(|ctx, input| async move {
        match (ctx.attempt(), input.name.as_str()) {
            (1, "large") => ctx.checkpoint("x".repeat(2 << 20).as_str()).await.map(|()| Value::Null),
            (1, _) => {
                ctx.checkpoint("x".repeat((1 << 20) - 2).as_str()).await?;
                Err(broken())
            }
            _ => ctx.restore::<Place>().await.map(|_| Value::Null),
        }
    })
    .await;
    let (large, other) = (test.start_kind("probe-0", "large").await, test.start_kind("probe-0", "other").await);
    let code = async |job| test.wait_for_state(job, JobState::Failed).await.failure.expect("it has failed").code;
    assert_eq!(code(large).await, "checkpoint_too_large");
    assert_eq!(test.engine.store().checkpoint(large).await.expect("read"), None);
    assert_eq!(code(other).await, "broken", "a checkpoint of 1 MiB is kept");
    test.engine.retry(other, "ann").await.expect("it has failed");
    let find = |events: &[_]| end_of_attempt(events, other, 2);
    assert_eq!(test.recorder.wait("the second end", find).await.failure.expect("it has failed").code, "bad_checkpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_job_resumes_from_its_checkpoint() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            if let Some(found) = ctx.restore::<Place>().await? {
                return Ok(json!(found));
            }
            step.pass().await;
            ctx.checkpoint(&place(7)).await?;
            panic!("the checkpoint fails with a pause request")
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    assert_eq!(test.engine.pause(job, "ann").await.expect("it runs"), PauseOutcome::Requested);
    latch.open();
    test.wait_for_state(job, JobState::Paused).await;
    test.engine.resume(job, "ann").await.expect("it is paused");
    test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(test.engine.store().detail(job).await.expect("kept").output, Some(json!(place(7))));
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_progress_never_falls_below_checkpoint() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            let found: Option<u64> = ctx.restore().await?;
            ctx.message(format!("attempt {}", ctx.attempt()));
            step.pass().await;
            ctx.total(10, "files");
            ctx.continue_at(found.unwrap_or_default());
            ctx.advance(4);
            step.pass().await;
            ctx.checkpoint(&4).await?;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    latch.release_one();
    test.recorder.wait_for_progress(job, |event| event.progress.value == 4).await;
    test.engine.pause(job, "ann").await.expect("it runs");
    latch.release_one();
    let paused = test.wait_for_state(job, JobState::Paused).await;
    assert_eq!((paused.attempt, paused.progress.rev, paused.progress.fraction), (2, 0, Some(0.4)));
    test.engine.resume(job, "ann").await.expect("it is paused");
    let second = |fits: fn(&Progress) -> bool| {
        test.recorder.wait_for_progress(job, move |event| event.attempt == 2 && fits(&event.progress))
    };
    let early = second(|progress| progress.message == "attempt 2").await.progress;
    assert_eq!((early.value, early.max, early.fraction), (4, Some(10), Some(0.4)), "it has not found its place yet");
    latch.release_one();
    second(|progress| progress.value == 8).await;
    latch.release_one();
    test.wait_for_state(job, JobState::Succeeded).await;
    let frames = test.recorder.progress_of(job);
    let fractions: Vec<_> = frames.iter().map(|event| event.progress.fraction).collect();
    assert!(fractions.is_sorted(), "{fractions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoint_waits_for_disk_space() {
    let large = "x".repeat(1_000_000);
    let test = TestEngine::build(|builder| {
        let act = move |ctx: Ctx, _| {
            let large = large.clone();
            async move {
                ctx.checkpoint(large.as_str()).await?;
                Err(broken())
            }
        };
        builder.register(Probe::<0>::new(act)).max_page_count(400)
    })
    .await;
    let first = test.start().await;
    test.wait_for_state(first, JobState::Failed).await;
    let (second, third) = (test.start().await, test.start().await);
    for job in [second, third] {
        test.wait_for_state(job, JobState::Running).await;
    }
    test.engine.cancel(third, "ann").await.expect("it runs");
    assert_eq!(test.wait_for_state(third, JobState::Cancelled).await.failure, None, "a cancel ends the waiting");
    assert_eq!(test.engine.job(second).await.expect("kept").state, JobState::Running);
    test.engine.delete(first, "ann").await.expect("it has ended");
    assert_eq!(test.wait_for_state(second, JobState::Failed).await.failure.expect("it has failed").code, "broken");
    assert!(test.engine.store().checkpoint(second).await.expect("read").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoint_is_due_at_its_interval() {
    let act = |ctx: Ctx, _| async move {
        let due = ctx.is_checkpoint_due();
        if due {
            ctx.checkpoint_due().await;
        }
        Ok(json!(due))
    };
    for (every, due) in [(Duration::ZERO, true), (Duration::from_hours(1), false)] {
        let test = TestEngine::build(|builder| builder.register(Probe::<0>::new(act)).checkpoint_every(every)).await;
        let job = test.start().await;
        test.wait_for_state(job, JobState::Succeeded).await;
        assert_eq!(test.engine.store().detail(job).await.expect("kept").output, Some(json!(due)));
    }
    let test = TestEngine::build(|builder| {
        let twice = |ctx: Ctx, _| async move {
            for number in 0..2 {
                ctx.checkpoint_due().await;
                ctx.checkpoint(&number).await?;
                assert!(!ctx.is_checkpoint_due(), "not again at once");
            }
            Ok(Value::Null)
        };
        builder.register(Probe::<0>::new(twice)).checkpoint_every(Duration::from_secs(1))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
}
