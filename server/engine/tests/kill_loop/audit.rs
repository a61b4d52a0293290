//! Compares what the victims said with what the database holds, and what it holds with itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::AddAssign,
    path::{Path, PathBuf},
    time::Duration,
};

use model::JobState;
use rusqlite::{Connection, OpenFlags, Row, config::DbConfig};
use sqlx::migrate::Migrator;

use crate::{chronicle::Chronicle, tasks, words::Said};

/// Longer than most hold the lock for writing who are awake.
const LOCKED: Duration = Duration::from_millis(50);

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// What is known of a data directory beside what is in it.
pub(crate) struct Audit {
    data: PathBuf,
    chronicle: Chronicle,
    /// Processes that have died, and those of them whose jobs must have been settled.
    dead: BTreeSet<u32>,
    settled: BTreeSet<u32>,
    /// Those that had died before each process began.
    before: BTreeMap<u32, BTreeSet<u32>>,
    /// Deaths that others have survived.
    survived: usize,
    /// How often a process has slept beyond its lease.
    pub(crate) slept: usize,
    /// Starts that were acknowledged, by job.
    accepted: BTreeMap<i64, String>,
    /// Wishes that were acknowledged: how often, of which job, by the code of their event.
    granted: BTreeMap<(i64, String), u32>,
    /// Jobs that somebody wanted deleted.
    doomed: BTreeSet<i64>,
    /// Attempts that a task has begun, and the process it did in.
    begun: BTreeMap<(i64, u32), u32>,
    /// Parts that the newest acknowledged checkpoint of an attempt has.
    kept: BTreeMap<(i64, u32), u32>,
    /// Parts after which an attempt has gone on.
    went_on: BTreeMap<(i64, u32), u32>,
    /// Lines that an attempt wrote before it succeeded.
    lines: BTreeMap<(i64, u32), u64>,
    /// Under which name each process was registered.
    workers: BTreeMap<String, u32>,
}

/// How much there was to lose.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) starts: usize,
    pub(crate) wishes: u32,
    pub(crate) attempts: usize,
    /// Attempts that a death has cut short.
    pub(crate) cut_short: usize,
    /// Attempts that went on from a checkpoint.
    pub(crate) continued: usize,
    /// Deaths that others have survived, and settled.
    pub(crate) survived: usize,
    /// Sleeps beyond a lease.
    pub(crate) slept: usize,
    pub(crate) events: i64,
}

impl AddAssign for Work {
    fn add_assign(&mut self, more: Self) {
        self.starts += more.starts;
        self.wishes += more.wishes;
        self.attempts += more.attempts;
        self.cut_short += more.cut_short;
        self.continued += more.continued;
        self.survived += more.survived;
        self.slept += more.slept;
        self.events += more.events;
    }
}

/// A job as its row has it.
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
            chronicle: Chronicle::default(),
            dead: BTreeSet::new(),
            settled: BTreeSet::new(),
            before: BTreeMap::new(),
            survived: 0,
            slept: 0,
            accepted: BTreeMap::new(),
            granted: BTreeMap::new(),
            doomed: BTreeSet::new(),
            begun: BTreeMap::new(),
            kept: BTreeMap::new(),
            went_on: BTreeMap::new(),
            lines: BTreeMap::new(),
            workers: BTreeMap::new(),
        }
    }

    /// Notes that a process begins.
    pub(crate) fn begins(&mut self, process: u32) {
        self.before.insert(process, self.dead.clone());
    }

    /// Takes in what a process said that is dead now.
    pub(crate) fn hear(&mut self, process: u32, said: Vec<Said>) {
        self.dead.insert(process);
        for said in said {
            match said {
                Said::Ready { worker } => {
                    self.settled.append(&mut self.before.remove(&process).unwrap_or_default());
                    if let Some(worker) = worker {
                        let earlier = *self.workers.entry(worker).or_insert(process);
                        assert_eq!(earlier, process, "two processes have one name");
                    }
                }
                Said::Accepted { job, name } => {
                    assert_eq!(self.accepted.insert(job, name), None, "a number is given once, {job} was twice");
                }
                Said::Granted { job, code } => *self.granted.entry((job, code)).or_default() += 1,
                Said::WillDelete { job } => drop(self.doomed.insert(job)),
                Said::Began { job, attempt } => {
                    let earlier = self.begun.insert((job, attempt), process);
                    assert_eq!(earlier, None, "attempt {attempt} of job {job} was begun twice");
                }
                Said::Kept { job, attempt, parts } => drop(self.kept.insert((job, attempt), parts)),
                Said::WentOn { job, attempt, parts } => drop(self.went_on.insert((job, attempt), parts)),
                Said::WillSucceed { job, attempt, lines } => drop(self.lines.insert((job, attempt), lines)),
            }
        }
    }

    /// Notes that others have settled what a dead process had.
    pub(crate) fn is_survived(&mut self, process: u32) {
        self.settled.insert(process);
        self.survived += 1;
    }

    /// Whether a process counts as living. A dead one also while a job still runs in its name, which it may have taken after
    /// it had been crossed off the list, and before it noticed: the others look for such jobs less often.
    pub(crate) fn counts_as_living(&self, process: u32, pid: u32) -> bool {
        let Some(connection) = self.look() else { return false };
        let holds = || {
            let worker = self.workers.iter().find(|(_, known)| **known == process).map(|(worker, _)| worker.as_str());
            let sql = "select count(*) from job where state = 'running' and boot = ?";
            connection.query_row(sql, [worker], |row| row.get::<_, i64>(0)).expect("it can be read") > 0
        };
        number(&connection, &format!("select count(*) from node where pid = {pid}")) > 0 || holds()
    }

    /// Whether nobody holds the lock for writing for long.
    pub(crate) fn can_be_written(&self) -> bool {
        self.look().is_some_and(|connection| {
            connection.pragma_update(None, "query_only", false).expect("it is ours to say");
            connection.busy_timeout(LOCKED).expect("it is ours to say");
            connection.execute_batch("begin immediate; rollback").is_ok()
        })
    }

    /// Looks into everything.
    pub(crate) fn check(&mut self) {
        let Some(connection) = self.look() else {
            assert!(self.accepted.is_empty(), "nothing is accepted without a whole database");
            return;
        };
        check_the_file(&connection);
        self.chronicle.read(&connection);
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

    /// What must hold once a server has ended in peace.
    pub(crate) fn check_that_all_is_over(&self) {
        let connection = self.look().expect("there is a database");
        let jobs = jobs(&connection);
        let rests = |job: &Job| job.state.is_terminal() || job.state == JobState::Paused;
        assert!(jobs.values().all(rests), "whatever was accepted came to an end, but for what somebody has set aside");
    }

    /// What all this was about.
    pub(crate) fn work(&self) -> Work {
        let stories = self.chronicle.jobs.values();
        let cut_short = stories.filter_map(|story| story.codes.get("interrupted")).sum::<u32>();
        Work {
            starts: self.accepted.len(),
            wishes: self.granted.values().sum(),
            attempts: self.begun.len(),
            cut_short: cut_short as usize,
            continued: self.went_on.values().filter(|parts| **parts > 0).count(),
            survived: self.survived,
            slept: self.slept,
            events: self.chronicle.seq,
        }
    }

    /// A connection that leaves the file as it is: what is in the write-ahead log stays there for the next server.
    fn look(&self) -> Option<Connection> {
        let path = self.data.join("milepost.db");
        if !path.exists() {
            return None;
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("it opens");
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("it is ours to say");
        connection.pragma_update(None, "query_only", true).expect("it is ours to say");
        // Killed early, it has not all its tables yet.
        let begun = number(&connection, "select count(*) from sqlite_schema where name = '_sqlx_migrations'") > 0;
        let whole =
            begun && number(&connection, "select count(*) from _sqlx_migrations") == MIGRATIONS.iter().count() as i64;
        whole.then_some(connection)
    }

    /// What was acknowledged is there.
    fn check_acknowledged(&self, jobs: &BTreeMap<i64, Job>) {
        for (job, name) in &self.accepted {
            let story = self.chronicle.jobs.get(job);
            let story = story.unwrap_or_else(|| panic!("job {job} was accepted, and is lost"));
            assert!(!story.deleted || self.doomed.contains(job), "nobody wanted job {job} deleted");
            if let Some(kept) = jobs.get(job) {
                assert_eq!(kept.name, *name, "job {job} is what was started");
            }
        }
        for ((job, code), times) in &self.granted {
            let happened = self.chronicle.jobs.get(job).and_then(|story| story.codes.get(code)).copied();
            assert!(happened >= Some(*times), "{code} of job {job}: acknowledged {times} times, happened {happened:?}");
        }
        for (job, attempt) in self.begun.keys() {
            let story = self.chronicle.jobs.get(job);
            let claimed = story.is_some_and(|story| story.attempts.contains_key(attempt));
            assert!(claimed, "attempt {attempt} of job {job} was begun before it was claimed for good");
        }
        let names: BTreeSet<&str> = jobs.values().map(|job| job.name.as_str()).collect();
        assert_eq!(names.len(), jobs.len(), "what was started once is there once");
    }

    /// No attempt went on from before a checkpoint that had been acknowledged.
    fn check_continued(&self) {
        for ((job, attempt), parts) in &self.went_on {
            let earlier = self.kept.range((*job, 0)..(*job, *attempt)).next_back();
            if let Some(((_, earlier), kept)) = earlier {
                let how = format!("attempt {earlier} of job {job} had a checkpoint after {kept} parts");
                assert!(parts >= kept, "{how}, and attempt {attempt} goes on after {parts}");
            }
        }
    }

    /// Jobs are as the log of events tells.
    fn check_jobs(&self, jobs: &BTreeMap<i64, Job>) {
        let told = self.chronicle.jobs.iter().filter(|(_, story)| !story.deleted);
        assert!(jobs.keys().eq(told.clone().map(|(job, _)| job)), "the jobs there are, and those that are told of");
        for ((id, job), (_, story)) in jobs.iter().zip(told) {
            assert_eq!((job.state, job.attempt), (story.state, story.attempt), "job {id}");
            assert_eq!(Some(job.log_lines), story.log_lines, "lines in the log of job {id}");
        }
    }

    /// Every attempt that was claimed has one row, of the one process that it ran in.
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
            let after = self.chronicle.jobs[&job].attempts.get(&attempt).copied();
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
        let claimed = self.chronicle.jobs.iter().filter(|(_, story)| !story.deleted);
        let claimed = claimed.flat_map(|(job, story)| story.attempts.keys().map(|attempt| (*job, *attempt)));
        assert!(claimed.eq(kept), "attempts that were claimed, and those there are");
    }

    /// A log holds what its tasks said, in order, from the first line on; of one that succeeded, all of it.
    fn check_logs(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        let chunks: Vec<(i64, i64, i64, u32, String)> = rows(
            connection,
            "select job, first_line, last_line, attempt, lines from log
            where job not in (select job from log_garbage) order by job, first_line",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        );
        let mut ends: BTreeMap<i64, i64> = BTreeMap::new();
        let mut said: BTreeMap<(i64, u32), u64> = BTreeMap::new();
        for (job, first_line, last_line, attempt, lines) in chunks {
            assert!(jobs.contains_key(&job), "a log that belongs to nobody goes in the end: {job}");
            let end = ends.entry(job).or_default();
            assert_eq!(first_line, *end + 1, "the log of job {job} has no hole");
            *end = last_line;
            let lines: Vec<(i64, u8, String)> = serde_json::from_str(&lines).expect("lines are as we know them");
            assert_eq!(lines.len() as i64, last_line - first_line + 1);
            let said = said.entry((job, attempt)).or_default();
            for (.., text) in lines.iter().filter(|(.., text)| text.starts_with("attempt")) {
                assert_eq!(*text, tasks::line(attempt, *said), "job {job}");
                *said += 1;
            }
        }
        for (id, job) in jobs {
            assert_eq!(ends.get(id).copied().unwrap_or_default(), job.log_lines, "lines in the log of job {id}");
            if job.state == JobState::Succeeded
                && let Some(lines) = self.lines.get(&(*id, job.attempt))
            {
                let kept = said.get(&(*id, job.attempt)).copied().unwrap_or_default();
                assert_eq!(kept, *lines, "job {id} succeeded, with all that it said");
            }
        }
    }

    /// Artifacts are those of attempts that ended by themselves, whole.
    fn check_artifacts(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        let artifacts: BTreeMap<(i64, u32), (String, i64)> =
            rows(connection, "select job, attempt, name, size from artifact", |row| {
                Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
            })
            .into_iter()
            .collect();
        for ((id, attempt), (name, size)) in &artifacts {
            let job = &jobs[id];
            let end = self.chronicle.jobs[id].attempts[attempt];
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

    /// Who has succeeded goes on from nowhere.
    fn check_checkpoints(connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        for job in rows(connection, "select job from checkpoint", |row| row.get::<_, i64>(0)) {
            assert_ne!(jobs[&job].state, JobState::Succeeded, "job {job} has succeeded, and a checkpoint");
        }
    }

    /// Counters are what a recount finds.
    fn check_counters(&self, connection: &Connection, jobs: &BTreeMap<i64, Job>) {
        for state in JobState::ALL {
            let counted = number(connection, &format!("select {state} from ledger"));
            assert_eq!(counted, jobs.values().filter(|job| job.state == state).count() as i64, "{state}");
        }
        let newest = self.chronicle.jobs.keys().next_back().copied().unwrap_or_default();
        let sums = [
            ("seq", self.chronicle.seq),
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
        assert_eq!(hours.into_iter().collect::<BTreeMap<i64, [i64; 3]>>(), self.chronicle.hours, "ended in each hour");
    }
}

/// The file itself is sound, and as durable and tidy as promised.
fn check_the_file(connection: &Connection) {
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
