//! A write transaction: what all commands share. The ledger is read when it begins and written when it ends, together
//! with the events.

use std::sync::Arc;

use model::{Counts, JobId, JobState, JobView, LogEvent, Micros, Seq, StateEvent, StreamEvent};
use rusqlite::{Connection, Params, Row, TransactionBehavior, params};

use super::{
    accounts::Starts,
    error::corrupt,
    feed::Feed,
    row::{StateRow, json, view_columns},
    statement,
};
use crate::{
    Error, Result,
    store::{
        DurableEvent,
        rules::counters::{Counters, Ended},
    },
};

const HOUR: i64 = 3_600_000_000;

/// The one row that numbers events and jobs and adds up bytes. The counts of jobs are in it, too.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Ledger {
    seq: i64,
    pub(super) last_job: i64,
    pub(super) artifact_bytes: i64,
    pub(super) upload_bytes: i64,
}

/// A write transaction. It is rolled back if it is dropped without a commit.
pub(super) struct Transaction<'c> {
    connection: rusqlite::Transaction<'c>,
    /// The time of all its changes.
    pub(super) now: Micros,
    pub(super) ledger: Ledger,
    pub(super) counters: Counters,
    /// The ledger and its counts when the transaction began.
    before: (Ledger, Counts),
    events: Vec<Arc<DurableEvent>>,
    /// The jobs that it accepted, for the audit log.
    pub(super) starts: Vec<Starts>,
    /// Whether it leaves garbage for upkeep to remove.
    leaves_garbage: bool,
}

impl<'c> Transaction<'c> {
    /// Begins, reads the ledger, and lets `feed` publish what other processes have committed since.
    pub(super) fn begin(connection: &'c mut Connection, now: Micros, feed: &mut Feed) -> Result<Self> {
        let connection = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ledger = statement::row(
            &connection,
            "select seq, last_job, artifact_bytes, upload_bytes,
                scheduled, queued, running, paused, succeeded, failed, cancelled, interrupted
            from ledger",
            [],
            ledger,
        )?;
        let (ledger, counts) = ledger.ok_or_else(|| corrupt("the ledger", "its row is gone"))?;
        feed.catch_up(&connection, ledger.seq)?;
        Ok(Self {
            connection,
            now,
            ledger,
            counters: Counters::new(counts),
            before: (ledger, counts),
            events: Vec::new(),
            starts: Vec::new(),
            leaves_garbage: false,
        })
    }

    /// Runs a statement without rows. Returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        statement::execute(&self.connection, sql, values)
    }

    /// Runs a statement and reads its rows.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        statement::rows(&self.connection, sql, values, read)
    }

    /// Runs a statement and reads its first row.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        statement::row(&self.connection, sql, values, read)
    }

    pub(super) fn find(&self, job: JobId) -> Result<JobView> {
        self.row(concat!("select ", view_columns!(), " from job where id = ?"), [job.0], statement::view)?
            .ok_or(Error::NoSuchJob(job))
    }

    /// Runs an update of `job` and returns its new view; `None` if it was not as the update expects it.
    ///
    /// Two statements, because `returning` builds a temporary table, at several times the cost.
    pub(super) fn update(&self, job: JobId, sql: &str, values: impl Params) -> Result<Option<JobView>> {
        if self.execute(sql, values)? == 0 { Ok(None) } else { self.find(job).map(Some) }
    }

    /// The place in the queue of a job that enters it now: behind all that entered it by an earlier event.
    pub(super) const fn end_of_queue(&self) -> i64 {
        self.ledger.seq + 1
    }

    /// The number of the next event.
    pub(super) const fn next_seq(&self) -> Seq {
        Seq(self.ledger.seq + 1)
    }

    /// Records that a job came `from` a state (`None` for a new job) to that of `view`.
    pub(super) fn record_transition(&mut self, from: Option<JobState>, mut view: JobView, code: impl Into<String>) {
        view.position = self.counters.transition(from, view.state).or(view.position);
        self.record_update(view, code);
    }

    /// Records that the job of `view` was deleted.
    pub(super) fn record_removal(&mut self, view: JobView, code: impl Into<String>) {
        self.counters.removal(view.state);
        self.record_update(view, code);
    }

    /// Records that there is garbage for upkeep to remove.
    pub(super) const fn leave_garbage(&mut self) {
        self.leaves_garbage = true;
    }

    /// Records a change of a job that keeps its state.
    pub(super) fn record_update(&mut self, view: JobView, code: impl Into<String>) {
        let counts = Some(self.counters.counts);
        let job = view.job;
        self.record_event(
            Some(job),
            StreamEvent::State(Box::new(StateEvent { view, code: Some(code.into()), counts })),
        );
    }

    /// Records new lines of a log.
    pub(super) fn record_log(&mut self, log: LogEvent) {
        self.record_event(Some(log.job), StreamEvent::Log(log));
    }

    /// Records an event, of a job or of none.
    pub(super) fn record_event(&mut self, job: Option<JobId>, event: StreamEvent) {
        self.ledger.seq += 1;
        self.events.push(Arc::new(DurableEvent { seq: Seq(self.ledger.seq), job, event }));
    }

    /// Writes events and counters, and commits. Returns the events, and whether there is garbage for upkeep to remove.
    /// Without a write it costs no sync of the disk.
    pub(super) fn commit(self) -> Result<(Vec<Arc<DurableEvent>>, bool)> {
        // If these are equal, there is no event either: each has a number.
        if (self.ledger, self.counters.counts) != self.before {
            self.write_events()?;
            self.write_starts()?;
            self.write_kinds()?;
            self.write_hour()?;
            self.write_ledger()?;
        }
        self.connection.commit()?;
        Ok((self.events, self.leaves_garbage))
    }

    fn write_events(&self) -> Result<()> {
        for event in &self.events {
            let (first_line, body) = match &event.event {
                // Its lines are in `log` already.
                StreamEvent::Log(log) => (Some(log.first_line as i64), None),
                StreamEvent::State(state) => (None, Some(json(&StateRow::from(&**state))?)),
                other => (None, Some(other.to_json().map_err(|error| corrupt("an event", error))?)),
            };
            self.execute(
                "insert into event (seq, at, job, type, first_line, body) values (?, ?, ?, ?, ?, ?)",
                params![event.seq.0, self.now.0, event.job.map(|job| job.0), event.event.name(), first_line, body],
            )?;
        }
        Ok(())
    }

    fn write_kinds(&self) -> Result<()> {
        for (kind, change) in &self.counters.kinds {
            self.execute(
                "insert into kind (name, jobs) values (?, ?)
                on conflict (name) do update set jobs = jobs + excluded.jobs",
                params![kind, change],
            )?;
        }
        Ok(())
    }

    fn write_hour(&self) -> Result<()> {
        let Ended { succeeded, failed, cancelled } = self.counters.ended;
        if self.counters.ended != Ended::default() {
            self.execute(
                "insert into hour (hour, succeeded, failed, cancelled) values (?, ?, ?, ?)
                on conflict (hour) do update set
                    succeeded = succeeded + excluded.succeeded,
                    failed = failed + excluded.failed,
                    cancelled = cancelled + excluded.cancelled",
                params![self.now.0.div_euclid(HOUR), succeeded as i64, failed as i64, cancelled as i64],
            )?;
        }
        Ok(())
    }

    fn write_ledger(&self) -> Result<()> {
        let Ledger { seq, last_job, artifact_bytes, upload_bytes } = self.ledger;
        let [scheduled, queued, running, paused, succeeded, failed, cancelled, interrupted] =
            JobState::ALL.map(|state| self.counters.counts.of(state) as i64);
        self.execute(
            "update ledger set seq = ?, last_job = ?, artifact_bytes = ?, upload_bytes = ?,
                scheduled = ?, queued = ?, running = ?, paused = ?,
                succeeded = ?, failed = ?, cancelled = ?, interrupted = ?",
            params![
                seq,
                last_job,
                artifact_bytes,
                upload_bytes,
                scheduled,
                queued,
                running,
                paused,
                succeeded,
                failed,
                cancelled,
                interrupted
            ],
        )?;
        Ok(())
    }
}

fn ledger(row: &Row<'_>) -> Result<(Ledger, Counts)> {
    let count = |column| row.get::<_, i64>(column).map(|count| count as u64);
    let ledger =
        Ledger { seq: row.get(0)?, last_job: row.get(1)?, artifact_bytes: row.get(2)?, upload_bytes: row.get(3)? };
    let counts = Counts {
        scheduled: count(4)?,
        queued: count(5)?,
        running: count(6)?,
        paused: count(7)?,
        succeeded: count(8)?,
        failed: count(9)?,
        cancelled: count(10)?,
        interrupted: count(11)?,
    };
    Ok((ledger, counts))
}
