//! Backup of the database under writes.

use std::{path::Path, sync::Arc};

use sqlx::{Connection, SqliteConnection};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{
    open,
    support::{TestStore, lines, new_job, running},
};

async fn copy(test: &TestStore, into: &Path, stop: &CancellationToken) -> engine::Result<()> {
    let (store, into, stop) = (Arc::clone(&test.store), into.to_owned(), stop.clone());
    spawn_blocking(move || store.back_up(&into, &stop)).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_is_consistent_under_writes() {
    let test = open().await;
    let over = CancellationToken::new();
    let starting = {
        let (store, over) = (Arc::clone(&test.store), over.clone());
        tokio::spawn(async move {
            while !over.is_cancelled() {
                store.enqueue(new_job("a")).await.expect("accepted");
            }
        })
    };
    let queued = async || test.store.counts().await.expect("read").queued as i64;
    while queued().await < 100 {
        tokio::task::yield_now().await;
    }
    let into = test.folder.path().join("copy.db");
    let before = queued().await;
    copy(&test, &into, &CancellationToken::new()).await.expect("copied");
    let after = queued().await;
    over.cancel();
    starting.await.expect("no panic");

    assert!(after > before, "no start waited for it");
    let url = format!("sqlite://{}", into.display());
    let mut copied = SqliteConnection::connect(&url).await.expect("it opens");
    let count = "select count(*), max(id), (select queued from ledger) from job";
    let (jobs, last, counted): (i64, i64, i64) = sqlx::query_as(count).fetch_one(&mut copied).await.expect("read");
    assert!((before..=after).contains(&jobs), "{before} {jobs} {after}");
    assert_eq!((last, counted), (jobs, jobs), "no start is there by half");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_backup_leaves_no_file() {
    let test = open().await;
    let fence = running(&*test.store, "a").await.fence;
    // More than is copied between two checks for cancel.
    test.store.append_logs((1..=20_000).map(|line| lines(&fence, line, &["a line"])).collect());
    test.store.flush().await.expect("written");
    let folder = test.folder.path().join("copies");
    std::fs::create_dir(&folder).expect("it can be made");
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(copy(&test, &folder.join("copy.db"), &stop).await.is_err());
    assert_eq!(std::fs::read_dir(&folder).expect("read").count(), 0);
    copy(&test, &folder.join("copy.db"), &CancellationToken::new()).await.expect("copied");
}
