//! Upkeep between transactions: trims old events, messages and idempotency keys, deletes logs of deleted jobs, and
//! gives free pages back. A step takes a few milliseconds, so that no caller waits for long.

use std::time::{Duration, Instant};

use model::Micros;
use rusqlite::{Connection, TransactionBehavior, params};

use super::statement;
use crate::{
    Result,
    store::rules::limits::{EVENT_LIFETIME, KEY_LIFETIME, MAX_EVENTS_KEPT, MESSAGE_LIFETIME, SPOOL_LIFETIME},
};

/// Events deleted in one step: a few milliseconds.
const EVENTS_PER_STEP: i64 = 1_000;
/// Idempotency keys, and messages, deleted in one step.
const ROWS_PER_STEP: i64 = 1_000;
/// How long a step deletes logs, or gives pages back, without the sync of the disk at its end.
const STEP: Duration = Duration::from_millis(2);
/// Log chunks deleted between two checks of the time. They may be large.
const CHUNKS: i64 = 4;
/// Pages given back to the file system between two checks of the time.
const PAGES: u32 = 50;

/// Free pages that the file keeps.
pub(super) const SPARE_PAGES: i64 = 800;

/// The interval between steps while there is something to do, and while there is not.
const BUSY: Duration = Duration::from_millis(10);
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

    /// Schedules a step after a transaction: at once after garbage, and every 500 events.
    pub(super) fn note(&mut self, events: usize, garbage: bool) {
        self.added += events as i64;
        if garbage || self.added >= EVENTS_PER_STEP / 2 {
            self.next = self.next.min(Instant::now());
        }
    }

    /// Takes one step. After a failure, the next step tries again.
    pub(super) fn run(&mut self, connection: &mut Connection, now: Micros) {
        let more = step(connection, now).unwrap_or_else(|error| {
            tracing::warn!(%error, "upkeep of the database failed");
            false
        });
        self.added = 0;
        self.next = Instant::now() + if more { BUSY } else { IDLE };
    }
}

/// Returns whether there may be more to do.
fn step(connection: &mut Connection, now: Micros) -> Result<bool> {
    let due = statement::row(
        connection,
        "select
            exists (select 1 from (select seq, at from event order by seq limit 1)
                where at < ? or seq <= (select seq from ledger) - ?),
            exists (select 1 from log_garbage),
            (select freelist_count from pragma_freelist_count),
            exists (select 1 from start_key indexed by start_key_by_time where at <= ?),
            exists (select 1 from message indexed by message_by_time where at <= ?),
            exists (select 1 from reporter indexed by reporter_gone where gone_at <= ?)",
        [
            now.0 - EVENT_LIFETIME,
            MAX_EVENTS_KEPT,
            now.0 - KEY_LIFETIME,
            now.0 - MESSAGE_LIFETIME,
            now.0 - SPOOL_LIFETIME,
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
    )?;
    let (events, garbage, free_pages, keys, messages, reporters): (bool, bool, i64, bool, bool, bool) =
        due.unwrap_or_default();
    if events {
        trim(connection, now)?;
    }
    if garbage {
        remove_logs(connection)?;
    }
    if keys {
        statement::execute(
            connection,
            "delete from start_key where key in (
                select key from start_key indexed by start_key_by_time where at <= ? order by at limit ?
            )",
            [now.0 - KEY_LIFETIME, ROWS_PER_STEP],
        )?;
    }
    if messages {
        statement::execute(
            connection,
            "delete from message where id in (
                select id from message indexed by message_by_time where at <= ? order by at limit ?
            )",
            [now.0 - MESSAGE_LIFETIME, ROWS_PER_STEP],
        )?;
    }
    if reporters {
        statement::execute(
            connection,
            "delete from reporter where job in (
                select job from reporter indexed by reporter_gone where gone_at <= ? order by gone_at limit ?
            )",
            [now.0 - SPOOL_LIFETIME, ROWS_PER_STEP],
        )?;
    }
    // Some free pages are kept for the next writes.
    let spare = free_pages > SPARE_PAGES;
    if spare && !events && !garbage {
        release_pages(connection, free_pages - SPARE_PAGES)?;
    }
    Ok(events || garbage || keys || messages || reporters || spare)
}

/// Deletes the next events that are too old or too many. A cursor before them gets a snapshot from now on.
fn trim(connection: &mut Connection, now: Micros) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let newest: Option<Option<i64>> = statement::row(
        &transaction,
        "select max(seq) from (select seq, at from event order by seq limit ?)
        where at < ? or seq <= (select seq from ledger) - ?",
        [EVENTS_PER_STEP, now.0 - EVENT_LIFETIME, MAX_EVENTS_KEPT],
        |row| Ok(row.get(0)?),
    )?;
    if let Some(seq) = newest.flatten() {
        statement::execute(&transaction, "delete from event where seq <= ?", [seq])?;
        statement::execute(&transaction, "update ledger set trimmed = max(trimmed, ?)", [seq])?;
    }
    Ok(transaction.commit()?)
}

/// Deletes logs of deleted jobs, as much of them as there is time for.
fn remove_logs(connection: &mut Connection) -> Result<()> {
    let until = Instant::now() + STEP;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let next = || statement::row(&transaction, "select job from log_garbage limit 1", [], |row| Ok(row.get(0)?));
    while let Some(job) = next()? {
        remove_chunks(&transaction, job)?;
        if Instant::now() >= until {
            break;
        }
    }
    Ok(transaction.commit()?)
}

/// Deletes the oldest chunks of such a log.
fn remove_chunks(transaction: &Connection, job: i64) -> Result<()> {
    let removed = statement::execute(
        transaction,
        "delete from log where job = ?1 and first_line in (
            select first_line from log where job = ?1
            and last_line <= (select until_line from log_garbage where log_garbage.job = ?1)
            order by first_line limit ?2
        )",
        params![job, CHUNKS],
    )?;
    if (removed as i64) < CHUNKS {
        statement::execute(transaction, "delete from log_garbage where job = ?", [job])?;
    }
    Ok(())
}

/// Gives up to `too_many` free pages back to the file system, as many as there is time for.
fn release_pages(connection: &mut Connection, too_many: i64) -> Result<()> {
    let until = Instant::now() + STEP;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for _ in 0..=too_many / i64::from(PAGES) {
        transaction.execute_batch(&format!("pragma incremental_vacuum({PAGES})"))?;
        if Instant::now() >= until {
            break;
        }
    }
    Ok(transaction.commit()?)
}
