use engine::Error;
use model::JobState;
use serde_json::json;

use crate::desk::TestEngine;

#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_are_deleted_with_their_files() {
    let desk = TestEngine::open().await;
    let upload = desk.upload("links.txt", "").await;
    let gone = desk.succeed("demo", json!({ "seconds": 0 })).await.view.job;
    let used = desk.succeed("check-links", json!({ "file": upload })).await.view.job;
    let stripped = desk.run("demo", json!({ "seconds": 0, "ending": "fail" })).await.view;
    assert_eq!(stripped.state, JobState::Failed);
    assert!(desk.engine.artifact(gone, "demo.txt").await.is_ok());

    let pruned = desk.succeed("prune", json!({ "succeeded": 0, "logs": 0, "artifacts": 0, "uploads": 0 })).await;
    // Of the failed one the log; of the two others everything, and the upload with the last job that used it.
    assert_eq!(pruned.output["jobs"], 2, "{}", pruned.output);
    assert_eq!(pruned.output["logs"], 1, "{}", pruned.output);
    for job in [gone, used] {
        assert!(matches!(desk.engine.job(job).await, Err(Error::NoSuchJob(_))));
        assert!(!desk.engine.data_dir().job(job).exists(), "its files are gone");
    }
    let left = desk.engine.job(stripped.job).await.unwrap();
    assert_eq!(left.failure, stripped.failure);
    assert_eq!(desk.log(stripped.job).await, "");
    let uploads = std::fs::read_dir(desk.engine.data_dir().uploads()).unwrap().count();
    assert_eq!(uploads, 1, "an upload that no job refers to any more has a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn young_jobs_are_kept() {
    let desk = TestEngine::open().await;
    let job = desk.succeed("demo", json!({ "seconds": 0 })).await.view.job;
    let pruned = desk.succeed("prune", json!({ "succeeded": 1, "logs": 1, "artifacts": 1, "uploads": 1 })).await;
    for what in ["jobs", "logs", "artifacts", "uploads"] {
        assert_eq!(pruned.output[what], 0, "{what}: {}", pruned.output);
    }
    assert!(desk.engine.artifact(job, "demo.txt").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_without_ages_is_rejected() {
    let desk = TestEngine::open().await;
    let refused = desk.try_start("prune", json!({})).await;
    assert!(matches!(&refused, Err(Error::InvalidInput(faults)) if faults[0].field == "succeeded"), "{refused:?}");
}
