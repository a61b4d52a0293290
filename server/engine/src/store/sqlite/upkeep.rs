//! What the writer does between transactions: old events and the logs of deleted jobs go, a little at a time, so that
//! no caller waits behind it for long.

use std::time::{Duration, Instant};

use model::Micros;
use sqlx::{Row, SqliteConnection};

use crate::Result;

/// How long durable events are kept, microseconds.
const EVENT_LIFETIME: i64 = 24 * 3_600_000_000;
/// How many durable events are kept at most.
const EVENTS_KEPT: i64 = 1_000_000;
/// Events removed at once: a few milliseconds.
const EVENTS_PER_STEP: i64 = 1_000;
/// Log chunks removed at once.
const CHUNKS_PER_STEP: i64 = 200;
/// Pages given back to the file system at once.
const PAGES_PER_STEP: u32 = 200;

/// Between two steps while there is something to do, and while there is not.
const BUSY: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_secs(30);

/// When the next step is due.
pub(super) struct Upkeep {
    next: Instant,
    /// Events added since the last step.
    added: i64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { next: Instant::now() + BUSY, added: 0 }
    }
}

impl Upkeep {
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Keeps pace with what a transaction added: every so many events there is a step, and at once after litter.
    pub(super) fn note(&mut self, events: usize, litter: bool) {
        self.added += events as i64;
        if litter || self.added >= EVENTS_PER_STEP / 2 {
            self.next = self.next.min(Instant::now());
        }
    }

    /// Takes one step. A failure is no harm: the next one tries again.
    pub(super) async fn run(&mut self, connection: &mut SqliteConnection, now: Micros) {
        let more = step(connection, now).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "upkeep of the database failed");
            false
        });
        self.added = 0;
        self.next = Instant::now() + if more { BUSY } else { IDLE };
    }
}

/// Answers whether there may be more to do.
async fn step(connection: &mut SqliteConnection, now: Micros) -> Result<bool> {
    let due = sqlx::query(
        "select
            -- The newest of the next few events that is too old, or too many.
            (select max(seq) from (select seq, at from event order by seq limit ?)
                where at < ? or seq <= (select seq from ledger) - ?),
            (select job from log_garbage limit 1),
            (select freelist_count from pragma_freelist_count)",
    )
    .bind(EVENTS_PER_STEP)
    .bind(now.0 - EVENT_LIFETIME)
    .bind(EVENTS_KEPT)
    .fetch_one(&mut *connection)
    .await?;
    let events: Option<i64> = due.try_get(0)?;
    let garbage: Option<i64> = due.try_get(1)?;
    let free_pages: i64 = due.try_get(2)?;
    if let Some(seq) = events {
        trim(connection, seq).await?;
    }
    if let Some(job) = garbage {
        remove_log(connection, job).await?;
    }
    // Some free pages are welcome to what comes next; only a lot of them is given back.
    let spare = free_pages > 4 * i64::from(PAGES_PER_STEP);
    if spare && events.is_none() && garbage.is_none() {
        let vacuum = format!("pragma incremental_vacuum({PAGES_PER_STEP})");
        sqlx::query(sqlx::AssertSqlSafe(vacuum)).execute(&mut *connection).await?;
    }
    Ok(events.is_some() || garbage.is_some() || spare)
}

/// Removes events up to `seq`; a cursor before it gets a snapshot from now on.
async fn trim(connection: &mut SqliteConnection, seq: i64) -> Result<()> {
    let trimmed = sqlx::query(
        "begin immediate;
        delete from event where seq <= ?;
        update ledger set trimmed = max(trimmed, ?);
        commit",
    )
    .bind(seq)
    .bind(seq)
    .execute(&mut *connection)
    .await;
    finish(connection, trimmed).await
}

/// Removes the oldest chunks of a deleted job's log.
async fn remove_log(connection: &mut SqliteConnection, job: i64) -> Result<()> {
    let removed = sqlx::query(
        "begin immediate;
        delete from log where job = ? and first_line in (
            select first_line from log where job = ? order by first_line limit ?
        );
        delete from log_garbage where job = ? and not exists (select 1 from log where log.job = log_garbage.job);
        commit",
    )
    .bind(job)
    .bind(job)
    .bind(CHUNKS_PER_STEP)
    .bind(job)
    .execute(&mut *connection)
    .await;
    finish(connection, removed).await
}

async fn finish<T>(connection: &mut SqliteConnection, done: sqlx::Result<T>) -> Result<()> {
    if done.is_err() {
        // May have been rolled back already.
        let _ = sqlx::query("rollback").execute(connection).await;
    }
    done?;
    Ok(())
}
