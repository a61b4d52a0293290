//! SQLite store: conformance suite, faults, upgrades and fuzzing.

#[path = "store/backup.rs"]
mod backup;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/fuzz.rs"]
mod fuzz;
#[path = "store/message_limits.rs"]
mod message_limits;
#[path = "store/other_processes.rs"]
mod other_processes;
#[path = "store/search.rs"]
mod search;
#[path = "store/support.rs"]
mod support;
#[path = "store/upgrade.rs"]
mod upgrade;

use std::{fs, sync::Arc};

use engine::store::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use support::{EventRecorder, ManualClock, TestStore};
use tempfile::TempDir;
use tokio::sync::OnceCell;

const FILE: &str = "milepost.db";

/// Opens a new store.
async fn open() -> TestStore {
    open_limited(None).await
}

/// Opens a new store on a disk with room for `max_page_count` pages of 4 KiB.
async fn open_limited(max_page_count: Option<u32>) -> TestStore {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let test = open_in(folder, |options| SqliteOptions { max_page_count, ..options }).await;
    support::enter(&*test.store).await;
    test
}

/// Opens a new store for one of thousands of cases: in memory if there is such a folder, because syncs do not matter
/// there, and from a prepared file in which the workers are registered.
async fn open_prepared() -> TestStore {
    static MADE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let made = MADE.get_or_init(async || {
        let test = open().await;
        let path = test.folder.path().join(FILE);
        // Moves the write-ahead log into the database file.
        let busy: i64 = Connection::open(&path)
            .and_then(|other| other.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0)))
            .expect("it can be checkpointed");
        assert_eq!(busy, 0, "no other connection is open");
        fs::read(path).expect("it has been made")
    });
    let made = made.await;
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a temporary folder can be made");
    fs::write(folder.path().join(FILE), made).expect("there is room");
    open_in(folder, |options| SqliteOptions { migrate: false, readers: 1, ..options }).await
}

async fn open_in(folder: TempDir, choose: impl FnOnce(SqliteOptions) -> SqliteOptions) -> TestStore {
    let (clock, recorder) = (ManualClock::new(), Arc::new(EventRecorder::default()));
    let options = SqliteOptions {
        clock: clock.clone(),
        listener: Some(recorder.clone()),
        ..SqliteOptions::new(folder.path().join(FILE))
    };
    let store = Arc::new(SqliteStore::open(choose(options)).await.expect("it opens"));
    TestStore { store, clock, recorder, folder }
}

macro_rules! tests {
    ($($promise:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            conformance::$promise(open().await).await;
        }
    )*};
}
conformance::promises!(tests);
