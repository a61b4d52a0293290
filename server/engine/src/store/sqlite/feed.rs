//! Feed: notifies the listener of every committed event once, in order, whichever process wrote it, and of the progress
//! of jobs that run elsewhere. It belongs to the writer, so that there is one sender.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use model::{AttemptNo, JobId, ProgressEvent};
use rusqlite::{Connection, Row, params};

use super::{
    OtherProcesses,
    error::corrupt,
    row::{EVENTS_AFTER, EventRow, progress},
    statement,
};
use crate::{Listener, Result, store::DurableEvent};

/// Events per read.
const PAGE: u32 = 1_000;

/// The sender of events.
pub(super) struct Feed {
    listener: Option<Arc<dyn Listener>>,
    others: Option<OtherProcesses>,
    /// The newest event that has been published. The watcher compares it with the newest there is.
    published: Arc<AtomicI64>,
    /// Whether a transaction has found events of other processes: jobs that they queued have not been claimed yet.
    found: bool,
    /// The last attempt and stored progress that was read of each job that runs elsewhere.
    elsewhere: HashMap<JobId, (AttemptNo, String)>,
}

impl Feed {
    /// Begins with the next event.
    pub(super) fn new(
        connection: &Connection,
        listener: Option<Arc<dyn Listener>>,
        others: Option<OtherProcesses>,
    ) -> Result<Self> {
        let (newest, _) = newest_and_queued(connection)?;
        let published = Arc::new(AtomicI64::new(newest));
        Ok(Self { listener, others, published, found: false, elsewhere: HashMap::new() })
    }

    /// The number of the newest event that has been published.
    pub(super) fn published(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.published)
    }

    /// Publishes events that follow those published so far.
    pub(super) fn publish(&self, events: &[Arc<DurableEvent>]) {
        let Some(last) = events.last() else { return };
        self.published.store(last.seq.0, Ordering::Release);
        if let Some(listener) = &self.listener {
            listener.durable(events);
        }
    }

    /// Publishes what other processes have committed up to event `newest`. Every transaction begins with it, so that
    /// its own events come after theirs.
    pub(super) fn catch_up(&mut self, connection: &Connection, newest: i64) -> Result<()> {
        loop {
            let published = self.published.load(Ordering::Acquire);
            if published >= newest {
                return Ok(());
            }
            let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, event_row(row)?.event()));
            let rows = statement::rows(connection, EVENTS_AFTER, params![published, PAGE], read)?;
            let upto = rows.last().map_or(newest, |(seq, _)| *seq);
            if rows.first().is_none_or(|(seq, _)| *seq > published + 1) {
                tracing::warn!(
                    published,
                    newest,
                    "events of other processes are no longer kept and were not published"
                );
            }
            let readable = |(seq, event): (i64, Result<_>)| {
                event.inspect_err(|error| tracing::error!(seq, %error, "an event cannot be read; it is left out")).ok()
            };
            let events: Vec<_> = rows.into_iter().filter_map(readable).map(Arc::new).collect();
            self.publish(&events);
            self.published.store(upto, Ordering::Release);
            self.found = true;
        }
    }

    /// Whether [`Feed::read_changes`] is needed although the watcher did not ask for it.
    pub(super) fn has_unread_changes(&self) -> bool {
        self.found
    }

    /// Publishes all that other processes have written. Returns how many jobs are queued.
    pub(super) fn read_changes(&mut self, connection: &Connection) -> Result<u64> {
        self.found = false;
        // One snapshot for all of it: no progress is published before the start of its attempt, or after its end.
        let snapshot = connection.unchecked_transaction()?;
        let (newest, queued) = newest_and_queued(&snapshot)?;
        self.catch_up(&snapshot, newest)?;
        self.publish_progress(&snapshot)?;
        snapshot.commit()?;
        self.found = false;
        Ok(queued)
    }

    fn publish_progress(&mut self, connection: &Connection) -> Result<()> {
        let (Some(listener), Some(OtherProcesses { own, progress: true })) = (&self.listener, &self.others) else {
            return Ok(());
        };
        let running: Vec<(JobId, AttemptNo, String)> = statement::rows(
            connection,
            "select id, attempt, progress from job indexed by job_by_state
            where state = 'running' and boot <> ? and progress is not null",
            [&own.0],
            |row| Ok((JobId(row.get(0)?), row.get(1)?, row.get(2)?)),
        )?;
        let mut before = std::mem::take(&mut self.elsewhere);
        let mut moved = Vec::new();
        for (job, attempt, stored) in running {
            let seen = before.remove(&job);
            if seen.is_none_or(|(seen, progress)| seen != attempt || progress != stored) {
                moved.push(Arc::new(ProgressEvent { job, attempt, progress: progress(Some(&stored))? }));
            }
            self.elsewhere.insert(job, (attempt, stored));
        }
        if !moved.is_empty() {
            listener.progress(&moved);
        }
        Ok(())
    }
}

/// The newest event, and how many jobs are queued.
fn newest_and_queued(connection: &Connection) -> Result<(i64, u64)> {
    statement::row(connection, "select seq, queued from ledger", [], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
    })?
    .ok_or_else(|| corrupt("the ledger", "its row is gone"))
}

fn event_row<'r>(row: &'r Row<'_>) -> Result<EventRow<'r>> {
    let text = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(|error| corrupt("an event", error));
    Ok(EventRow {
        seq: row.get(0)?,
        job: row.get(1)?,
        name: text(2)?.unwrap_or_default(),
        body: text(3)?,
        first_line: row.get::<_, Option<i64>>(4)?,
        attempt: row.get(5)?,
        lines: text(6)?,
    })
}
