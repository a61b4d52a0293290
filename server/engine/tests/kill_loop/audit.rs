//! Audit: compares the reports of the workers with the database, and the database with itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::AddAssign,
    path::{Path, PathBuf},
    time::Duration,
};

use model::JobState;
use rusqlite::{Connection, OpenFlags, Row, config::DbConfig};

use crate::{event_history::EventHistory, report::Report, tasks};

/// Longer than a running process usually holds the write lock.
const LOCKED: Duration = Duration::from_millis(50);

const MIGRATIONS: &str = "../../migrations/sqlite";

/// The expected content of a data directory.
pub(crate) struct Audit {
    data: PathBuf,
    event_history: EventHistory,
    /// Processes that have died, and those whose jobs must be settled.
    dead: BTreeSet<u32>,
    settled: BTreeSet<u32>,
    /// Processes that had died before each process started.
    before: BTreeMap<u32, BTreeSet<u32>>,
    /// Deaths while other processes were running.
    survived: usize,
    /// Suspensions longer than a lease.
    pub(crate) suspended: usize,
    /// Acknowledged starts by job.
    accepted: BTreeMap<i64, String>,
    /// Acknowledged commands: count by job and event code.
    granted: BTreeMap<(i64, String), u32>,
    /// Jobs for which a deletion was requested.
    deletion_requested: BTreeSet<i64>,
    /// Started attempts and their process.
    begun: BTreeMap<(i64, u32), u32>,
    /// Parts in the newest acknowledged checkpoint of an attempt.
    kept: BTreeMap<(i64, u32), u32>,
    /// Parts after which an attempt resumed.
    went_on: BTreeMap<(i64, u32), u32>,
    /// Log lines of successful attempts.
    lines: BTreeMap<(i64, u32), u64>,
    /// Worker id of each process.
    workers: BTreeMap<String, u32>,
}

/// Statistics of the run.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) starts: usize,
    pub(crate) wishes: u32,
    pub(crate) attempts: usize,
    /// Attempts ended by the death of their process.
    pub(crate) cut_short: usize,
    /// Attempts resumed from a checkpoint.
    pub(crate) continued: usize,
    /// Deaths that were settled by other processes.
    pub(crate) survived: usize,
    /// Suspensions longer than a lease.
    pub(crate) suspended: usize,
    pub(crate) events: i64,
}

impl AddAssign for Statistics {
    fn add_assign(&mut self, more: Self) {
        self.starts += more.starts;
        self.wishes += more.wishes;
        self.attempts += more.attempts;
        self.cut_short += more.cut_short;
        self.continued += more.continued;
        self.survived += more.survived;
        self.suspended += more.suspended;
        self.events += more.events;
    }
}

/// A row of the table `job`.
struct Job {
    kind: String,
    state: JobState,
    attempt: u32,
    worker: Option<String>,
    log_lines: i64,
    size: u32,
    name: String,
}

impl Audit {
    pub(crate) fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            event_history: EventHistory::default(),
            dead: BTreeSet::new(),
            settled: BTreeSet::new(),
            before: BTreeMap::new(),
            survived: 0,
            suspended: 0,
            accepted: BTreeMap::new(),
            granted: BTreeMap::new(),
            deletion_requested: BTreeSet::new(),
            begun: BTreeMap::new(),
            kept: BTreeMap::new(),
            went_on: BTreeMap::new(),
            lines: BTreeMap::new(),
            workers: BTreeMap::new(),
        }
    }

    /// Records the start of a process.
    pub(crate) fn process_started(&mut self, process: u32) {
        self.before.insert(process, self.dead.clone());
    }

    /// Records the reports of a dead process.
    pub(crate) fn record(&mut self, process: u32, reports: Vec<Report>) {
        self.dead.insert(process);
        for reports in reports {
            match reports {
                Report::Ready { worker } => {
                    self.settled.append(&mut self.before.remove(&process).unwrap_or_default());
                    if let Some(worker) = worker {
                        let earlier = *self.workers.entry(worker).or_insert(process);
                        assert_eq!(earlier, process, "two processes have one name");
                    }
                }
                Report::Accepted { job, name } => {
                    assert_eq!(self.accepted.insert(job, name), None, "a number is given once, {job} was twice");
                }
                Report::Granted { job, code } => *self.granted.entry((job, code)).or_default() += 1,
                Report::WillDelete { job } => drop(self.deletion_requested.insert(job)),
                Report::Started { job, attempt } => {
                    let earlier = self.begun.insert((job, attempt), process);
                    assert_eq!(earlier, None, "attempt {attempt} of job {job} was begun twice");
                }
                Report::Checkpointed { job, attempt, parts } => drop(self.kept.insert((job, attempt), parts)),
                Report::Resumed { job, attempt, parts } => drop(self.went_on.insert((job, attempt), parts)),
                Report::WillSucceed { job, attempt, lines } => drop(self.lines.insert((job, attempt), lines)),
            }
        }
    }

    /// Records that other processes have settled the jobs of a dead one.
    pub(crate) fn death_survived(&mut self, process: u32) {
        self.settled.insert(process);
        self.survived += 1;
    }

    /// Whether a process is registered or holds a running job. It may have claimed one after it was removed from the
    /// list and before it noticed; others look for such jobs less often.
    pub(crate) fn is_registered_or_busy(&self, process: u32, pid: u32) -> bool {
        let Some(connection) = self.connect() else { return false };
        let holds = || {
            let worker = self.workers.iter().find(|(_, known)| **known == process).map(|(worker, _)| worker.as_str());
            let sql = "select count(*) from job where state = 'running' and boot = ?";
            connection.query_row(sql, [worker], |row| row.get::<_, i64>(0)).expect("it can be read") > 0
        };
        number(&connection, &format!("select count(*) from node where pid = {pid}")) > 0 || holds()
    }

    /// Whether the write lock can be acquired.
    pub(crate) fn can_write(&self) -> bool {
        self.connect().is_some_and(|connection| {
            connection.pragma_update(None, "query_only", false).expect("it is ours to say");
            connection.busy_timeout(LOCKED).expect("it is ours to say");
            connection.execute_batch("begin immediate; rollback").is_ok()
        })
    }

    /// Runs all checks.
    pub(crate) fn check(&mut self) {
        let Some(connection) = self.connect() else {
            assert!(self.accepted.is_empty(), "nothing is accepted without a whole database");
            return;
        };
        check_file(&connection);
        self.event_history.read(&connection);
        let jobs = jobs(&connection);
        self.check_acknowledged(&jobs);
        self.check_continued();
        self.check_jobs(&jobs);
        self.check_attempts(&connection, &jobs);
        self.check_logs(&connection, &jobs);
        self.check_artifacts(&connection, &jobs);
        Self::check_checkpoints(&connection, &jobs);
        self.check_counters(&connection, &jobs);
    }

    /// Checks after an orderly shutdown: no job is left to run.
    pub(crate) fn check_all_ended(&self) {
        let connection = self.connect().expect("there is a database");
        let jobs = jobs(&connection);
        let rests = |job: &Job| job.state.is_terminal() || job.state == JobState::Paused;
        assert!(jobs.values().all(rests), "all accepted jobs have ended or are paused");
    }

    /// Returns the statistics.
    pub(crate) fn statistics(&self) -> Statistics {
        let histories = self.event_history.jobs.values();
        let cut_short = histories.filter_map(|history| history.codes.get("interrupted")).sum::<u32>();
        Statistics {
            starts: self.accepted.len(),
            wishes: self.granted.values().sum(),
            attempts: self.begun.len(),
            cut_short: cut_short as usize,
            continued: self.went_on.values().filter(|parts| **parts > 0).count(),
            survived: self.survived,
            suspended: self.suspended,
            events: self.event_history.seq,
        }
    }

    /// Opens a connection that does not checkpoint: the write-ahead log stays for the next server.
    fn connect(&self) -> Option<Connection> {
        let path = self.data.join("milepost.db");
        if !path.exists() {
            return None;
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("it opens");
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("it is ours to say");
        connection.pragma_update(None, "query_only", true).expect("it is ours to say");
        // After an early kill, tables may be missing.
        let begun = number(&connection, "select count(*) from sqlite_schema where name = '_sqlx_migrations'") > 0;
        let migrations = fs::read_dir(MIGRATIONS).expect("the folder can be read").count() as i64;
        let whole = begun && number(&connection, "select count(*) from _sqlx_migrations") == migrations;
        whole.then_some(connection)
    }

    /// Acknowledged writes are present.
    fn check_acknowledged(&self, jobs: &BTreeMap<i64, Job>) {
        for (job, name) in &self.accepted {
            let history = self.event_history.jobs.get(job);
            let history = history.unwrap_or_else(|| panic!("job {job} was accepted, and is lost"));
            assert!(
                !history.deleted || self.deletion_requested.contains(job),
                "deletion of job {job} was not requested"
            );
            if let Some(kept) = jobs.get(job) {
                assert_eq!(kept.name, *name, "job {job} is what was started");
            }
        }
        for ((job, code), times) in &self.granted {
            let happened = self.event_history.jobs.get(job).and_then(|history| history.codes.get(code)).copied();
            assert!(happened >= Some(*times), "{code} of job {job}: acknowledged {times} times, happened {happened:?}");
        }
        for (job, attempt) in self.begun.keys() {
            let history = self.event_history.jobs.get(job);
            let claimed = history.is_some_and(|history| history.attempts.contains_key(attempt));
            assert!(claimed, "attempt {attempt} of job {job} was begun before it was claimed for good");
        }
        let names: BTreeSet<&str> = jobs.values().map(|job| job.name.as_str()).collect();
        assert_eq!(names.len(), jobs.len(), "what was started once is there once");
    }

    /// No attempt resumed from before an acknowledged checkpoint.
    fn check_continued(&self) {
        for ((job, attempt), parts) in &self.went_on {
            let earlier = self.kept.range((*job, 0)..(*job, *attempt)).next_back();
            if let Some(((_, earlier), kept)) = earlier {
                let how = format!("attempt {earlier} of job {job} had a checkpoint after {kept} parts");
                assert!(parts >= kept, "{how}, and attempt {attempt} goes on after {parts}");
            }
        }
    }

    /// Jobs match the event log.
    fn check_jobs(&self, jobs: &BTreeMap<i64, Job>) {
        let present = self.event_history.jobs.iter().filter(|(_, history)| !history.deleted);
        assert!(jobs.keys().eq(present.clone().map(|(job, _)| job)), "the jobs in the table and in the event history");
        for ((id, job), (_, history)) in jobs.iter().zip(present) {
            assert_eq!((job.state, job.attempt), (history.state, history.attempt), "job {id}");
            assert_eq!(Some(job.log_lines), history.log_lines, "lines in the log of job {id}");
        }
    }

    /// Every claimed attempt has one row, with the process that it ran in.
    fn check_attempts(&mut self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        type Attempt = (i64, u32, String, String, Option<String>);
        let rows: Vec<Attempt> = rows(connection, "select job, attempt, state, boot, output from attempt", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        });
        let running = jobs.iter().filter_map(|(id, job)| {
            let worker = job.worker.clone()?;
            Some((*id, job.attempt, JobState::Running.as_str().to_owned(), worker, None))
        });
        let mut kept = BTreeSet::new();
        for (job, attempt, state, worker, output) in rows.into_iter().chain(running) {
            assert!(kept.insert((job, attempt)), "attempt {attempt} of job {job} is there twice");
            if let Some(process) = self.begun.get(&(job, attempt)) {
                let earlier = *self.workers.entry(worker.clone()).or_insert(*process);
                assert_eq!(earlier, *process, "attempt {attempt} of job {job} is not of the process that ran it");
            }
            let after = self.event_history.jobs[&job].attempts.get(&attempt).copied();
            let after = after.unwrap_or_else(|| panic!("attempt {attempt} of job {job} was never claimed"));
            match after {
                Some(end) if end.is_terminal() => assert_eq!(state, end.as_str(), "attempt {attempt} of job {job}"),
                Some(_) => assert_ne!(state, JobState::Succeeded.as_str(), "attempt {attempt} of job {job}"),
                None => {
                    assert_eq!(state, JobState::Running.as_str(), "attempt {attempt} of job {job}");
                    let settled = self.workers.get(&worker).is_some_and(|process| self.settled.contains(process));
                    assert!(!settled, "job {job} of a dead process still runs");
                }
            }
            if state == JobState::Succeeded.as_str() {
                assert_eq!(output, Some(jobs[&job].size.to_string()), "what job {job} has returned");
            }
        }
        let claimed = self.event_history.jobs.iter().filter(|(_, history)| !history.deleted);
        let claimed = claimed.flat_map(|(job, history)| history.attempts.keys().map(|attempt| (*job, *attempt)));
        assert!(claimed.eq(kept), "attempts that were claimed, and those there are");
    }

    /// A log has the lines of its task in order without gaps; after success, all of them.
    fn check_logs(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        let chunks: Vec<(i64, i64, i64, u32, String)> = rows(
            connection,
            "select job, first_line, last_line, attempt, lines from log
            where job not in (select job from log_garbage) order by job, first_line",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        );
        let mut ends: BTreeMap<i64, i64> = BTreeMap::new();
        let mut reports: BTreeMap<(i64, u32), u64> = BTreeMap::new();
        for (job, first_line, last_line, attempt, lines) in chunks {
            assert!(jobs.contains_key(&job), "a log without a job is deleted: {job}");
            let end = ends.entry(job).or_default();
            assert_eq!(first_line, *end + 1, "the log of job {job} has no hole");
            *end = last_line;
            let lines: Vec<(i64, u8, String)> = serde_json::from_str(&lines).expect("lines are as we know them");
            assert_eq!(lines.len() as i64, last_line - first_line + 1);
            let reports = reports.entry((job, attempt)).or_default();
            for (.., text) in lines.iter().filter(|(.., text)| text.starts_with("attempt")) {
                assert_eq!(*text, tasks::line(attempt, *reports), "job {job}");
                *reports += 1;
            }
        }
        for (id, job) in jobs {
            assert_eq!(ends.get(id).copied().unwrap_or_default(), job.log_lines, "lines in the log of job {id}");
            if job.state == JobState::Succeeded
                && let Some(lines) = self.lines.get(&(*id, job.attempt))
            {
                let kept = reports.get(&(*id, job.attempt)).copied().unwrap_or_default();
                assert_eq!(kept, *lines, "job {id} succeeded, with all that it said");
            }
        }
    }

    /// Artifacts belong to finished attempts and are complete.
    fn check_artifacts(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        let artifacts: BTreeMap<(i64, u32), (String, i64)> =
            rows(connection, "select job, attempt, name, size from artifact", |row| {
                Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
            })
            .into_iter()
            .collect();
        for ((id, attempt), (name, size)) in &artifacts {
            let job = &jobs[id];
            let end = self.event_history.jobs[id].attempts[attempt];
            let by_itself = matches!(end, Some(JobState::Succeeded | JobState::Failed | JobState::Cancelled));
            assert!(by_itself, "attempt {attempt} of job {id} has an artifact, and was {end:?}");
            let path = self.data.join(format!("jobs/{id}/{attempt}/{name}"));
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let maker = if job.kind == tasks::GATHER { 0 } else { *attempt };
            assert!(bytes == tasks::bytes_of(*id, maker, job.size), "{} is as it was written", path.display());
            assert_eq!(bytes.len() as i64, *size);
        }
        let makes =
            |job: &Job| job.state == JobState::Succeeded && ["write", tasks::GATHER].contains(&job.kind.as_str());
        for (id, job) in jobs.iter().filter(|(_, job)| makes(job)) {
            assert!(artifacts.contains_key(&(*id, job.attempt)), "job {id} succeeded, and has its artifact");
        }
    }

    /// A succeeded job has no checkpoint.
    fn check_checkpoints(connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        for job in rows(connection, "select job from checkpoint", |row| row.get::<_, i64>(0)) {
            assert_ne!(jobs[&job].state, JobState::Succeeded, "job {job} has succeeded, and a checkpoint");
        }
    }

    /// Counters match a recount.
    fn check_counters(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        for state in JobState::ALL {
            let counted = number(connection, &format!("select {state} from ledger"));
            assert_eq!(counted, jobs.values().filter(|job| job.state == state).count() as i64, "{state}");
        }
        let newest = self.event_history.jobs.keys().next_back().copied().unwrap_or_default();
        let sums = [
            ("seq", self.event_history.seq),
            ("last_job", newest),
            ("artifact_bytes", number(connection, "select coalesce(sum(size), 0) from artifact")),
            ("upload_bytes", 0),
        ];
        for (column, recount) in sums {
            assert_eq!(number(connection, &format!("select {column} from ledger")), recount, "{column}");
        }
        for (kind, counted) in rows(connection, "select name, jobs from kind", |row| Ok((row.get(0)?, row.get(1)?))) {
            let (kind, counted): (String, i64) = (kind, counted);
            assert_eq!(counted, jobs.values().filter(|job| job.kind == kind).count() as i64, "jobs of kind {kind}");
        }
        let hours = rows(connection, "select hour, succeeded, failed, cancelled from hour", |row| {
            Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
        });
        assert_eq!(
            hours.into_iter().collect::<BTreeMap<i64, [i64; 3]>>(),
            self.event_history.hours,
            "ended in each hour"
        );
    }
}

/// The database file is intact and has the documented pragmas.
fn check_file(connection: &Connection) {
    let found = rows(connection, "pragma integrity_check", |row| row.get::<_, String>(0));
    assert_eq!(found, ["ok"]);
    assert_eq!(rows(connection, "pragma foreign_key_check", |row| row.get::<_, String>(0)), [""; 0]);
    assert_eq!(rows(connection, "pragma journal_mode", |row| row.get::<_, String>(0)), ["wal"]);
    assert_eq!(number(connection, "pragma auto_vacuum"), 2, "it gives space back, even if killed at its creation");
    assert_ne!(number(connection, "pragma application_id"), 0, "it says whose it is");
}

fn jobs(connection: &Connection) -> BTreeMap<i64, Job> {
    let read = |row: &Row<'_>| {
        let state: String = row.get(2)?;
        Ok((
            row.get(0)?,
            Job {
                kind: row.get(1)?,
                state: JobState::from_word(&state).expect("a state is one of ours"),
                attempt: row.get(3)?,
                worker: row.get(4)?,
                log_lines: row.get(5)?,
                size: row.get(6)?,
                name: row.get(7)?,
            },
        ))
    };
    let sql = "select id, kind, state, attempt, boot, log_lines, input ->> 'size', input ->> 'name'
        from job join job_input on job_input.job = job.id";
    rows(connection, sql, read).into_iter().collect()
}

fn rows<T>(connection: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut statement = connection.prepare(sql).expect("the schema is as we know it");
    let rows = statement.query_map([], read).expect("it can be read");
    rows.map(|row| row.expect("it can be read")).collect()
}

fn number(connection: &Connection, sql: &str) -> i64 {
    rows(connection, sql, |row| row.get(0)).remove(0)
}
