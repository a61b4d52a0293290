//! Backup: a copy of the database while it is in use.

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

/// Instructions of `SQLite` between two checks for cancellation: some milliseconds.
const STEPS: i32 = 100_000;
/// The interval of syncs of the copy while it is written.
const SYNC: Duration = Duration::from_millis(100);

/// Writes a consistent, compact copy of the database `source` to the new file `into`: checked, durable, with an epoch
/// of its own. Blocks the thread. If it fails or is stopped, there is no file.
///
/// Uses `vacuum into`, not the backup interface, which starts over at every write of another connection and would never
/// end on a busy server (<https://sqlite.org/c3ref/backup_finish.html>).
pub(super) fn copy(source: &Path, into: &Path, stop: &CancellationToken) -> Result<()> {
    let partial = partial(into);
    let copied = write(source, &partial, stop).and_then(|()| publish(&partial, into));
    if copied.is_err() {
        let _ = fs::remove_file(&partial);
    }
    copied
}

/// The path of a copy that is not complete.
fn partial(into: &Path) -> PathBuf {
    into.with_added_extension("partial")
}

fn write(source: &Path, partial: &Path, stop: &CancellationToken) -> Result<()> {
    // Left by a process that died.
    let _ = fs::remove_file(partial);
    let source =
        Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    interrupt_on(&source, stop)?;
    let path = partial.to_str().ok_or_else(|| Error::Unusable(format!("{} is not UTF-8", partial.display())))?;
    while_syncing(partial, || source.execute("vacuum into ?", [path]))?;

    let copy = Connection::open(partial)?;
    interrupt_on(&copy, stop)?;
    // Clients of the original must notice that this is another database.
    copy.execute_batch("pragma journal_mode = delete; update ledger set epoch = lower(hex(randomblob(8)))")?;
    // No process works on the copy. The table is missing before schema 5.
    if copy.table_exists(None, "node")? {
        copy.execute_batch("delete from node")?;
    }
    check(&copy)
}

/// Runs `writing`, and syncs `file` at intervals meanwhile. One sync of all of it at the end would delay the commits of
/// the running server.
fn while_syncing<T>(file: &Path, writing: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        scope.spawn(move || {
            while wait.recv_timeout(SYNC) == Err(mpsc::RecvTimeoutError::Timeout) {
                // An error here occurs again in the final sync.
                let _ = File::open(file).and_then(|file| file.sync_data());
            }
        });
        let written = writing();
        drop(done);
        written
    })
}

/// Interrupts the connection once `stop` is cancelled.
fn interrupt_on(connection: &Connection, stop: &CancellationToken) -> Result<()> {
    let stop = stop.clone();
    Ok(connection.progress_handler(STEPS, Some(move || stop.is_cancelled()))?)
}

/// Checks the integrity of tables, indexes and foreign keys.
fn check(copy: &Connection) -> Result<()> {
    let result: String = copy.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    if result != "ok" {
        return Err(corrupt("the copy of the database", result));
    }
    let orphans: i64 = copy.query_row("select count(*) from pragma_foreign_key_check", [], |row| row.get(0))?;
    if orphans != 0 {
        return Err(corrupt("the copy of the database", format!("{orphans} rows belong to nothing")));
    }
    Ok(())
}

/// Renames a complete copy to its final name, and syncs file and folder.
fn publish(partial: &Path, into: &Path) -> Result<()> {
    let publishing = |error| Error::of_io(format!("writing {}", into.display()), error);
    File::open(partial).and_then(|file| file.sync_all()).map_err(publishing)?;
    fs::rename(partial, into).map_err(publishing)?;
    let folder = into.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(publishing)
}
