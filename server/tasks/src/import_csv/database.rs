//! The database of imported tables, with all SQL of import-csv.
//!
//! An import fills a staging table, named after its job and attempt, and renames it in one transaction at the end. A
//! later attempt first renames the staging table of the earlier one, which then fails if it still runs. Names with a
//! leading underscore are internal: `_staging_…`, `_index_…`, and `_imports`, the list of published imports.

use std::{path::Path, sync::Arc, time::Duration};

use engine::{Ctx, TaskError, WriteBudget};
use model::{AttemptNo, JobId};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection,
    error::DatabaseError,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Column, IfExists, load::LoadCheckpoint, types::ColumnType};

/// Longest wait for another program that writes to the database.
const BUSY: Duration = Duration::from_mins(1);
/// Value of `pragma synchronous` at which every commit reaches the disk before it returns.
const FULL: i64 = 2;
/// Steps of a statement between two checks for a cancel.
const STEPS_PER_CHECK: i32 = 10_000;
/// Most values that a statement may bind: the default of SQLite.
const MAX_BIND_VALUES: usize = 32_766;
/// Space for a page while it is written, in pages: the database file, the write-ahead log and the sort of an index.
const WRITE_AMPLIFICATION: u64 = 3;
/// Size to which the write-ahead log shrinks when it restarts, bytes.
const JOURNAL_SIZE_LIMIT: u32 = 64 << 20;
/// Prefix of staging tables, followed by job and attempt.
const STAGING: &str = "_staging_";

/// Rows of one insert, flattened.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) values: SqliteArguments,
    /// Approximate size of the values, bytes.
    pub(super) text: u64,
    pub(super) rows: usize,
}

/// Rows of `width` columns in one insert.
pub(super) fn rows_per_batch(width: usize) -> usize {
    (MAX_BIND_VALUES / width).clamp(1, 500)
}

/// Result of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    Now,
    /// An earlier attempt of the job published the table, but its server stopped before it could report that.
    Before,
}

/// Database connection of one import. Statements stop when the job is cancelled.
pub(super) struct Imports {
    connection: SqliteConnection,
    /// The staging table.
    staging: String,
    /// Whether a checkpoint refers to it.
    resumable: bool,
    budget: WriteBudget,
}

impl Imports {
    /// Opens the database, or creates it.
    pub(super) async fn open(path: &Path, ctx: &Ctx) -> Result<Self, TaskError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Checkpoints and published tables must survive a power failure.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT.to_string())
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
        let synchronous: i64 = sqlx::query_scalar("pragma synchronous")
            .fetch_one(&mut connection)
            .await
            .map_err(failed("preparing the database"))?;
        if synchronous != FULL {
            return Err(TaskError::fatal("not_durable", "this SQLite does not sync its files at each commit"));
        }
        let staging = format!("{STAGING}{}_{}", ctx.job(), ctx.attempt());
        let mut imports = Self { connection, staging, resumable: false, budget: ctx.budget().clone() };
        let own = ctx.clone();
        imports.handle().await?.set_progress_handler(STEPS_PER_CHECK, move || !own.is_cancelled());
        Ok(imports)
    }

    /// Drops the staging tables of jobs that neither run nor can be continued.
    pub(super) async fn sweep(&mut self, ctx: &Ctx) -> Result<(), TaskError> {
        // Folders are checked after the names are listed: a work folder exists before its staging table and outlives
        // it.
        for (name, owner) in self.staging_tables().await? {
            if !owner.is_some_and(|(job, _)| ctx.retention().data_dir().work(job).exists()) {
                self.run(format!("drop table {}", quoted(&name)), "dropping a leftover").await?;
            }
        }
        Ok(())
    }

    /// Takes over the staging table of an earlier attempt, as of a checkpoint. Returns false if there is no complete
    /// one. Drops all other staging tables of the job. Runs in one transaction; after it no earlier attempt finds its
    /// table.
    ///
    /// # Errors
    /// `TaskError::Cancelled` if a later attempt has already taken over.
    pub(super) async fn take_over(&mut self, ctx: &Ctx, saved: Option<&LoadCheckpoint>) -> Result<bool, TaskError> {
        const STEP: &str = "taking over the table of an earlier attempt";
        self.begin().await?;
        for (name, owner) in self.staging_tables().await? {
            match owner {
                Some((job, attempt)) if job == ctx.job() && attempt > ctx.attempt() => {
                    return Err(TaskError::Cancelled);
                }
                Some((job, _)) if job == ctx.job() => {}
                Some(_) | None => continue,
            }
            let complete = match saved {
                Some(saved) if !self.resumable => self.is_complete(&name, saved).await?,
                Some(_) | None => false,
            };
            let Some(saved) = saved.filter(|_| complete) else {
                self.run(format!("drop table {}", quoted(&name)), STEP).await?;
                continue;
            };
            for index in self.indexes_of(&name).await? {
                self.run(format!("drop index {}", quoted(&index)), STEP).await?;
            }
            let staging = quoted(&self.staging);
            self.run(format!("alter table {} rename to {staging}", quoted(&name)), STEP).await?;
            let number = row_number(&saved.plan.columns).expect("a complete table was counted by row number");
            self.run(format!("delete from {staging} where {number} > {}", saved.rows), STEP).await?;
            self.resumable = true;
        }
        self.commit().await?;
        Ok(self.resumable)
    }

    /// Marks the staging table as part of a checkpoint.
    pub(super) fn keep_staging(&mut self) {
        self.resumable = true;
    }

    /// The staging tables, with job and attempt.
    async fn staging_tables(&mut self) -> Result<Vec<(String, Option<(JobId, AttemptNo)>)>, TaskError> {
        let select = "select name from sqlite_schema where type = 'table' and substr(name, 1, ?) = ?";
        let names: Vec<String> = sqlx::query_scalar(select)
            .bind(STAGING.len() as i64)
            .bind(STAGING)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("looking for unfinished tables"))?;
        let owner = |name: &str| {
            let (job, attempt) = name[STAGING.len()..].split_once('_')?;
            Some((JobId(job.parse().ok()?), attempt.parse().ok()?))
        };
        let tables = names.into_iter().map(|name| {
            let owner = owner(&name);
            (name, owner)
        });
        Ok(tables.collect())
    }

    /// Whether a table has the columns and at least the rows of a checkpoint.
    async fn is_complete(&mut self, table: &str, saved: &LoadCheckpoint) -> Result<bool, TaskError> {
        let columns = &saved.plan.columns;
        let Some(number) = row_number(columns) else { return Ok(false) };
        if self.columns_of(table).await?.as_ref() != Some(columns) {
            return Ok(false);
        }
        let select = format!("select max({number}) from {}", quoted(table));
        let last: Option<i64> = sqlx::query_scalar(AssertSqlSafe(select))
            .persistent(false)
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed("looking at an unfinished table"))?;
        Ok(last.unwrap_or_default() as u64 >= saved.rows)
    }

    async fn indexes_of(&mut self, table: &str) -> Result<Vec<String>, TaskError> {
        let indexes = sqlx::query_scalar("select name from pragma_index_list(?)").bind(table);
        indexes.fetch_all(&mut self.connection).await.map_err(failed("looking at an unfinished table"))
    }

    /// The columns of a published table; `None` if it does not exist.
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

    pub(super) async fn is_published(&mut self, job: i64, upload: &str) -> Result<bool, TaskError> {
        is_published(&mut self.connection, job, upload).await
    }

    /// Creates the staging table.
    pub(super) async fn create_staging(&mut self, columns: &[Column]) -> Result<(), TaskError> {
        let columns = columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.kind.as_str()));
        let create = format!("create table {} ({})", quoted(&self.staging), columns.collect::<Vec<_>>().join(", "));
        self.run(create, "creating the table").await
    }

    /// The SQL to insert `rows` rows of `width` columns.
    pub(super) fn insert_of(&self, rows: usize, width: usize) -> Arc<str> {
        let row = format!("({})", vec!["?"; width].join(", "));
        format!("insert into {} values {}", quoted(&self.staging), vec![row.as_str(); rows].join(", ")).into()
    }

    /// Begins a transaction. [`Imports::commit`] ends it; dropping the connection rolls it back.
    pub(super) async fn begin(&mut self) -> Result<(), TaskError> {
        self.limit_growth().await?;
        self.run("begin immediate".to_owned(), "beginning to write").await
    }

    /// Limits the database to the free disk space without the reserve.
    async fn limit_growth(&mut self) -> Result<(), TaskError> {
        let what = "writing rows";
        let room = self.budget.room().map_err(|error| TaskError::io(what, &error))?;
        let (pages, size): (i64, i64) =
            sqlx::query_as("select page_count, page_size from pragma_page_count, pragma_page_size")
                .fetch_one(&mut self.connection)
                .await
                .map_err(failed(what))?;
        let more = room / (size.max(512) as u64 * WRITE_AMPLIFICATION);
        let most = (pages as u64).saturating_add(more).min(u64::from(u32::MAX - 1));
        self.run(format!("pragma max_page_count = {most}"), what).await
    }

    /// Runs SQL from [`Imports::insert_of`].
    pub(super) async fn insert(&mut self, insert: &Arc<str>, batch: Batch) -> Result<(), TaskError> {
        self.budget.take(batch.text).map_err(|error| TaskError::io("writing rows", &error))?;
        let query = sqlx::query_with(AssertSqlSafe(Arc::clone(insert)), batch.values);
        query.execute(&mut self.connection).await.map(drop).map_err(failed("writing rows"))
    }

    /// Commits the transaction of [`Imports::begin`].
    pub(super) async fn commit(&mut self) -> Result<(), TaskError> {
        self.run("commit".to_owned(), "writing rows").await
    }

    /// Indexes columns of the staging table.
    pub(super) async fn index(&mut self, columns: &[String]) -> Result<(), TaskError> {
        self.limit_growth().await?;
        for (number, column) in columns.iter().enumerate() {
            let name = format!("_index{}_{}", self.staging.trim_start_matches("_staging"), number + 1);
            let create = format!("create index {} on {} ({})", quoted(&name), quoted(&self.staging), quoted(column));
            self.run(create, format!("indexing {column}")).await?;
        }
        Ok(())
    }

    /// Publishes the table under its name, in one transaction, once per job and upload. Durable on return. `last` is
    /// awaited right before the commit; its error rolls back. Nothing slow comes between the two: no wait for other
    /// imports and no copy of rows.
    pub(super) async fn publish(
        &mut self,
        (job, upload): (i64, &str),
        target: &str,
        if_exists: IfExists,
        columns: &[Column],
        last: impl Future<Output = Result<(), TaskError>>,
    ) -> Result<Published, TaskError> {
        self.limit_growth().await?;
        let exists = self.columns_of(target).await?.is_some();
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
        last.await?;
        publish.commit().await.map_err(what())?;
        Ok(Published::Now)
    }

    /// Drops the staging table, unless a later attempt can continue with it. No attempt can if the job `is_over`. Must
    /// not be cancelled.
    pub(super) async fn clean_up(mut self, is_over: bool) -> Result<(), TaskError> {
        self.handle().await?.remove_progress_handler();
        // A failed load is still in its transaction. Without a transaction this fails, which is harmless.
        let _ = self.run("rollback".to_owned(), "cleaning up").await;
        if is_over || !self.resumable {
            self.run(format!("drop table if exists {}", quoted(&self.staging)), "cleaning up").await?;
        }
        self.connection.close().await.map_err(failed("closing the database"))
    }

    async fn handle(&mut self) -> Result<sqlx::sqlite::LockedSqliteHandle<'_>, TaskError> {
        self.connection.lock_handle().await.map_err(failed("opening the database of imported tables"))
    }

    /// Runs a statement; its names must be [`quoted`].
    async fn run(&mut self, statement: String, what: impl Into<String>) -> Result<(), TaskError> {
        let query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        query.execute(&mut self.connection).await.map(drop).map_err(failed(what))
    }
}

/// The error for a table that already exists.
pub(super) fn table_exists(table: &str) -> TaskError {
    let message = format!("Table \"{table}\" already exists. Choose another name, Append or Replace.");
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

/// The name by which SQLite numbers the rows of a table with these columns, from 1 in order of insertion. `None` if the
/// columns use all such names.
pub(super) fn row_number(columns: &[Column]) -> Option<&'static str> {
    let taken = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name))
}

/// Quotes a name for SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The error for a failed statement. Only a cancel interrupts statements.
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
