use std::fs;

use engine::{Engine, Error, StartOptions};
use model::{JobId, JobState, Micros};
use serde_json::json;
use tasks::TaskSettings;

use crate::support::harness::TaskHarness;

/// As docs/operations.md says it: the copy takes the place of the database.
#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_has_all_data_and_a_new_epoch() {
    let harness = TaskHarness::open().await;
    let before = harness.succeed("demo", json!({ "seconds": 0, "ending": "warn" })).await.view;
    let log = harness.log(before.job).await;
    let backup = harness.succeed("backup", json!({})).await;
    let after = harness.succeed("demo", json!({ "seconds": 0 })).await.view.job;

    let copy = harness.engine.data_dir().backups().join(backup.output["file"].as_str().unwrap());
    assert_eq!(fs::metadata(&copy).unwrap().len(), backup.output["size"].as_u64().unwrap());
    let data = tempfile::tempdir().unwrap();
    fs::copy(copy, data.path().join("milepost.db")).unwrap();
    let restored = tasks::register(Engine::builder(data.path()), &TaskSettings::default()).open().await.unwrap();

    assert_eq!(restored.job(before.job).await.unwrap(), before);
    let query = engine::store::LogQuery { limit: 10_000, ..Default::default() };
    let lines = restored.store().log(before.job, &query).await.unwrap().lines;
    assert_eq!(lines.iter().map(|(_, line)| line.text.as_str()).collect::<Vec<_>>().join("\n"), log);
    // The job that made the copy ran then; its worker is not here, and its kind grants another attempt.
    assert_ne!(restored.job(backup.view.job).await.unwrap().attempt, backup.view.attempt);
    assert!(matches!(restored.job(after).await, Err(Error::NoSuchJob(job)) if job == after));
    let epochs = [harness.engine.store().position().await.unwrap(), restored.store().position().await.unwrap()];
    assert_ne!(epochs[0].epoch, epochs[1].epoch, "an open page must start over");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_job_id_after_restore_keeps_its_own_files() {
    let harness = TaskHarness::open().await;
    harness.file("a", "a");
    let missing = harness.upload("SHA256SUMS", format!("{}  gone\n", "0".repeat(64))).await;
    // One that has not run when the copy is made, and one that runs again after it.
    let later =
        StartOptions { run_at: Some(Micros(harness.engine.now().0 + 3_600_000_000)), ..StartOptions::default() };
    let waits = harness.engine.start("checksum", json!({ "folder": harness.root() }), later).await.unwrap();
    let (fails, code, _) = harness.fail("checksum", json!({ "folder": harness.root(), "manifest": missing })).await;
    assert_eq!(code, "mismatch");
    let backup = harness.succeed("backup", json!({})).await;

    let go_on = async |harness: &TaskHarness| {
        harness.engine.start_now(waits, "tester").await.unwrap();
        assert_eq!(harness.ended(waits).await.view.failure, None);
        assert_eq!(harness.engine.retry(fails, "tester").await.unwrap(), 2);
        assert_eq!(harness.ended(fails).await.view.failure.unwrap().code, "mismatch");
        (harness.artifact(waits, "SHA256SUMS").await, harness.artifact(fails, "verification.txt").await)
    };
    let before = go_on(&harness).await;
    let left = [harness.engine.data_dir().attempt(waits, 1), harness.engine.data_dir().attempt(fails, 2)];
    assert!(left.iter().all(|folder| folder.is_dir()), "{left:?}");
    let harness = harness.restored(backup.output["file"].as_str().unwrap()).await;
    assert_eq!(go_on(&harness).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_backups_are_kept() {
    let harness = TaskHarness::open().await;
    let folder = harness.engine.data_dir().backups();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("before-the-move.db"), "mine").unwrap();
    let mut files = Vec::new();
    for _ in 0..3 {
        let output = harness.succeed("backup", json!({ "keep": 2 })).await.output;
        files.push(output["file"].as_str().unwrap().to_owned());
    }
    let mut left: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["before-the-move.db", &files[1], &files[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_keeps_its_copy_when_others_have_later_times() {
    let harness = TaskHarness::open().await;
    let folder = harness.engine.data_dir().backups();
    fs::create_dir_all(&folder).unwrap();
    // Made before the clock was put back.
    let ahead = "milepost-99991231T235959Z-1.db";
    fs::write(folder.join(ahead), "a copy").unwrap();
    let first = harness.succeed("backup", json!({ "keep": 2 })).await.output;
    assert_eq!(first["removed"], json!([]));
    assert!(folder.join(first["file"].as_str().unwrap()).exists());
    let second = harness.succeed("backup", json!({ "keep": 1 })).await.output;
    assert_eq!(second["removed"], json!([first["file"], ahead]));
    assert!(folder.join(second["file"].as_str().unwrap()).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_backup_reports_the_error_and_leaves_no_files() {
    let harness = TaskHarness::open().await;
    fs::write(harness.engine.data_dir().backups(), "a file where the folder should be").unwrap();
    let job = harness.start("backup", json!({})).await;
    let waits = harness.when(job, |view| view.failure.is_some()).await;
    assert_eq!((waits.state, waits.failure.unwrap().code.as_str()), (JobState::Scheduled, "io"), "it is tried again");
    assert_eq!(harness.start("backup", json!({})).await, job, "one at a time");
    assert_ne!(job, JobId(0));
}
