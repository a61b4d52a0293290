//! Opening: connections, pragmas, version checks and migrations.

use std::{
    cell::Cell,
    fs,
    io::ErrorKind,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{OpenFlags, config::DbConfig};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    migrate::{Migrate, MigrateError},
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio_util::sync::CancellationToken;

use super::{SqliteOptions, backup, migrations::MIGRATIONS, statement};
use crate::{Error, Result};

/// The first `SQLite` without the bug that can corrupt a file when the write-ahead log starts over while another
/// connection writes (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// "Mile": marks the file as one of Milepost.
const APPLICATION_ID: i32 = 0x4d69_6c65;

/// The value of `pragma synchronous` with which every commit is synced before it is acknowledged.
const FULL: i64 = 2;

/// How long a connection waits for the lock of another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many searches run at once.
const SEARCHES: u32 = 2;
/// The size to which the write-ahead log shrinks when it starts over, bytes.
const JOURNAL_SIZE_LIMIT: u32 = 64 << 20;

/// How long [`consolidate`] waits for other processes.
const CONSOLIDATING: Duration = Duration::from_secs(1);

/// Whether there is no database at `path`, or one without our tables: left by a process that was killed while it
/// created the file, or by a copy without its write-ahead log.
pub(crate) fn is_new(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(Error::of_io(format!("looking at {}", path.display()), error)),
        Ok(about) if about.len() == 0 => return Ok(true),
        Ok(_) => {}
    }
    let connection = existing(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!connection.table_exists(None, "ledger")?)
}

/// Moves the write-ahead log into the database file and cuts it to nothing.
pub(super) fn consolidate(path: &Path) -> Result<()> {
    let connection = existing(path)?;
    connection.busy_timeout(CONSOLIDATING)?;
    let busy: bool = connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    if busy { Err(Error::Busy) } else { Ok(()) }
}

/// A connection of its own to an existing file.
fn existing(path: &Path) -> Result<rusqlite::Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(rusqlite::Connection::open_with_flags(path, flags)?)
}

/// Opens the one connection that writes. Creates, checks and migrates the file before.
pub(super) async fn writer(options: &SqliteOptions) -> Result<rusqlite::Connection> {
    // A worker leaves a file without tables alone: switching it to WAL could be in the way of the server that creates it.
    if !options.migrate && is_new(&options.path).unwrap_or(false) {
        return Err(Error::NotReady(format!(
            "there is no database at {}; start `milepost serve` on it first",
            options.path.display()
        )));
    }
    // A process may have been killed while it created the file, so none of this depends on whether there is one.
    // `auto_vacuum` comes before the switch to WAL, which writes the header; it changes no file that has one.
    let mut connect = base(options).create_if_missing(options.migrate).auto_vacuum(SqliteAutoVacuum::Incremental);
    if let Some(pages) = options.max_page_count {
        connect = connect.pragma("max_page_count", pages.to_string());
    }
    let mut connection = connect.connect().await?;
    check_version(&mut connection).await?;
    set_application_id(&mut connection).await?;
    migrate(&mut connection, options).await?;
    let writer = rusqlite::Connection::open(&options.path)?;
    writer.busy_handler(Some(wait_for_others))?;
    writer.set_prepared_statement_cache_capacity(statement::PREPARED_STATEMENTS);
    // Query plans must not depend on bound values: otherwise each new `limit ?` prepares its statement again.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // 8 MiB: the ends of every table and index stay in memory.
    writer.execute_batch(&format!(
        "pragma synchronous = full;
        pragma foreign_keys = on;
        pragma temp_store = memory;
        pragma journal_size_limit = {JOURNAL_SIZE_LIMIT};
        pragma cache_size = -8192;",
    ))?;
    let synchronous: i64 = writer.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if synchronous != FULL {
        return Err(Error::Unusable("this SQLite does not sync its files before it answers; use another build".into()));
    }
    if let Some(pages) = options.max_page_count {
        writer.execute_batch(&format!("pragma max_page_count = {pages}"))?;
    }
    connection.close().await?;
    Ok(writer)
}

/// Busy handler: waits a moment for the process that writes, and returns whether to try again. SQLite's own waits grow
/// to 100 ms, with which a process hardly ever finds a gap between the transactions of one that writes continuously.
/// Short waits of random length do.
fn wait_for_others(tries: i32) -> bool {
    thread_local! {
        static SINCE: Cell<Instant> = Cell::new(Instant::now());
    }
    if tries == 0 {
        SINCE.set(Instant::now());
    }
    let go_on = SINCE.get().elapsed() < BUSY_TIMEOUT;
    if go_on {
        thread::sleep(Duration::from_micros(rand::random_range(100..1_000)));
    }
    go_on
}

/// Opens the connections for reads, all of them now: later there may be no more descriptors, or no file at that path.
pub(super) async fn readers(options: &SqliteOptions) -> Result<SqlitePool> {
    let readers = options.readers.max(1);
    let pool = SqlitePoolOptions::new().min_connections(readers).max_connections(readers);
    let pool = pool.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    Ok(pool.connect_with(reading(options)).await?)
}

/// The connections for searches, opened on demand. Slow searches delay no page.
pub(super) fn searchers(options: &SqliteOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().min_connections(0).max_connections(SEARCHES);
    pool.test_before_acquire(false).connect_lazy_with(reading(options))
}

fn reading(options: &SqliteOptions) -> SqliteConnectOptions {
    base(options).pragma("query_only", "on")
}

/// Writes the application id into the header, unless it is there.
async fn set_application_id(connection: &mut SqliteConnection) -> Result<()> {
    let current: i32 = sqlx::query_scalar("pragma application_id").fetch_one(&mut *connection).await?;
    if current != APPLICATION_ID {
        let sql = format!("pragma application_id = {APPLICATION_ID}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await?;
    }
    Ok(())
}

fn base(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT.to_string())
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
}

async fn check_version(connection: &mut SqliteConnection) -> Result<()> {
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(connection).await?;
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() < OLDEST_SQLITE.as_slice() {
        let [major, minor, patch] = OLDEST_SQLITE;
        return Err(Error::Unusable(format!(
            "this build is linked with SQLite {version}, which can corrupt its files; it needs {major}.{minor}.{patch} or newer"
        )));
    }
    Ok(())
}

async fn migrate(connection: &mut SqliteConnection, options: &SqliteOptions) -> Result<()> {
    if !options.migrate {
        return check_schema_is_current(connection, options).await;
    }
    back_up_before_migration(connection, options).await?;
    MIGRATIONS.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => newer(options, version),
        MigrateError::Execute(error) => Error::from(error),
        error => Error::Unusable(format!("the database {} cannot be migrated: {error}", options.path.display())),
    })
}

/// Backs up a database of an earlier build before it is migrated.
async fn back_up_before_migration(connection: &mut SqliteConnection, options: &SqliteOptions) -> Result<()> {
    // A new file has no table of migrations.
    let applied = connection.list_applied_migrations(&MIGRATIONS.table_name).await.unwrap_or_default();
    let Some(last) = applied.last().filter(|_| applied.len() < MIGRATIONS.iter().count()) else { return Ok(()) };
    let folder = options.path.with_file_name("backups");
    std::fs::create_dir_all(&folder).map_err(|error| Error::of_io(format!("creating {}", folder.display()), error))?;
    let into = folder.join(format!("schema-{}.db", last.version));
    tracing::info!(copy = %into.display(), "the database comes from an earlier build: copying it before the migration");
    backup::copy(&options.path, &into, &CancellationToken::new())
}

async fn check_schema_is_current(connection: &mut SqliteConnection, options: &SqliteOptions) -> Result<()> {
    let applied = connection.list_applied_migrations(&MIGRATIONS.table_name).await.map_err(|error| {
        Error::NotReady(format!("the database {} has no schema of ours: {error}", options.path.display()))
    })?;
    if let Some(unknown) = applied.iter().find(|applied| !MIGRATIONS.version_exists(applied.version)) {
        return Err(newer(options, unknown.version));
    }
    if applied.len() < MIGRATIONS.iter().count() {
        return Err(Error::NotReady(format!(
            "the database {} is older than this build; start `milepost serve` once to migrate it",
            options.path.display()
        )));
    }
    Ok(())
}

fn newer(options: &SqliteOptions, version: i64) -> Error {
    Error::Unusable(format!(
        "the database {} was written by a newer Milepost (schema {version}); use that one, or restore a backup",
        options.path.display()
    ))
}
