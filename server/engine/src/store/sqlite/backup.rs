//! A copy of the database while it is in use.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::error::corrupt;
use crate::{Error, Result};

/// Steps of `SQLite`'s machine between two looks at the wish to stop: some milliseconds.
const STEPS: i32 = 100_000;
/// Between two syncs of the copy while it is written.
const SYNC: Duration = Duration::from_millis(100);

/// Writes a compact copy of the database `source`, as it is at one moment, to the new file `into`. It has an epoch of its
/// own, has been checked, and is durable. Blocks the thread. Where it fails or is stopped, there is no file.
///
/// `vacuum into` and not the backup interface: that one starts over at every write of another connection, and would
/// never end on a busy server (<https://sqlite.org/c3ref/backup_finish.html>).
pub(super) fn copy(source: &Path, into: &Path, stop: &CancellationToken) -> Result<()> {
    let partial = partial(into);
    let copied = write(source, &partial, stop).and_then(|()| publish(&partial, into));
    if copied.is_err() {
        let _ = fs::remove_file(&partial);
    }
    copied
}

/// Where a copy lies until it is whole.
fn partial(into: &Path) -> PathBuf {
    into.with_added_extension("partial")
}

fn write(source: &Path, partial: &Path, stop: &CancellationToken) -> Result<()> {
    // Left by one that died.
    let _ = fs::remove_file(partial);
    let source =
        Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    heed(&source, stop)?;
    let path = partial.to_str().ok_or_else(|| Error::Unusable(format!("{} is not UTF-8", partial.display())))?;
    while_syncing(partial, || source.execute("vacuum into ?", [path]))?;

    let copy = Connection::open(partial)?;
    heed(&copy, stop)?;
    // Whoever knows the original must notice that this is another one.
    copy.execute_batch("pragma journal_mode = delete; update ledger set epoch = lower(hex(randomblob(8)))")?;
    // Nobody works on it; before schema 5 there was no list of who does.
    if copy.table_exists(None, "node")? {
        copy.execute_batch("delete from node")?;
    }
    check(&copy)
}

/// Does `writing`, and meanwhile has the disk take what is written to `file` bit by bit. All at once at the end, it would
/// keep the syncs of others waiting, and every start is one.
fn while_syncing<T>(file: &Path, writing: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        scope.spawn(move || {
            while wait.recv_timeout(SYNC) == Err(mpsc::RecvTimeoutError::Timeout) {
                // What goes wrong here does so again when the whole of it is synced.
                let _ = File::open(file).and_then(|file| file.sync_data());
            }
        });
        let written = writing();
        drop(done);
        written
    })
}

/// Ends what the connection does once it is to stop.
fn heed(connection: &Connection, stop: &CancellationToken) -> Result<()> {
    let stop = stop.clone();
    Ok(connection.progress_handler(STEPS, Some(move || stop.is_cancelled()))?)
}

/// Reads all of it, and compares tables with indexes and with each other.
fn check(copy: &Connection) -> Result<()> {
    let verdict: String = copy.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(corrupt("the copy of the database", verdict));
    }
    let orphans: i64 = copy.query_row("select count(*) from pragma_foreign_key_check", [], |row| row.get(0))?;
    if orphans != 0 {
        return Err(corrupt("the copy of the database", format!("{orphans} rows belong to nothing")));
    }
    Ok(())
}

/// Gives a whole copy its name, and has the disk keep both.
fn publish(partial: &Path, into: &Path) -> Result<()> {
    let publishing = |error| Error::of_io(format!("writing {}", into.display()), error);
    File::open(partial).and_then(|file| file.sync_all()).map_err(publishing)?;
    fs::rename(partial, into).map_err(publishing)?;
    let folder = into.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(publishing)
}
