//! The databases of a server, opened from the test process.

use std::path::Path;

use sqlx::{Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// Opens the database at `path` and runs `act` on the connection.
pub(crate) fn database<T>(path: &Path, act: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    runtime.block_on(async { act(&mut SqliteConnection::connect_with(&options).await.unwrap()).await })
}

/// Whether another process holds the write lock for 200 ms.
pub(crate) fn is_locked(path: &Path) -> bool {
    database(path, async |connection| {
        connection.execute("pragma busy_timeout = 200").await.unwrap();
        connection.execute("begin immediate").await.is_err()
    })
}

/// Expires the leases of all workers on `data`, which must all be stopped. A lease that is short from the start could
/// expire on a busy machine while its worker runs.
pub(crate) fn end_leases(data: &Path) {
    database(&data.join("milepost.db"), async |connection| {
        connection.execute("update node set lease = 1 where role = 'worker'").await.unwrap();
    });
}

/// The first column of the one row that a query of `milepost.db` returns.
pub(crate) fn query_value<T: for<'a> sqlx::Decode<'a, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    data: &Path,
    query: &str,
) -> T {
    let query = sqlx::AssertSqlSafe(query.to_owned());
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query(query).fetch_one(connection).await.unwrap().get(0)
    })
}
