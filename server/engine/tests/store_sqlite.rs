//! The SQLite store keeps what every store promises, whatever happens around it.

#[path = "store/chance.rs"]
mod chance;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/copying.rs"]
mod copying;
#[path = "store/crowded.rs"]
mod crowded;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/others.rs"]
mod others;
#[path = "store/search.rs"]
mod search;
#[path = "store/support.rs"]
mod support;
#[path = "store/upgrade.rs"]
mod upgrade;

use std::{fs, sync::Arc};

use engine::store::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use support::{Heard, Kept, StillClock};
use tempfile::TempDir;
use tokio::sync::OnceCell;

const FILE: &str = "milepost.db";

/// A new store.
async fn open() -> Kept {
    open_limited(None).await
}

/// A new store on a disk with room for so many pages of 4 KiB.
async fn open_limited(max_page_count: Option<u32>) -> Kept {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let kept = open_in(folder, |options| SqliteOptions { max_page_count, ..options }).await;
    support::enter(&*kept.store).await;
    kept
}

/// A new store for one of thousands of tries: in memory where there is such a folder, for syncs are of no interest
/// there, and from a file that has been made before, with the processes in it.
async fn open_quickly() -> Kept {
    static MADE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let made = MADE.get_or_init(async || {
        let kept = open().await;
        let path = kept.folder.path().join(FILE);
        // Brings home what is in the write-ahead log.
        let busy: i64 = Connection::open(&path)
            .and_then(|other| other.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0)))
            .expect("it can be checkpointed");
        assert_eq!(busy, 0, "nobody else is at it");
        fs::read(path).expect("it has been made")
    });
    let made = made.await;
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a temporary folder can be made");
    fs::write(folder.path().join(FILE), made).expect("there is room");
    open_in(folder, |options| SqliteOptions { migrate: false, readers: 1, ..options }).await
}

async fn open_in(folder: TempDir, choose: impl FnOnce(SqliteOptions) -> SqliteOptions) -> Kept {
    let (clock, heard) = (StillClock::new(), Arc::new(Heard::default()));
    let options = SqliteOptions {
        clock: clock.clone(),
        listener: Some(heard.clone()),
        ..SqliteOptions::new(folder.path().join(FILE))
    };
    let store = Arc::new(SqliteStore::open(choose(options)).await.expect("it opens"));
    Kept { store, clock, heard, folder }
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
