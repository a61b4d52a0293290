//! Files that the database does not know: what a start may do with them, and what it must not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{Builder, Engine, Error, OrphanFiles, StartOptions};
use model::{JobId, JobState};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ahead, Bench, Probe, eventually};

/// Engines whose probe makes one artifact.
fn writing(builder: Builder) -> Builder {
    builder.register(Probe::<0>::new(|ctx, _| async move {
        let mut file = ctx.artifact("a.csv").await?;
        file.write_all(b"abc").await?;
        file.finish().await?;
        Ok(Value::Null)
    }))
}

/// An engine that has done so many jobs, and these.
async fn with_jobs(number: usize) -> (Bench, Vec<JobId>) {
    let bench = Bench::built(writing).await;
    let mut jobs = Vec::new();
    for _ in 0..number {
        jobs.push(bench.start().await);
    }
    for job in &jobs {
        bench.reaches(*job, JobState::Succeeded).await;
    }
    (bench, jobs)
}

/// Deletes jobs as a server does that dies before it removes their files, and ends.
async fn left_behind(bench: Bench, jobs: &[JobId]) -> TempDir {
    for job in jobs {
        bench.engine.store().delete(*job, &"ann".into()).await.expect("deleted");
    }
    stop(bench).await
}

async fn stop(bench: Bench) -> TempDir {
    bench.engine.shutdown(Duration::ZERO).await;
    bench.folder
}

/// What has been moved aside out of a folder of this name.
fn aside(data: &Path, of: &str) -> Vec<PathBuf> {
    let sweeps = fs::read_dir(data.join("orphans")).into_iter().flatten().flatten();
    let entries = sweeps.flat_map(|sweep| fs::read_dir(sweep.path().join(of)).into_iter().flatten().flatten());
    entries.map(|entry| entry.path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn few_orphan_files_are_quarantined_then_deleted() {
    let (bench, jobs) = with_jobs(2).await;
    let data = bench.engine.data_dir().clone();
    let folder = left_behind(bench, &jobs[..1]).await;
    let bench = Bench::reopened(folder, writing).await;
    eventually("the folder is moved", || !data.job(jobs[0]).exists()).await;
    let moved = aside(data.path(), "jobs");
    assert_eq!(fs::read(moved[0].join("1").join("a.csv")).expect("kept for a day"), b"abc");
    assert!(data.job(jobs[1]).exists(), "this one is known");
    let folder = stop(bench).await;
    let bench = Bench::reopened(folder, |builder| writing(builder).clock(Ahead::hours(23))).await;
    let folder = stop(bench).await;
    assert_eq!(aside(data.path(), "jobs"), moved, "not before a day is over");
    let _bench = Bench::reopened(folder, |builder| writing(builder).clock(Ahead::hours(25))).await;
    eventually("it is removed", || aside(data.path(), "jobs").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orphan_files_are_kept_until_requested() {
    let (bench, jobs) = with_jobs(22).await;
    let data = bench.engine.data_dir().clone();
    let folder = left_behind(bench, &jobs[..21]).await;
    let bench = Bench::reopened(folder, writing).await;
    eventually("they are counted", || bench.engine.orphan_files() == OrphanFiles { jobs: 21, uploads: 0 }).await;
    assert!(jobs.iter().all(|job| data.job(*job).exists()), "none is taken");
    let folder = stop(bench).await;
    let bench = Bench::reopened(folder, |builder| writing(builder).sweep_orphans()).await;
    assert_eq!(bench.engine.orphan_files(), OrphanFiles::default());
    assert_eq!(aside(data.path(), "jobs").len(), 21);
    assert!(data.job(jobs[21]).exists(), "this one is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_of_unassigned_job_id_is_kept() {
    let (bench, _) = with_jobs(1).await;
    let foreign = bench.engine.data_dir().job(JobId(1_000));
    fs::create_dir_all(&foreign).expect("it can be made");
    let folder = stop(bench).await;
    let bench = Bench::reopened(folder, writing).await;
    eventually("it is counted", || bench.engine.orphan_files() == OrphanFiles { jobs: 1, uploads: 0 }).await;
    assert!(foreign.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn few_orphan_uploads_are_quarantined_many_are_kept() {
    let (bench, _) = with_jobs(0).await;
    let data = bench.engine.data_dir().clone();
    let upload = |number: usize| data.uploads().join(format!("{number:032x}"));
    for number in 0..21 {
        fs::write(upload(number), "abc").expect("it can be written");
    }
    let folder = stop(bench).await;
    let bench = Bench::reopened(folder, |builder| writing(builder).clock(Ahead::hours(25))).await;
    eventually("they are counted", || bench.engine.orphan_files() == OrphanFiles { jobs: 0, uploads: 21 }).await;
    assert!((0..21).all(|number| upload(number).exists()), "none is taken");
    fs::remove_file(upload(20)).expect("it can be removed");
    let folder = stop(bench).await;
    let _bench = Bench::reopened(folder, |builder| writing(builder).clock(Ahead::hours(25))).await;
    eventually("they are moved", || aside(data.path(), "uploads").len() == 20).await;
    assert!(!upload(0).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_database_beside_job_files_is_rejected() {
    let (bench, jobs) = with_jobs(1).await;
    let data = bench.engine.data_dir().clone();
    let (database, kept) = (data.database(), bench.folder.path().join("kept"));
    let _folder = stop(bench).await;
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
    let (bench, jobs) = with_jobs(3).await;
    let database = bench.engine.data_dir().database();
    let folder = stop(bench).await;
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
