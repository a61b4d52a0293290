//! Orphan files: files that the database does not know, and what a start does with them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{Builder, Engine, Error, OrphanFiles, StartOptions};
use model::{JobId, JobState};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{FutureClock, Probe, TestEngine, wait_until};

/// Registers a task that writes one artifact.
fn writing(builder: Builder) -> Builder {
    builder.register(Probe::<0>::new(|ctx, _| async move {
        let mut file = ctx.artifact("a.csv").await?;
        file.write_all(b"abc").await?;
        file.finish().await?;
        Ok(Value::Null)
    }))
}

/// Returns an engine that has run `count` jobs, and their ids.
async fn with_jobs(number: usize) -> (TestEngine, Vec<JobId>) {
    let test = TestEngine::build(writing).await;
    let mut jobs = Vec::new();
    for _ in 0..number {
        jobs.push(test.start().await);
    }
    for job in &jobs {
        test.wait_for_state(*job, JobState::Succeeded).await;
    }
    (test, jobs)
}

/// Deletes jobs like a server that dies before it removes their files, and shuts down.
async fn left_behind(test: TestEngine, jobs: &[JobId]) -> TempDir {
    for job in jobs {
        test.engine.store().delete(*job, &"ann".into()).await.expect("deleted");
    }
    stop(test).await
}

async fn stop(test: TestEngine) -> TempDir {
    test.engine.shutdown(Duration::ZERO).await;
    test.folder
}

/// Returns the quarantined entries of the folder `name`.
fn quarantined(data: &Path, of: &str) -> Vec<PathBuf> {
    let sweeps = fs::read_dir(data.join("orphans")).into_iter().flatten().flatten();
    let entries = sweeps.flat_map(|sweep| fs::read_dir(sweep.path().join(of)).into_iter().flatten().flatten());
    entries.map(|entry| entry.path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn few_orphan_files_are_quarantined_then_deleted() {
    let (test, jobs) = with_jobs(2).await;
    let data = test.engine.data_dir().clone();
    let folder = left_behind(test, &jobs[..1]).await;
    let test = TestEngine::reopen(folder, writing).await;
    wait_until("the folder is moved", || !data.job(jobs[0]).exists()).await;
    let moved = quarantined(data.path(), "jobs");
    assert_eq!(fs::read(moved[0].join("1").join("a.csv")).expect("kept for a day"), b"abc");
    assert!(data.job(jobs[1]).exists(), "this one is known");
    let folder = stop(test).await;
    let test = TestEngine::reopen(folder, |builder| writing(builder).clock(FutureClock::hours(23))).await;
    let folder = stop(test).await;
    assert_eq!(quarantined(data.path(), "jobs"), moved, "not before a day is over");
    let _bench = TestEngine::reopen(folder, |builder| writing(builder).clock(FutureClock::hours(25))).await;
    wait_until("it is removed", || quarantined(data.path(), "jobs").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orphan_files_are_kept_until_requested() {
    let (test, jobs) = with_jobs(22).await;
    let data = test.engine.data_dir().clone();
    let folder = left_behind(test, &jobs[..21]).await;
    let test = TestEngine::reopen(folder, writing).await;
    wait_until("they are counted", || test.engine.orphan_files() == OrphanFiles { jobs: 21, uploads: 0 }).await;
    assert!(jobs.iter().all(|job| data.job(*job).exists()), "none is taken");
    let folder = stop(test).await;
    let test = TestEngine::reopen(folder, |builder| writing(builder).sweep_orphans()).await;
    assert_eq!(test.engine.orphan_files(), OrphanFiles::default());
    assert_eq!(quarantined(data.path(), "jobs").len(), 21);
    assert!(data.job(jobs[21]).exists(), "this one is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_of_unassigned_job_id_is_kept() {
    let (test, _) = with_jobs(1).await;
    let foreign = test.engine.data_dir().job(JobId(1_000));
    fs::create_dir_all(&foreign).expect("it can be made");
    let folder = stop(test).await;
    let test = TestEngine::reopen(folder, writing).await;
    wait_until("it is counted", || test.engine.orphan_files() == OrphanFiles { jobs: 1, uploads: 0 }).await;
    assert!(foreign.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn few_orphan_uploads_are_quarantined_many_are_kept() {
    let (test, _) = with_jobs(0).await;
    let data = test.engine.data_dir().clone();
    let upload = |number: usize| data.uploads().join(format!("{number:032x}"));
    for number in 0..21 {
        fs::write(upload(number), "abc").expect("it can be written");
    }
    let folder = stop(test).await;
    let test = TestEngine::reopen(folder, |builder| writing(builder).clock(FutureClock::hours(25))).await;
    wait_until("they are counted", || test.engine.orphan_files() == OrphanFiles { jobs: 0, uploads: 21 }).await;
    assert!((0..21).all(|number| upload(number).exists()), "none is taken");
    fs::remove_file(upload(20)).expect("it can be removed");
    let folder = stop(test).await;
    let _bench = TestEngine::reopen(folder, |builder| writing(builder).clock(FutureClock::hours(25))).await;
    wait_until("they are moved", || quarantined(data.path(), "uploads").len() == 20).await;
    assert!(!upload(0).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_database_beside_job_files_is_rejected() {
    let (test, jobs) = with_jobs(1).await;
    let data = test.engine.data_dir().clone();
    let (database, kept) = (data.database(), test.folder.path().join("kept"));
    let _folder = stop(test).await;
    let open = || writing(Engine::builder(data.path())).open();
    fs::rename(&database, &kept).expect("it can be moved");
    let assert_refused = async |how: &str| {
        let Err(Error::Unusable(message)) = open().await else { panic!("{how}: it opens") };
        assert!(message.contains("Put milepost.db back") && message.contains("files of 1 jobs"), "{how}: {message}");
        assert!(data.job(jobs[0]).join("1").join("a.csv").exists(), "{how}: the artifact is gone");
    };
    assert_refused("missing").await;
    fs::write(&database, "").expect("it can be written");
    assert_refused("empty").await;
    let header = rusqlite::Connection::open(&database).expect("it opens");
    header.execute_batch("pragma journal_mode = wal; create table other (a)").expect("it is written");
    drop(header);
    assert_refused("without a table of ours").await;
    fs::rename(&kept, &database).expect("it can be moved");
    let engine = open().await.expect("it opens");
    assert!(engine.artifact(jobs[0], "a.csv").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn database_file_is_complete_after_a_clean_stop() {
    let (test, jobs) = with_jobs(3).await;
    let database = test.engine.data_dir().database();
    let folder = stop(test).await;
    let log = fs::metadata(database.with_added_extension("wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "nothing is left in the write-ahead log");
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("it can be made");
    fs::copy(&database, elsewhere.join("milepost.db")).expect("it can be copied");
    let engine = writing(Engine::builder(&elsewhere)).open().await.expect("it opens");
    for job in jobs {
        assert_eq!(engine.job(job).await.expect("it is there").state, JobState::Succeeded);
    }
    engine.start("probe-0", json!({}), StartOptions::default()).await.expect("it can be used");
}
