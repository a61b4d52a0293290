//! Artifacts: published when their attempt ends, complete or not at all.

use engine::TaskError;
use model::JobState;
use serde_json::Value;

use crate::support::{Latch, Probe, TIMEOUT, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn artifact_is_published_whole_when_attempt_ends() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            let mut file = ctx.artifact("SHA256SUMS").await?;
            file.write_all(b"abc").await?;
            assert_eq!(file.finish().await?, 3);
            let scratch = ctx.scratch().await?;
            std::fs::write(scratch.join("draft"), "x").expect("it can be written");
            ctx.message("written");
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.recorder.wait_for_progress(job, |event| event.progress.message == "written").await;
    assert!(matches!(
        test.engine.artifact(job, "SHA256SUMS").await,
        Err(engine::Error::NoSuchArtifact(..) | engine::Error::NoSuchJob(_))
    ));
    latch.open();
    test.wait_for_state(job, JobState::Succeeded).await;
    let (artifact, path) = test.engine.artifact(job, "SHA256SUMS").await.expect("it is there");
    assert_eq!((artifact.size, artifact.attempt), (3, 1));
    assert_eq!(std::fs::read(&path).expect("readable"), b"abc");
    let left: Vec<_> = std::fs::read_dir(path.parent().expect("a folder")).expect("readable").flatten().collect();
    assert_eq!(left.len(), 1, "temporary files are gone: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_artifact_is_deleted() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let mut file = ctx.artifact("half.csv").await?;
        file.write_all(b"abc").await?;
        drop(file);
        // The name is available again.
        ctx.artifact("half.csv").await?;
        Err(TaskError::fatal("broken", "on purpose"))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Failed).await;
    assert!(test.engine.store().artifacts(job).await.expect("known").is_empty());
    assert!(!test.engine.data_dir().job(job).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_starts_with_empty_folders() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            step.pass().await;
            // Concurrent calls: one of them clears the folder, and none removes the files of another.
            let (a, b, scratch) = tokio::join!(ctx.artifact("a.csv"), ctx.artifact("b.csv"), ctx.scratch());
            let (work, again) = tokio::join!(ctx.work_folder(), ctx.work_folder());
            let (scratch, work) = (scratch?, work?);
            assert_eq!(work, again?);
            for folder in [&scratch, &work] {
                assert_eq!(std::fs::read_dir(folder).expect("it is there").count(), 0, "{}", folder.display());
                std::fs::write(folder.join("kept"), "x").expect("it can be written");
            }
            ctx.work_folder().await?;
            ctx.scratch().await?;
            assert!(scratch.join("kept").exists() && work.join("kept").exists());
            a?.finish().await?;
            b?.finish().await?;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    // Simulates a restored backup of the database from before that.
    let (own, work) = (test.engine.data_dir().attempt(job, 1), test.engine.data_dir().work_of(job, 1));
    for folder in [&own, &own.join(".scratch"), &work] {
        std::fs::create_dir_all(folder).expect("it can be made");
        for name in ["a.csv", "rows"] {
            std::fs::write(folder.join(name), "old").expect("it can be written");
        }
    }
    latch.open();
    test.wait_for_state(job, JobState::Succeeded).await;
    for name in ["a.csv", "b.csv"] {
        let (artifact, path) = test.engine.artifact(job, name).await.expect("it is there");
        assert_eq!((artifact.size, std::fs::read(path).expect("readable")), (0, Vec::new()), "{name}");
    }
    assert!(!own.join("rows").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn artifact_name_with_path_is_rejected() {
    let test = TestEngine::with_task(|ctx, _| async move {
        for name in ["", "..", ".hidden", "a/b", "a\\b", "../x", "/etc/passwd", "a\0b", "a\nb", &"x".repeat(300)] {
            let refused = ctx.artifact(name).await.err().expect("refused");
            assert!(
                matches!(refused, TaskError::Fatal(fault) if fault.code.as_str() == "bad_artifact_name"),
                "{name:?}"
            );
        }
        ctx.artifact("twice").await?.finish().await?;
        let again = ctx.artifact("twice").await.err().expect("refused");
        assert!(matches!(again, TaskError::Fatal(fault) if fault.code.as_str() == "artifact_exists"));
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ended_job_is_deleted_with_its_files() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            ctx.artifact("a").await?.finish().await?;
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    assert!(matches!(test.engine.delete(job, "ann").await, Err(engine::Error::Conflict { .. })));
    latch.open();
    test.wait_for_state(job, JobState::Succeeded).await;
    let (_, path) = test.engine.artifact(job, "a").await.expect("it is there");
    test.engine.delete(job, "ann").await.expect("it has ended");
    assert!(!path.exists());
    assert!(matches!(test.engine.job(job).await, Err(engine::Error::NoSuchJob(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_deleted_job_are_removed_at_next_start() {
    let writing = |ctx: engine::Ctx, _| async move {
        let mut file = ctx.artifact("a.csv").await?;
        file.write_all(b"abc").await?;
        file.finish().await?;
        Ok(Value::Null)
    };
    let test = TestEngine::with_task(writing).await;
    let (kept, deleted) = (test.start().await, test.start().await);
    for job in [kept, deleted] {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    // Simulates a crash between the two steps of a deletion.
    test.engine.store().delete(deleted, &"ann".into()).await.expect("deleted");
    test.engine.shutdown(std::time::Duration::ZERO).await;
    let next = TestEngine::reopen(test.folder, |builder| builder.register(Probe::<0>::new(writing))).await;
    let folder = next.engine.data_dir().job(deleted);
    let swept = async {
        while folder.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, swept).await.expect("its files go");
    let (_, path) = next.engine.artifact(kept, "a.csv").await.expect("kept");
    assert!(path.exists());
}
