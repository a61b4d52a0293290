//! Queries: a pool of connections that cannot write, and no transaction that outlives its call.

mod accounts;
mod audit;
mod job;
mod log;
mod messages;
mod overview;
mod page;
mod prune;
mod schedules;
mod search;
mod stream;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use model::{AttemptNo, ControlTarget, Counts, Cursor, JobId, JobState, JobView, Micros, QueueControl, Seq};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{SqliteOptions, controls::GATES, error::corrupt, open, row, uploads::SENT_BY};
use crate::{
    Clock, Error, Result,
    store::{Node, Role, UploadRow, WorkerId, rules::counters::count_mut},
};

/// How many jobs of the queue are read to find places in it; further back a job's place is not known.
const PLACES_IN_QUEUE: u32 = 1_000;

/// The connections for reads.
pub(super) struct Reader {
    pool: SqlitePool,
    searches: SqlitePool,
    clock: Arc<dyn Clock>,
    database: PathBuf,
    imports: Option<PathBuf>,
}

impl Reader {
    pub(super) async fn open(options: &SqliteOptions) -> Result<Self> {
        Ok(Self {
            pool: open::readers(options).await?,
            searches: open::searchers(options),
            clock: Arc::clone(&options.clock),
            database: options.path.clone(),
            imports: options.imports.clone(),
        })
    }

    pub(super) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn position(&self) -> Result<Cursor> {
        let row = sqlx::query("select epoch, seq from ledger").fetch_one(&self.pool).await?;
        cursor(&row)
    }

    pub(super) async fn counts(&self) -> Result<Counts> {
        let row = sqlx::query(
            "select scheduled, queued, running, paused, succeeded, failed, cancelled, interrupted from ledger",
        )
        .fetch_one(&self.pool)
        .await?;
        counts(&row, 0)
    }

    pub(super) async fn active_counts(&self) -> Result<BTreeMap<String, Counts>> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "select kind, state, count(*) from job indexed by job_by_state
            where state in ('scheduled', 'queued', 'running', 'paused') group by state, kind",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut kinds = BTreeMap::<String, Counts>::new();
        for (kind, state, count) in rows {
            *count_mut(kinds.entry(kind).or_default(), row::state(&state)?) = count as u64;
        }
        Ok(kinds)
    }

    pub(super) async fn controls(&self) -> Result<Vec<QueueControl>> {
        let rows = sqlx::query(GATES).fetch_all(&self.pool).await?;
        let control = |row: &SqliteRow| {
            Ok(QueueControl {
                of: ControlTarget::from_word(row.try_get(0)?)
                    .ok_or_else(|| corrupt("a control", "it has no target"))?,
                name: row.try_get(1)?,
                paused_at: row.try_get::<Option<i64>, _>(2)?.map(Micros),
                paused_by: row.try_get(3)?,
                at_once: row.try_get(4)?,
            })
        };
        rows.iter().map(control).collect()
    }

    pub(super) async fn workers_with_jobs(&self) -> Result<Vec<WorkerId>> {
        let workers: Vec<String> = sqlx::query_scalar(
            "select distinct boot from job indexed by job_by_state
            where state = 'running' and reported_from is null",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(workers.into_iter().map(WorkerId).collect())
    }

    pub(super) async fn held_attempts(&self, worker: &WorkerId) -> Result<BTreeSet<(JobId, AttemptNo)>> {
        let held: Vec<(i64, AttemptNo)> =
            sqlx::query_as("select id, attempt from job indexed by job_by_state where state = 'running' and boot = ?")
                .bind(&worker.0)
                .fetch_all(&self.pool)
                .await?;
        Ok(held.into_iter().map(|(job, attempt)| (JobId(job), attempt)).collect())
    }

    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        let rows = sqlx::query("select boot, kernel, pid, role, concurrency, lease, heartbeat from node")
            .fetch_all(&self.pool)
            .await?;
        let node = |row: &SqliteRow| {
            Ok(Node {
                worker: WorkerId(row.try_get(0)?),
                host_boot_id: row.try_get(1)?,
                pid: row.try_get(2)?,
                role: Role::from_word(row.try_get(3)?).ok_or_else(|| corrupt("a process", "it has no role"))?,
                concurrency: row.try_get(4)?,
                lease: Duration::from_micros(row.try_get(5)?),
                heartbeat: row.try_get(6)?,
            })
        };
        rows.iter().map(node).collect()
    }

    pub(super) async fn upload(&self, id: &str) -> Result<UploadRow> {
        let row = sqlx::query("select id, name, size, at, by from upload where id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or_else(|| Error::NoSuchUpload(id.to_owned()))?;
        Ok(UploadRow {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            size: row.try_get(2)?,
            at: Micros(row.try_get(3)?),
            by: row.try_get(4)?,
        })
    }

    pub(super) async fn bytes_sent_by(&self, by: &str) -> Result<u64> {
        Ok(sqlx::query_scalar(SENT_BY).bind(by).fetch_one(&self.pool).await?)
    }
}

/// Reads `epoch, seq`.
fn cursor(row: &SqliteRow) -> Result<Cursor> {
    Ok(Cursor { epoch: row.try_get(0)?, seq: Seq(row.try_get(1)?) })
}

/// Reads the eight counts, in the order of their states, from column `first` on.
fn counts(row: &SqliteRow, first: usize) -> Result<Counts> {
    Ok(Counts {
        scheduled: row.try_get(first)?,
        queued: row.try_get(first + 1)?,
        running: row.try_get(first + 2)?,
        paused: row.try_get(first + 3)?,
        succeeded: row.try_get(first + 4)?,
        failed: row.try_get(first + 5)?,
        cancelled: row.try_get(first + 6)?,
        interrupted: row.try_get(first + 7)?,
    })
}

/// Sets the place in the queue of the queued ones among `views`.
async fn set_positions(connection: &mut SqliteConnection, views: &mut [JobView]) -> Result<()> {
    if !views.iter().any(|view| view.state == JobState::Queued) {
        return Ok(());
    }
    let line: String = sqlx::query_scalar(
        "select json_group_array(id) from (
            select job.id from kind cross join job
            where job.id in (
                select waiting.id from job as waiting indexed by job_in_line
                where waiting.state = 'queued' and waiting.kind = kind.name 
                order by waiting.priority desc, waiting.in_line, waiting.id limit ?
            )
            order by job.priority desc, job.in_line, job.id limit ?
        )",
    )
    .bind(PLACES_IN_QUEUE)
    .bind(PLACES_IN_QUEUE)
    .fetch_one(connection)
    .await?;
    let line: Vec<JobId> = serde_json::from_str(&line).map_err(|error| corrupt("the queue", error))?;
    let places: HashMap<JobId, u32> = line.into_iter().zip(1..).collect();
    for view in views.iter_mut().filter(|view| view.state == JobState::Queued) {
        view.position = places.get(&view.job).copied();
    }
    Ok(())
}

/// Reads `view_column` where it is the first column.
fn view(row: &SqliteRow) -> Result<JobView> {
    row::view(row.try_get(0)?)
}
