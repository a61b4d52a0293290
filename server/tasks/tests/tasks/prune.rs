use engine::Error;
use model::JobState;
use serde_json::json;

use crate::support::harness::TaskHarness;

#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_are_deleted_with_their_files() {
    let harness = TaskHarness::open().await;
    let upload = harness.upload("links.txt", "").await;
    let gone = harness.succeed("demo", json!({ "seconds": 0 })).await.view.job;
    let used = harness.succeed("check-links", json!({ "file": upload })).await.view.job;
    let stripped = harness.run("demo", json!({ "seconds": 0, "ending": "fail" })).await.view;
    assert_eq!(stripped.state, JobState::Failed);
    assert!(harness.engine.artifact(gone, "demo.txt").await.is_ok());

    let pruned = harness.succeed("prune", json!({ "succeeded": 0, "logs": 0, "artifacts": 0, "uploads": 0 })).await;
    // Of the failed one the log; of the two others everything, and the upload with the last job that used it.
    assert_eq!(pruned.output["jobs"], 2, "{}", pruned.output);
    assert_eq!(pruned.output["logs"], 1, "{}", pruned.output);
    for job in [gone, used] {
        assert!(matches!(harness.engine.job(job).await, Err(Error::NoSuchJob(_))));
        assert!(!harness.engine.data_dir().job(job).exists(), "its files are gone");
    }
    let left = harness.engine.job(stripped.job).await.unwrap();
    assert_eq!(left.failure, stripped.failure);
    assert_eq!(harness.log(stripped.job).await, "");
    let uploads = std::fs::read_dir(harness.engine.data_dir().uploads()).unwrap().count();
    assert_eq!(uploads, 1, "an upload that no job refers to any more has a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn young_jobs_are_kept() {
    let harness = TaskHarness::open().await;
    let job = harness.succeed("demo", json!({ "seconds": 0 })).await.view.job;
    let pruned = harness.succeed("prune", json!({ "succeeded": 1, "logs": 1, "artifacts": 1, "uploads": 1 })).await;
    for what in ["jobs", "logs", "artifacts", "uploads"] {
        assert_eq!(pruned.output[what], 0, "{what}: {}", pruned.output);
    }
    assert!(harness.engine.artifact(job, "demo.txt").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_without_ages_is_rejected() {
    let harness = TaskHarness::open().await;
    let refused = harness.try_start("prune", json!({})).await;
    assert!(matches!(&refused, Err(Error::InvalidInput(faults)) if faults[0].field == "succeeded"), "{refused:?}");
}
