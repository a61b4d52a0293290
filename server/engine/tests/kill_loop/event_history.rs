//! Event history: the life of every job according to the event log. It is read incrementally, so that a lost or
//! repeated event is noticed.

use std::collections::BTreeMap;

use model::{Event, JobState};
use rusqlite::Connection;

const HOUR: i64 = 3_600_000_000;

/// State accumulated from the events so far.
#[derive(Default)]
pub(crate) struct EventHistory {
    /// The newest event.
    pub(crate) seq: i64,
    pub(crate) jobs: BTreeMap<i64, JobHistory>,
    /// Jobs in each state, in the order of [`JobState::ALL`].
    counts: [i64; JobState::ALL.len()],
    /// Ended jobs of each hour: succeeded, failed or interrupted, cancelled.
    pub(crate) hours: BTreeMap<i64, [i64; 3]>,
}

/// State of one job according to the events.
pub(crate) struct JobHistory {
    pub(crate) state: JobState,
    pub(crate) attempt: u32,
    /// Lines in its log; unknown if part of a deleted job's log was removed before it was read.
    pub(crate) log_lines: Option<i64>,
    /// Claimed attempts and the state of the job after each; `None` while it runs.
    pub(crate) attempts: BTreeMap<u32, Option<JobState>>,
    /// Count by event code.
    pub(crate) codes: BTreeMap<String, u32>,
    pub(crate) deleted: bool,
}

/// A row of the table `event`.
struct Row {
    seq: i64,
    at: i64,
    job: i64,
    what: What,
}

enum What {
    State { state: JobState, attempt: u32, code: String, counts: Vec<i64> },
    Log { first_line: i64, chunk: Option<(i64, u32)> },
}

impl EventHistory {
    /// Reads new events.
    pub(crate) fn read(&mut self, connection: &Connection) {
        let mut statement = connection
            .prepare(
                "select event.seq, event.at, event.job, event.type,
                    body ->> '$[0][2]', body ->> '$[0][1]', body ->> '$[2]', body ->> '$[3]',
                    event.first_line, log.last_line, log.attempt
                from event left join log on log.job = event.job and log.first_line = event.first_line
                where event.seq > ? order by event.seq",
            )
            .expect("the log of events is as we know it");
        let mut rows = statement.query([self.seq]).expect("it can be read");
        while let Some(row) = rows.next().expect("it can be read") {
            self.apply(&parse(row).expect("an event is as we know it"));
        }
    }

    fn apply(&mut self, row: &Row) {
        assert_eq!(row.seq, self.seq + 1, "events have no hole and no repeat");
        self.seq = row.seq;
        match &row.what {
            What::Log { first_line, chunk } => {
                let history = self.jobs.get_mut(&row.job).expect("who writes a log has been created");
                history.log(row.job, *first_line, *chunk);
            }
            What::State { state, attempt, code, counts } => {
                let before = self.jobs.get(&row.job).map(|history| history.state);
                let history =
                    self.jobs.entry(row.job).or_insert_with(|| JobHistory::new(row.job, *state, *attempt, code));
                history.apply(row.job, *state, *attempt, code);
                let after = (!history.deleted).then_some(*state);
                self.count(before, -1);
                self.count(after, 1);
                assert_eq!(*counts, self.counts, "event {} counts the jobs in each state", row.seq);
                if before != Some(*state) {
                    self.record_end(row.at, *state);
                }
            }
        }
    }

    fn count(&mut self, state: Option<JobState>, by: i64) {
        for (known, count) in JobState::ALL.into_iter().zip(&mut self.counts) {
            *count += if Some(known) == state { by } else { 0 };
        }
    }

    fn record_end(&mut self, at: i64, state: JobState) {
        let column = match state {
            JobState::Succeeded => 0,
            JobState::Failed | JobState::Interrupted => 1,
            JobState::Cancelled => 2,
            JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused => return,
        };
        self.hours.entry(at.div_euclid(HOUR)).or_default()[column] += 1;
    }
}

impl JobHistory {
    fn new(job: i64, state: JobState, attempt: u32, code: &str) -> Self {
        assert_eq!((code, attempt), ("created", 1), "job {job} begins with its creation");
        assert!(matches!(state, JobState::Scheduled | JobState::Queued), "job {job} begins as {state}");
        let (attempts, codes) = (BTreeMap::new(), BTreeMap::new());
        Self { state, attempt, log_lines: Some(0), attempts, codes, deleted: false }
    }

    fn apply(&mut self, job: i64, state: JobState, attempt: u32, code: &str) {
        assert!(!self.deleted, "job {job} is gone, and yet {code} happened to it");
        let from = self.state;
        let how = format!("job {job}: {code} took it from {from} in attempt {} to {state} in {attempt}", self.attempt);
        *self.codes.entry(code.to_owned()).or_default() += 1;
        match code {
            "created" => assert_eq!(self.codes["created"], 1, "{how}"),
            "deleted" => {
                assert!(from == state && from.is_terminal() && self.attempt == attempt, "{how}");
                self.deleted = true;
            }
            "cancel_requested" | "pause_requested" | "not_responding" => {
                assert!(from == state && from == JobState::Running && self.attempt == attempt, "{how}");
            }
            // The pause request was withdrawn.
            "resumed" if from == JobState::Running => assert!(from == state && self.attempt == attempt, "{how}"),
            _ => {
                assert!(is_legal((from, self.attempt), (state, attempt)), "{how}");
                if state == JobState::Running {
                    assert!(self.attempts.insert(attempt, None).is_none(), "{how}: it has two owners");
                }
                if from == JobState::Running {
                    self.attempts.insert(self.attempt, Some(state));
                }
            }
        }
        (self.state, self.attempt) = (state, attempt);
    }

    fn log(&mut self, job: i64, first_line: i64, chunk: Option<(i64, u32)>) {
        assert_eq!(self.state, JobState::Running, "only who runs writes a log, which job {job} does not");
        let Some((last_line, attempt)) = chunk else {
            // It must have been deleted since; the audit checks that.
            self.log_lines = None;
            return;
        };
        assert_eq!(attempt, self.attempt, "the log of job {job} is written by its owner");
        if let Some(lines) = self.log_lines {
            assert_eq!(first_line, lines + 1, "the log of job {job} has no hole and no repeat");
        }
        self.log_lines = Some(last_line);
    }
}

/// Whether an event in the table of states leads from one state to the other. A job of a dead worker passes through
/// `scheduled` without a wait; a release looks the same.
fn is_legal((from, attempt): (JobState, u32), (to, next): (JobState, u32)) -> bool {
    Event::ALL
        .into_iter()
        .any(|event| from.apply(event) == Ok(to) && next == attempt + u32::from(event.starts_new_attempt(from)))
}

fn parse(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let what = match row.get::<_, String>(3)?.as_str() {
        "log" => What::Log {
            first_line: row.get(8)?,
            chunk: row.get::<_, Option<i64>>(9)?.zip(row.get::<_, Option<u32>>(10)?),
        },
        "state" => What::State {
            state: JobState::from_word(&row.get::<_, String>(4)?).expect("a state is one of ours"),
            attempt: row.get(5)?,
            code: row.get(6)?,
            counts: serde_json::from_str(&row.get::<_, String>(7)?).expect("counts are numbers"),
        },
        other => panic!("no event of a job: {other}"),
    };
    Ok(Row { seq: row.get(0)?, at: row.get(1)?, job: row.get(2)?, what })
}
