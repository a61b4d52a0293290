//! The SQLite store keeps what every store promises, whatever happens around it.

#[path = "store/chance.rs"]
mod chance;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/support.rs"]
mod support;
#[path = "store/upgrade.rs"]
mod upgrade;

use std::sync::Arc;

use engine::store::{SqliteOptions, SqliteStore};
use support::{Heard, Kept, StillClock};

/// A new store.
async fn open() -> Kept {
    open_limited(None).await
}

/// A new store on a disk with room for so many pages of 4 KiB.
async fn open_limited(max_page_count: Option<u32>) -> Kept {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (clock, heard) = (StillClock::new(), Arc::new(Heard::default()));
    let options = SqliteOptions {
        clock: clock.clone(),
        listener: Some(heard.clone()),
        max_page_count,
        ..SqliteOptions::new(folder.path().join("milepost.db"))
    };
    let store = Arc::new(SqliteStore::open(options).await.expect("it opens"));
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
