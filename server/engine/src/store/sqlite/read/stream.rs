//! Event stream: snapshots, and events to replay.

use std::{collections::BTreeSet, sync::Arc};

use model::{Cursor, JobId, JobView, LogEvent, Seq, Snapshot};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{Reader, counts, cursor, set_positions, view};
use crate::{
    Result,
    store::{
        DurableEvent, Topics,
        sqlite::row::{EVENTS_AFTER, EventRow, json, lines, view_column},
    },
};

/// Lines of a log that a snapshot contains, at least, if the log has them.
const TAIL_LINES: u32 = 200;
/// The most chunks that are read for them.
const TAIL_CHUNKS: u32 = 200;

impl Reader {
    pub(in crate::store::sqlite) async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)> {
        let mut transaction = self.pool.begin().await?;
        let ledger = sqlx::query(
            "select epoch, seq,
                scheduled, queued, running, paused, succeeded, failed, cancelled, interrupted
            from ledger",
        )
        .fetch_one(&mut *transaction)
        .await?;
        let everything = topics.jobs || topics.overview;
        let mut jobs = views(&mut transaction, topics, everything).await?;
        set_positions(&mut transaction, &mut jobs).await?;
        let mut logs = Vec::new();
        for job in &topics.job {
            logs.extend(tail(&mut transaction, *job).await?);
        }
        transaction.commit().await?;
        let counts = everything.then(|| counts(&ledger, 2)).transpose()?;
        let cursor = cursor(&ledger)?;
        let seq = cursor.seq;
        Ok((cursor, Snapshot { seq, jobs, logs, counts, partial: false }))
    }

    pub(in crate::store::sqlite) async fn events_after(
        &self,
        seq: Seq,
        limit: u32,
    ) -> Result<Option<Vec<Arc<DurableEvent>>>> {
        let mut transaction = self.pool.begin().await?;
        let kept: bool = sqlx::query_scalar("select ? between trimmed and seq from ledger")
            .bind(seq.0)
            .fetch_one(&mut *transaction)
            .await?;
        if !kept {
            return Ok(None);
        }
        let rows = sqlx::query(EVENTS_AFTER).bind(seq.0).bind(limit).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        rows.iter().map(|row| event(row).map(Arc::new)).collect::<Result<_>>().map(Some)
    }
}

/// The named jobs, and with `running` those that run, by number.
async fn views(connection: &mut SqliteConnection, topics: &Topics, running: bool) -> Result<Vec<JobView>> {
    let named: BTreeSet<JobId> = topics.job.union(&topics.row).copied().collect();
    let rows = sqlx::query(concat!(
        "select ",
        view_column!(),
        " from job where id in (
            select value from json_each(?)
            union
            select id from job as held indexed by job_by_state where held.state = 'running' and ?
        )
        order by id"
    ))
    .bind(json(&named)?)
    .bind(running)
    .fetch_all(connection)
    .await?;
    rows.iter().map(view).collect()
}

/// The end of a log. The lines of each chunk are counted first, so that no other chunk is read.
async fn tail(connection: &mut SqliteConnection, job: JobId) -> Result<Vec<LogEvent>> {
    let rows = sqlx::query(
        "with counted as materialized (
            select first_line, sum(count) over (order by first_line desc) - count as later from (
                select first_line, last_line - first_line + 1 as count from log
                where job = ?1 order by first_line desc limit ?2
            )
        )
        select log.first_line, log.attempt, log.lines
        from counted cross join log on log.job = ?1 and log.first_line = counted.first_line
        where counted.later < ?3 order by log.first_line",
    )
    .bind(job.0)
    .bind(TAIL_CHUNKS)
    .bind(TAIL_LINES)
    .fetch_all(connection)
    .await?;
    let event = |row: &SqliteRow| {
        let lines = lines(row.try_get(2)?)?;
        Ok(LogEvent { job, attempt: row.try_get(1)?, first_line: row.try_get(0)?, lines })
    };
    rows.iter().map(event).collect()
}

/// Reads a row of [`EVENTS_AFTER`].
fn event(row: &SqliteRow) -> Result<DurableEvent> {
    let row = EventRow {
        seq: row.try_get(0)?,
        job: row.try_get(1)?,
        name: row.try_get(2)?,
        body: row.try_get(3)?,
        first_line: row.try_get(4)?,
        attempt: row.try_get(5)?,
        lines: row.try_get(6)?,
    };
    row.event()
}
