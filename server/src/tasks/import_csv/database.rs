//! The database of imported tables, and all the SQL that import-csv needs.
//!
//! An import fills a table of its own, named after its attempt, and renames it in one transaction at the very end.
//! Names that begin with an underscore are Milepost's: `_staging_…` for tables in the making, `_index_…`, and
//! `_imports`, the list of what was published.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine::{Ctx, TaskError};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection,
    error::DatabaseError,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Column, IfExists, types::ColumnType};

/// How long to wait for another program that writes to the database.
const BUSY: Duration = Duration::from_mins(1);
/// How many steps of a statement pass between two looks at whether to stop.
const STEPS: i32 = 10_000;
/// How many values a statement may bind, by SQLite's default.
const MOST_VALUES: usize = 32_766;

/// Rows for one insert, flattened.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) values: SqliteArguments,
    pub(super) rows: usize,
}

/// How many rows of `width` columns go into one insert.
pub(super) fn rows_per_batch(width: usize) -> usize {
    (MOST_VALUES / width).clamp(1, 500)
}

/// Whether publishing changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    Now,
    /// An earlier attempt of the job published, and its server stopped before it could say so.
    Before,
}

/// One import's connection. Statements stop when the job is cancelled.
pub(super) struct Imports {
    connection: SqliteConnection,
    /// The table in the making.
    staging: String,
}

impl Imports {
    /// Opens the database, creating it if need be.
    pub(super) async fn open(path: &Path, staging: &str, ctx: &Ctx) -> Result<Self, TaskError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .analysis_limit(1_000)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed("opening the database of imported tables"))?;
        let create = "
            create table if not exists _imports (
                job          integer not null,
                upload       text not null,
                target       text not null,
                published_at text not null default current_timestamp,
                primary key (job, upload)
            ) strict";
        sqlx::query(create).execute(&mut connection).await.map_err(failed("preparing the database"))?;
        let mut imports = Self { connection, staging: staging.to_owned() };
        let own = ctx.clone();
        imports.handle().await?.set_progress_handler(STEPS, move || !own.is_cancelled());
        Ok(imports)
    }

    /// Drops what attempts left behind that ended without cleaning up: all tables in the making but the `live` ones.
    pub(super) async fn sweep(&mut self, live: &Mutex<HashSet<String>>) -> Result<(), TaskError> {
        let select = r"select name from sqlite_schema where type = 'table' and name like '\_staging\_%' escape '\'";
        let names: Vec<String> = sqlx::query_scalar(select)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("looking for leftovers"))?;
        // Asked after the names: an import is live before its table exists.
        let live = live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in names.into_iter().filter(|name| !live.contains(name)) {
            self.run(format!("drop table {}", quoted(&name)), "dropping a leftover").await?;
        }
        Ok(())
    }

    /// The columns of a published table; `None` where there is no such table.
    pub(super) async fn columns_of(&mut self, table: &str) -> Result<Option<Vec<Column>>, TaskError> {
        let select = "select name, type from pragma_table_info(?) order by cid";
        let rows: Vec<(String, String)> = sqlx::query_as(select)
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("looking at the table"))?;
        let columns = rows.into_iter().map(|(name, declared)| {
            let kind = ColumnType::from_declared(&declared);
            Column { name, kind }
        });
        Ok(Some(columns.collect::<Vec<_>>()).filter(|columns| !columns.is_empty()))
    }

    /// Whether an earlier attempt of the job published this upload.
    pub(super) async fn is_published(&mut self, job: i64, upload: &str) -> Result<bool, TaskError> {
        is_published(&mut self.connection, job, upload).await
    }

    /// Creates the table in the making.
    pub(super) async fn create_staging(&mut self, columns: &[Column]) -> Result<(), TaskError> {
        let columns = columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.kind.as_str()));
        let create = format!("create table {} ({})", quoted(&self.staging), columns.collect::<Vec<_>>().join(", "));
        self.run(create, "creating the table").await
    }

    /// The insert for `rows` rows of `width` columns.
    pub(super) fn insert_of(&self, rows: usize, width: usize) -> Arc<str> {
        let row = format!("({})", vec!["?"; width].join(", "));
        format!("insert into {} values {}", quoted(&self.staging), vec![row.as_str(); rows].join(", ")).into()
    }

    /// Begins to write. Ends with [`Imports::commit`], or undone by dropping the connection.
    pub(super) async fn begin(&mut self) -> Result<(), TaskError> {
        self.run("begin immediate".to_owned(), "beginning to write").await
    }

    /// Runs an insert from [`Imports::insert_of`].
    pub(super) async fn insert(&mut self, insert: &Arc<str>, batch: Batch) -> Result<(), TaskError> {
        let query = sqlx::query_with(AssertSqlSafe(Arc::clone(insert)), batch.values);
        query.execute(&mut self.connection).await.map(drop).map_err(failed("writing rows"))
    }

    /// Keeps what was written since [`Imports::begin`].
    pub(super) async fn commit(&mut self) -> Result<(), TaskError> {
        self.run("commit".to_owned(), "writing rows").await
    }

    /// Indexes columns of the table in the making.
    pub(super) async fn index(&mut self, columns: &[String]) -> Result<(), TaskError> {
        for (number, column) in columns.iter().enumerate() {
            let name = format!("_index{}_{}", self.staging.trim_start_matches("_staging"), number + 1);
            let create = format!("create index {} on {} ({})", quoted(&name), quoted(&self.staging), quoted(column));
            self.run(create, format!("indexing {column}")).await?;
        }
        Ok(())
    }

    /// Makes the table visible under its name, in one transaction, once per job and upload. Durable on return.
    pub(super) async fn publish(
        &mut self,
        (job, upload): (i64, &str),
        target: &str,
        if_exists: IfExists,
        columns: &[Column],
    ) -> Result<Published, TaskError> {
        let exists = self.columns_of(target).await?.is_some();
        self.run("pragma synchronous = full".to_owned(), "publishing the table").await?;
        let what = || failed(format!("publishing the table {target}"));
        let mut publish = self.connection.begin_with("begin immediate").await.map_err(what())?;
        if is_published(&mut publish, job, upload).await? {
            return Ok(Published::Before);
        }
        let (staging, target_name) = (quoted(&self.staging), quoted(target));
        let rename = format!("alter table {staging} rename to {target_name}");
        let statements = match (exists, if_exists) {
            (false, _) => vec![rename],
            (true, IfExists::Replace) => vec![format!("drop table {target_name}"), rename],
            (true, IfExists::Append) => {
                let names = columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
                let copy = format!("insert into {target_name} ({names}) select {names} from {staging}");
                vec![copy, format!("drop table {staging}")]
            }
            (true, IfExists::Refuse) => return Err(table_exists(target)),
        };
        for statement in statements.into_iter().chain([format!("analyze {target_name}")]) {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *publish).await.map_err(what())?;
        }
        let note = "insert into _imports (job, upload, target) values (?, ?, ?)";
        sqlx::query(note).bind(job).bind(upload).bind(target).execute(&mut *publish).await.map_err(what())?;
        publish.commit().await.map_err(what())?;
        Ok(Published::Now)
    }

    /// Removes the table in the making, if it is still there. Not to be cancelled.
    pub(super) async fn clean_up(mut self) -> Result<(), TaskError> {
        self.handle().await?.remove_progress_handler();
        // A load that failed is still in its transaction; without one this is an error of no account.
        let _ = self.run("rollback".to_owned(), "cleaning up").await;
        self.run(format!("drop table if exists {}", quoted(&self.staging)), "cleaning up").await?;
        self.connection.close().await.map_err(failed("closing the database"))
    }

    async fn handle(&mut self) -> Result<sqlx::sqlite::LockedSqliteHandle<'_>, TaskError> {
        self.connection.lock_handle().await.map_err(failed("opening the database of imported tables"))
    }

    /// Runs a statement whose names are [`quoted`].
    async fn run(&mut self, statement: String, what: impl Into<String>) -> Result<(), TaskError> {
        let query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        query.execute(&mut self.connection).await.map(drop).map_err(failed(what))
    }
}

/// The refusal to touch a table that is there.
pub(super) fn table_exists(table: &str) -> TaskError {
    let message = format!("there is a table {table} already; choose another name, or to append to it or replace it");
    TaskError::fatal("table_exists", message)
}

async fn is_published(connection: &mut SqliteConnection, job: i64, upload: &str) -> Result<bool, TaskError> {
    sqlx::query_scalar("select exists (select 1 from _imports where job = ? and upload = ?)")
        .bind(job)
        .bind(upload)
        .fetch_one(connection)
        .await
        .map_err(failed("looking for an earlier attempt"))
}

/// A name as SQL writes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What a failed statement means for the job. An interrupted one was cancelled: nothing else interrupts.
fn failed(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> TaskError {
    // Result codes of SQLite, https://sqlite.org/rescode.html.
    const BUSY: &str = "5";
    const INTERRUPT: &str = "9";
    const FULL: &str = "13";
    let what = what.into();
    move |error| {
        let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default().into_owned();
        match code.as_str() {
            INTERRUPT => TaskError::Cancelled,
            FULL => TaskError::disk_full(what, &error),
            BUSY => {
                let message = format!("{what}: another program has held the database for a minute; try again later");
                TaskError::retry("busy", message).caused_by(&error)
            }
            _ => TaskError::fatal("database", format!("{what}: {error}")).caused_by(&error),
        }
    }
}
