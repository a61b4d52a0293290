//! Databases of a server, looked into from outside.

use std::path::Path;

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

/// Does something with the database at `path`, as another process.
pub(crate) fn database<T>(path: &Path, act: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    runtime.block_on(async { act(&mut SqliteConnection::connect_with(&options).await.unwrap()).await })
}

/// Whether somebody holds its lock for writing, and does not let go of it for a while.
pub(crate) fn is_locked(path: &Path) -> bool {
    database(path, async |connection| {
        connection.execute("pragma busy_timeout = 200").await.unwrap();
        connection.execute("begin immediate").await.is_err()
    })
}

/// Ends the leases of the workers on `data`, of whom nobody must be awake: what is so short from the beginning may end on a
/// busy machine while they work.
pub(crate) fn end_leases(data: &Path) {
    database(&data.join("milepost.db"), async |connection| {
        connection.execute("update node set lease = 1 where role = 'worker'").await.unwrap();
    });
}
