//! Statements of the writer: prepared once per connection, and traced under the target `engine::statement`.

use model::{JobId, JobView, Micros};
use rusqlite::{CachedStatement, Connection, Params, Row};

use super::{
    error::corrupt,
    row::{failure, progress, state},
};
use crate::Result;

/// How many statements stay prepared: all that the writer has.
pub(super) const PREPARED_STATEMENTS: usize = 224;

/// Runs a statement without rows. Returns how many rows it changed.
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
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Runs a statement and reads its first row.
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

/// Reads `view_columns` where they come first.
pub(super) fn view(row: &Row<'_>) -> Result<JobView> {
    let reported: Option<String> = row.get(17)?;
    Ok(JobView {
        job: JobId(row.get(0)?),
        attempt: row.get(1)?,
        state: state(row.get_ref(2)?.as_str().map_err(|error| corrupt("a job's state", error))?)?,
        kind: row.get(3)?,
        title: row.get(4)?,
        created_by: row.get(5)?,
        created_at: Micros(row.get(6)?),
        run_at: row.get::<_, Option<i64>>(7)?.map(Micros),
        started_at: row.get::<_, Option<i64>>(8)?.map(Micros),
        ended_at: row.get::<_, Option<i64>>(9)?.map(Micros),
        cancel_requested_at: row.get::<_, Option<i64>>(10)?.map(Micros),
        cancel_requested_by: row.get(11)?,
        not_responding: row.get(12)?,
        position: None,
        max_attempts: row.get(13)?,
        rerun_of: row.get::<_, Option<i64>>(14)?.map(JobId),
        failure: failure(row.get(15)?, row.get(16)?),
        progress: progress(reported.as_deref())?,
        pause_requested_at: row.get::<_, Option<i64>>(18)?.map(Micros),
        earlier_work: row.get(19)?,
        cancel_requested_by_name: row.get(20)?,
        reported_from: row.get(21)?,
        no_contact_since: row.get::<_, Option<i64>>(22)?.map(Micros),
    })
}
