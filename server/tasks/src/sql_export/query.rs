//! The query, on its own connection and thread, since a statement of SQLite cannot move between threads. A channel of
//! two batches gives backpressure: the writer of the file sets the pace.

use std::{path::Path, sync::Arc, time::Duration};

use engine::{Ctx, TaskError};
use rusqlite::{
    Connection, Error, ErrorCode, OpenFlags, Statement,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};
use tokio::sync::mpsc;

use super::{
    Heading,
    functions::{self, Stop},
};
use crate::import_csv::{sniff::column_names, types::ColumnType};

/// Rows in one batch.
const BATCH: usize = 1_000;
/// Bytes of values after which a batch is complete.
const BATCH_BYTES: usize = 4 << 20;
/// Most bytes of the values of one row.
const ROW_BYTES: usize = 256 << 20;
/// Largest value, bytes. A function cannot be interrupted, so this bounds its duration.
const VALUE_BYTES: usize = 32 << 20;
/// Most arguments of a function, each of which may be read whole.
const ARGUMENTS: i32 = 127;
/// Stack of the query's thread, bytes: enough for the deepest statement that SQLite accepts.
const STACK: usize = 16 << 20;
/// Steps of the query between two checks for a cancel: a few milliseconds.
const STEPS_PER_CHECK: i32 = 10_000;
/// Most tables in the error about a missing one.
const MAX_NAMED_TABLES: usize = 20;

/// One value of a row.
pub(super) use rusqlite::types::Value;

pub(super) type Row = Vec<Value>;

/// Events of the query: the columns once, then at least one batch of rows, which may be empty.
pub(super) enum QueryEvent {
    Headings(Vec<Heading>),
    Rows(Vec<Row>),
}

type EventSender = mpsc::Sender<Result<QueryEvent, TaskError>>;

/// Starts the query. It stops when the job ends or the receiver is dropped.
pub(super) fn start_query(ctx: &Ctx, sql: String) -> Result<mpsc::Receiver<Result<QueryEvent, TaskError>>, TaskError> {
    let (sender, events) = mpsc::channel(2);
    let (own, imports) = (ctx.clone(), ctx.imports());
    let run = move || {
        if let Err(error) = run(&own, &imports, &sql, &sender) {
            // The receiver is gone if the job has ended.
            let _ = sender.blocking_send(Err(error));
        }
    };
    let started = ctx.spawn_thread(format!("query-{}", ctx.job()), STACK, run);
    started.map(|()| events).map_err(|error| TaskError::io("starting a thread for the query", &error))
}

fn run(ctx: &Ctx, imports: &Path, sql: &str, sender: &EventSender) -> Result<(), TaskError> {
    let connection = open(ctx, imports, sender)?;
    let mut statement = connection.prepare(sql).map_err(|error| {
        // A cancel may interrupt a long parse, which also fails.
        ctx.check().err().unwrap_or_else(|| refused(&connection, sql, error))
    })?;
    check(&statement)?;
    let headings = headings(&statement)?;
    let width = headings.len();
    let most = (ROW_BYTES / width).min(VALUE_BYTES) as i32;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, most).map_err(|error| failed(error, most))?;
    if sender.blocking_send(Ok(QueryEvent::Headings(headings))).is_err() {
        return Ok(());
    }
    let mut rows = statement.query([]).map_err(|error| failed(error, most))?;
    let (mut batch, mut bytes, mut sent) = (Vec::new(), 0, false);
    while let Some(row) = rows.next().map_err(|error| failed(error, most))? {
        let values = (0..width).map(|column| {
            let value = row.get_ref(column).map_err(|error| failed(error, most))?;
            bytes += size_of::<Value>();
            if let ValueRef::Text(content) | ValueRef::Blob(content) = value {
                bytes += content.len();
            }
            Value::try_from(value).map_err(|_| {
                let message = "a text in the result is not UTF-8; select hex(…) of it instead";
                TaskError::fatal("not_utf8", message)
            })
        });
        batch.push(values.collect::<Result<Row, TaskError>>()?);
        if batch.len() >= BATCH || bytes >= BATCH_BYTES {
            if sender.blocking_send(Ok(QueryEvent::Rows(std::mem::take(&mut batch)))).is_err() {
                return Ok(());
            }
            (bytes, sent) = (0, true);
        }
    }
    if !batch.is_empty() || !sent {
        let _ = sender.blocking_send(Ok(QueryEvent::Rows(batch)));
    }
    Ok(())
}

/// Opens the database read-only, with an authorizer that permits nothing but reads of tables.
fn open(ctx: &Ctx, imports: &Path, sender: &EventSender) -> Result<Connection, TaskError> {
    const WHAT: &str = "opening the database of imported tables";
    if !imports.exists() {
        return Err(TaskError::fatal("no_tables", "nothing has been imported yet; import a CSV file first"));
    }
    let opening = |error: Error| TaskError::retry("database", format!("{WHAT}: {error}")).caused_by(&error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(imports, flags).map_err(opening)?;
    let prepare = || -> rusqlite::Result<()> {
        connection.busy_timeout(Duration::from_mins(1))?;
        // Sorting uses temporary files instead of memory.
        connection.execute_batch("pragma query_only = on; pragma temp_store = file; pragma cache_size = -16000")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES as i32)?;
        connection.set_limit(Limit::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS)?;
        let (own, listener) = (ctx.clone(), sender.clone());
        let stop: Stop = Arc::new(move || own.is_cancelled() || listener.is_closed());
        functions::replace_quadratic(&connection, VALUE_BYTES, &stop)?;
        connection.progress_handler(STEPS_PER_CHECK, Some(move || stop()))?;
        let own = ctx.clone();
        connection.authorizer(Some(
            move |context: AuthContext<'_>| {
                if own.is_cancelled() { Authorization::Deny } else { authorise(context) }
            },
        ))
    };
    prepare().map_err(opening)?;
    Ok(connection)
}

/// Authorizes reads of tables and functions. Tables whose names begin with an underscore are internal; they name
/// uploads.
fn authorise(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, .. } if !table_name.starts_with('_') && !table_name.starts_with("pragma_") => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if !is_forbidden(&function_name.to_ascii_lowercase()) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn is_forbidden(function: &str) -> bool {
    ["load_extension", "fts3_tokenizer"].contains(&function) || functions::QUADRATIC.contains(&function)
}

fn check(statement: &Statement<'_>) -> Result<(), TaskError> {
    let message = if !statement.readonly() {
        "the query writes to the database; an export only reads"
    } else if statement.column_count() == 0 {
        "no query: the statement returns no columns; write one select"
    } else if statement.parameter_count() > 0 {
        "the query has a parameter (?, :name, @name or $name) without a value; write the value instead"
    } else {
        return Ok(());
    };
    Err(TaskError::fatal("not_a_query", message))
}

fn headings(statement: &Statement<'_>) -> Result<Vec<Heading>, TaskError> {
    let columns = statement.columns();
    let names: Vec<&str> = columns.iter().map(rusqlite::Column::name).collect();
    let names = column_names(Some(&names), names.len())?.into_iter();
    let typed = columns.iter().map(|column| {
        let word = column.decl_type()?;
        // Only the type names of imports count; others mean little in SQLite.
        Some(ColumnType::from_declared(word)).filter(|known| known.as_str().eq_ignore_ascii_case(word))
    });
    Ok(names.zip(typed).map(|(name, declared)| Heading { name, declared }).collect())
}

/// The error for a query that cannot be run.
fn refused(connection: &Connection, sql: &str, error: Error) -> TaskError {
    let fatal = |message: String| TaskError::fatal("bad_query", message);
    match error {
        Error::MultipleStatement => fatal("there is more than one statement; an export takes one select".to_owned()),
        Error::SqlInputError { msg, offset, .. } => {
            let place =
                usize::try_from(offset).ok().and_then(|offset| sql.get(..offset)).map_or_else(String::new, |before| {
                    let line = before.matches('\n').count() + 1;
                    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                    format!("line {line}, column {column}: ")
                });
            fatal(format!("{place}{msg}{}", known(connection, &msg)))
        }
        Error::SqliteFailure(failure, Some(msg)) if failure.code == ErrorCode::AuthorizationForStatementDenied => {
            fatal(format!("{msg}; an export can only read the imported tables"))
        }
        Error::SqliteFailure(failure, Some(msg)) if failure.code == ErrorCode::Unknown => {
            fatal(format!("{msg}{}", known(connection, &msg)))
        }
        Error::NulError(_) => fatal("the query contains a NUL character".to_owned()),
        error => failed(error, 0),
    }
}

/// The list of tables for an error message: "; there are orders (id, name), people (id)".
fn known(connection: &Connection, msg: &str) -> String {
    if !msg.starts_with("no such table") && !msg.starts_with("no such column") {
        return String::new();
    }
    let list = || -> rusqlite::Result<Vec<String>> {
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        let select = "
            select t.name || ' (' || (select group_concat(c.name, ', ') from pragma_table_info(t.name) c) || ')'
            from sqlite_schema t
            where t.type in ('table', 'view') and substr(t.name, 1, 1) <> '_' and substr(t.name, 1, 7) <> 'sqlite_'
            order by t.name limit ?";
        let mut statement = connection.prepare(select)?;
        let names = statement.query_map([MAX_NAMED_TABLES as i64], |row| row.get(0))?;
        names.collect()
    };
    match list() {
        Ok(names) if names.is_empty() => "; nothing has been imported yet".to_owned(),
        Ok(names) => format!("; there are {}", names.join(", ")),
        Err(_) => String::new(),
    }
}

/// The error for a query that fails while rows are read. Only a cancel interrupts it.
fn failed(error: Error, most: i32) -> TaskError {
    const WHAT: &str = "reading the result";
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => TaskError::Cancelled,
        Some(ErrorCode::DiskFull) => TaskError::disk_full(WHAT, &error),
        Some(ErrorCode::TooBig) => {
            let message = format!(
                "a value is larger than {}, the limit for this number of columns; select less of it",
                model::bytes(most.unsigned_abs().into())
            );
            TaskError::fatal("value_too_large", message)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let message = "another program has held the database for a minute; try again later";
            TaskError::retry("busy", message).caused_by(&error)
        }
        _ => TaskError::fatal("bad_query", format!("{WHAT}: {error}")).caused_by(&error),
    }
}
