//! One write transaction: what every verb does the same way. The ledger is read when it begins and written when it
//! ends, in the same breath as the events and the commit, to spare round trips to the connection's thread.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::TryStreamExt as _;
use model::{Counts, JobId, JobState, JobView, LogEvent, Micros, Seq, StateEvent, StreamEvent};
use sqlx::{AssertSqlSafe, Either, Execute, Executor, Row, Sqlite, SqliteConnection};

use super::{
    error::corrupt,
    row::{StateRow, count_mut, json},
};
use crate::{Result, store::DurableEvent};

const HOUR: i64 = 3_600_000_000;

// The end of a transaction is one call of those of these that it needs.
const ADD_EVENTS: &str = "
insert into event (seq, at, job, type, first_line, body)
select value ->> 0, ?, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from jsonb_each(?);
";
const COUNT_KINDS: &str = "
insert into kind (name, jobs)
select key, value from json_each(?) where true
on conflict (name) do update set jobs = jobs + excluded.jobs;
";
const COUNT_HOUR: &str = "
insert into hour (hour, succeeded, failed, cancelled)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?) where true
on conflict (hour) do update set
    succeeded = succeeded + excluded.succeeded,
    failed = failed + excluded.failed,
    cancelled = cancelled + excluded.cancelled;
";
/// The counts in the order of [`JobState::ALL`].
const WRITE_LEDGER_AND_COMMIT: &str = "
update ledger set seq = ?, last_job = ?, artifact_bytes = ?, upload_bytes = ?,
    scheduled = ?, queued = ?, running = ?, paused = ?,
    succeeded = ?, failed = ?, cancelled = ?, interrupted = ?;
commit";

/// What the writer counts.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Ledger {
    seq: i64,
    pub(super) last_job: i64,
    pub(super) counts: Counts,
    pub(super) artifact_bytes: i64,
    pub(super) upload_bytes: i64,
}

/// A write transaction under way.
pub(super) struct Transaction<'c> {
    pub(super) connection: &'c mut SqliteConnection,
    /// One time for all of it.
    pub(super) now: Micros,
    pub(super) ledger: Ledger,
    /// The ledger as it was when the transaction began.
    before: Ledger,
    events: Vec<Arc<DurableEvent>>,
    /// Ended in this hour: succeeded, failed, cancelled.
    ended: [u64; 3],
    /// How the number of jobs of each kind changes.
    kinds: BTreeMap<String, i64>,
    /// Whether it leaves something for upkeep to remove.
    litters: bool,
}

/// What a transaction leaves behind.
pub(super) struct Committed {
    /// Its events, now durable.
    pub(super) events: Vec<Arc<DurableEvent>>,
    /// Whether there is something for upkeep to remove.
    pub(super) litter: bool,
}

/// A durable event as a row: place, job, type, first line, body.
type EventRow<'a> = (i64, Option<JobId>, &'a str, Option<u64>, Option<String>);

impl<'c> Transaction<'c> {
    /// Begins, and reads the ledger.
    pub(super) async fn begin(connection: &'c mut SqliteConnection, now: Micros) -> Result<Self> {
        let row = sqlx::query(
            "begin immediate;
            select seq, last_job, artifact_bytes, upload_bytes,
                scheduled, queued, running, paused, succeeded, failed, cancelled, interrupted
            from ledger",
        )
        .fetch_one(&mut *connection)
        .await?;
        let ledger = Ledger {
            seq: row.try_get(0)?,
            last_job: row.try_get(1)?,
            artifact_bytes: row.try_get(2)?,
            upload_bytes: row.try_get(3)?,
            counts: Counts {
                scheduled: row.try_get(4)?,
                queued: row.try_get(5)?,
                running: row.try_get(6)?,
                paused: row.try_get(7)?,
                succeeded: row.try_get(8)?,
                failed: row.try_get(9)?,
                cancelled: row.try_get(10)?,
                interrupted: row.try_get(11)?,
            },
        };
        Ok(Self {
            connection,
            now,
            ledger,
            before: ledger,
            events: Vec::new(),
            ended: [0; 3],
            kinds: BTreeMap::new(),
            litters: false,
        })
    }

    /// Where a job that comes into the line now stands in it: behind all that came by an earlier event.
    pub(super) const fn end_of_line(&self) -> i64 {
        self.ledger.seq + 1
    }

    /// Notes that a job of `kind` came (+1) or went (-1).
    pub(super) fn count_kind(&mut self, kind: &str, by: i64) {
        if let Some(count) = self.kinds.get_mut(kind) {
            *count += by;
        } else {
            self.kinds.insert(kind.to_owned(), by);
        }
    }

    /// Records that `view` came `from` a state (`None`: it is new) to the one it is in now.
    pub(super) fn moved(&mut self, from: Option<JobState>, mut view: JobView, code: impl Into<String>) {
        if let Some(from) = from {
            *count_mut(&mut self.ledger.counts, from) -= 1;
        }
        *count_mut(&mut self.ledger.counts, view.state) += 1;
        match view.state {
            JobState::Succeeded => self.ended[0] += 1,
            JobState::Failed | JobState::Interrupted => self.ended[1] += 1,
            JobState::Cancelled => self.ended[2] += 1,
            JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused => {}
        }
        if view.state == JobState::Queued && from != Some(JobState::Running) {
            // What comes into the line stands last; what was running comes back to where it stood.
            view.position = u32::try_from(self.ledger.counts.queued).ok();
        }
        self.noted(view, code);
    }

    /// Records that a job which stood at `view` is gone, all but its log.
    pub(super) fn gone(&mut self, view: JobView, code: impl Into<String>) {
        *count_mut(&mut self.ledger.counts, view.state) -= 1;
        self.litters = true;
        self.noted(view, code);
    }

    /// Records something that changes no state.
    pub(super) fn noted(&mut self, view: JobView, code: impl Into<String>) {
        let counts = Some(self.ledger.counts);
        let job = view.job;
        self.event(job, StreamEvent::State(Box::new(StateEvent { view, code: Some(code.into()), counts })));
    }

    /// Records new lines of a log.
    pub(super) fn logged(&mut self, log: LogEvent) {
        self.event(log.job, StreamEvent::Log(log));
    }

    fn event(&mut self, job: JobId, event: StreamEvent) {
        self.ledger.seq += 1;
        self.events.push(Arc::new(DurableEvent { seq: Seq(self.ledger.seq), job: Some(job), event }));
    }

    /// Runs the statements of `query` in one call. Answers the texts that they return, and how many rows each changed.
    pub(super) async fn run<'q>(&mut self, query: impl Execute<'q, Sqlite> + 'q) -> Result<(Vec<String>, Vec<u64>)> {
        let mut answers = self.connection.fetch_many(query);
        let (mut texts, mut changes) = (Vec::new(), Vec::new());
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Left(done) => changes.push(done.rows_affected()),
                Either::Right(row) => texts.push(row.try_get(0)?),
            }
        }
        drop(answers);
        Ok((texts, changes))
    }

    /// Writes events and counters, and commits.
    pub(super) async fn commit(self) -> Result<Committed> {
        if self.ledger == self.before {
            // No event either: each has a number. What has written nothing at all costs no sync of the disk.
            sqlx::query("commit").execute(self.connection).await?;
            return Ok(Committed { events: self.events, litter: self.litters });
        }
        let rows = self.events.iter().map(|event| event_row(event)).collect::<Result<Vec<_>>>()?;
        let hour = self.hour();
        let sql = [
            if rows.is_empty() { "" } else { ADD_EVENTS },
            if self.kinds.is_empty() { "" } else { COUNT_KINDS },
            if hour.is_empty() { "" } else { COUNT_HOUR },
            WRITE_LEDGER_AND_COMMIT,
        ]
        .concat();
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if !rows.is_empty() {
            query = query.bind(self.now.0).bind(json(&rows)?);
        }
        if !self.kinds.is_empty() {
            query = query.bind(json(&self.kinds)?);
        }
        if !hour.is_empty() {
            query = query.bind(json(&hour)?);
        }
        let Ledger { seq, last_job, artifact_bytes, upload_bytes, counts } = self.ledger;
        for number in [seq, last_job, artifact_bytes, upload_bytes] {
            query = query.bind(number);
        }
        for state in JobState::ALL {
            query = query.bind(counts.of(state) as i64);
        }
        query.execute(self.connection).await?;
        Ok(Committed { events: self.events, litter: self.litters })
    }

    /// The row to add to `hour`, if there is one.
    fn hour(&self) -> Vec<(i64, u64, u64, u64)> {
        let [succeeded, failed, cancelled] = self.ended;
        if succeeded + failed + cancelled == 0 {
            return Vec::new();
        }
        vec![(self.now.0.div_euclid(HOUR), succeeded, failed, cancelled)]
    }
}

fn event_row(event: &DurableEvent) -> Result<EventRow<'_>> {
    let (first_line, body) = match &event.event {
        // Its lines are kept in `log` already.
        StreamEvent::Log(log) => (Some(log.first_line), None),
        StreamEvent::State(state) => (None, Some(json(&StateRow::from(&**state))?)),
        other => (None, Some(other.to_json().map_err(|error| corrupt("an event", error))?)),
    };
    Ok((event.seq.0, event.job, event.event.name(), first_line, body))
}
