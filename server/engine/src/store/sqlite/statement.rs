//! How the writer runs a statement: prepared once per connection, its text told to the log of statements.

use model::JobView;
use rusqlite::{CachedStatement, Connection, Params, Row};

use super::{error::corrupt, row};
use crate::Result;

/// Statements kept prepared: all that the writer has.
pub(super) const KEPT_PREPARED: usize = 128;

/// Runs a statement that answers nothing; says how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<usize> {
    Ok(prepared(connection, sql)?.execute(values)?)
}

/// Runs a statement and reads its rows.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = prepared(connection, sql)?;
    let mut rows = statement.query(values)?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        answers.push(read(row)?);
    }
    Ok(answers)
}

/// Runs a statement and reads its first row, if there is one.
pub(super) fn row<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = prepared(connection, sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(read).transpose()
}

fn prepared<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>> {
    tracing::trace!(target: "engine::statement", sql);
    Ok(connection.prepare_cached(sql)?)
}

/// Reads `view_column` where it is the first column.
pub(super) fn view(row: &Row<'_>) -> Result<JobView> {
    row::view(row.get_ref(0)?.as_str().map_err(|error| corrupt("a job", error))?)
}
