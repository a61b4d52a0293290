//! Runs of reported jobs.

use async_trait::async_trait;
use model::{Event, JobId, JobState, JobView, Micros};
use rusqlite::params;

use super::{SqliteStore, backend::WriteCommand, error::corrupt, read::Reader, transaction::Transaction};
use crate::{
    Error, Result,
    store::{
        Claimed, Fence, LogAck, MAX_KINDS, NewJob, OpenRun, OpenedRun, ReportedEnd, ReporterChange, Reports, RunKey,
        RunningRun, WorkerId,
        rules::{
            record::STARTED,
            reports::{CONTACT_LOST, CONTACT_REGAINED, RETURNED, can_return},
        },
    },
};

#[async_trait]
impl Reports for SqliteStore {
    async fn open_run(&self, open: OpenRun) -> Result<OpenedRun> {
        self.writer().run(open).await
    }

    async fn find_run(&self, key: &RunKey) -> Result<Option<Option<(JobView, u64)>>> {
        self.reader().find_run(key).await
    }

    async fn unnamed_run(&self, owner: &str, token: &str, kind: &str) -> Result<Option<String>> {
        self.reader().unnamed_run(owner, token, kind).await
    }

    async fn adopt_runs(&self, worker: &WorkerId) -> Result<Vec<RunningRun>> {
        self.writer().run(AdoptRuns { worker: worker.clone() }).await
    }

    async fn change_reporter(&self, fence: Fence, change: ReporterChange) -> Result<()> {
        self.writer().run(ChangeReporter { fence, change }).await
    }

    async fn set_contact(&self, fence: Fence, lost_at: Option<Micros>) -> Result<()> {
        self.writer().run(SetContact { fence, lost_at }).await
    }

    async fn reporter_of(&self, job: JobId) -> Result<Option<(RunKey, String)>> {
        self.reader().reporter_of(job).await
    }
}

impl WriteCommand for OpenRun {
    type Answer = OpenedRun;
    const ADDS: bool = true;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<OpenedRun> {
        let Some(job) = transaction.job_of_run(&self.key)? else {
            return transaction.create_run(self).map(|run| OpenedRun::Running(Box::new(run)));
        };
        let view = match transaction.find(job) {
            Ok(view) => view,
            Err(Error::NoSuchJob(_)) => return Ok(OpenedRun::Gone),
            Err(error) => return Err(error),
        };
        if view.state == JobState::Running {
            transaction.host_run(job, &self.worker)?;
        } else if can_return(&view) {
            transaction.continue_run(&view, &self.worker)?;
        } else {
            return Ok(OpenedRun::Ended(Box::new(view)));
        }
        Ok(OpenedRun::Running(Box::new(transaction.running_run(job)?)))
    }
}

struct AdoptRuns {
    worker: WorkerId,
}

impl WriteCommand for AdoptRuns {
    type Answer = Vec<RunningRun>;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Vec<RunningRun>> {
        let jobs = transaction.rows(
            "select id from job indexed by job_by_state where state = 'running' and reported_from is not null",
            [],
            |row| Ok(JobId(row.get(0)?)),
        )?;
        jobs.into_iter()
            .map(|job| {
                transaction.host_run(job, &self.worker)?;
                transaction.running_run(job)
            })
            .collect()
    }
}

struct ChangeReporter {
    fence: Fence,
    change: ReporterChange,
}

impl WriteCommand for ChangeReporter {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let ReporterChange { writer, heartbeat, part } = &self.change;
        let changed = transaction.execute(
            "update reporter set writer = coalesce(?, writer), heartbeat = iif(?, ?, heartbeat),
                part = max(part, coalesce(?, part))
            where job = ? and exists (
                select 1 from job where id = reporter.job and attempt = ? and boot = ? and state = 'running'
            )",
            params![
                writer,
                heartbeat.is_some(),
                heartbeat.flatten().map(|seconds| seconds as i64),
                part.map(|part| part as i64),
                self.fence.job.0,
                self.fence.attempt,
                self.fence.worker.0
            ],
        )?;
        if changed == 0 { Err(Error::Fenced) } else { Ok(()) }
    }
}

struct SetContact {
    fence: Fence,
    lost_at: Option<Micros>,
}

impl WriteCommand for SetContact {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Self { fence, lost_at } = self;
        let view = transaction.update(
            fence.job,
            "update job not indexed set no_contact_since = ?1
            where id = ?2 and attempt = ?3 and boot = ?4 and state = 'running'
            and (no_contact_since is null) <> (?1 is null)",
            params![lost_at.map(|at| at.0), fence.job.0, fence.attempt, fence.worker.0],
        )?;
        if let Some(view) = view {
            transaction.record_update(view, if lost_at.is_some() { CONTACT_LOST } else { CONTACT_REGAINED });
        }
        Ok(())
    }
}

impl Transaction<'_> {
    fn job_of_run(&self, RunKey { owner, kind, run }: &RunKey) -> Result<Option<JobId>> {
        let sql = "select job from reporter where owner = ? and kind = ? and run = ?";
        self.row(sql, params![owner, kind, run], |row| Ok(JobId(row.get(0)?)))
    }

    /// Accepts the job of a new run and claims it at once.
    fn create_run(&mut self, open: &OpenRun) -> Result<RunningRun> {
        let OpenRun { key, is_named, by, worker, title, started_at, host, start } = open;
        self.check_kind_limit(&key.kind)?;
        let new = NewJob { title: title.clone(), by: by.clone(), ..NewJob::of(&key.kind) };
        let in_line = self.end_of_queue();
        let job = self.enqueue(&new, in_line)?;
        self.execute(
            "insert into reporter (job, owner, token, kind, run, is_named, start) values (?, ?, ?, ?, ?, ?, ?)",
            params![job.0, key.owner, by.token.as_deref().unwrap_or_default(), key.kind, key.run, is_named, start],
        )?;
        let view = self.update(
            job,
            "update job not indexed set state = 'running', boot = ?, started_at = min(?, coalesce(?, ?)),
                charged = charged + 1, reported_from = ?
            where id = ? and state = 'queued'",
            params![worker.0, self.now.0, started_at.map(|at| at.0), self.now.0, host, job.0],
        )?;
        let view = view.ok_or_else(|| corrupt("a new run", format!("job {job} is not queued")))?;
        self.record_transition(Some(JobState::Queued), view, STARTED);
        Ok(RunningRun { is_new: true, ..self.running_run(job)? })
    }

    fn check_kind_limit(&self, kind: &str) -> Result<()> {
        if self.row("select 1 from kind where name = ?", [kind], |_| Ok(()))?.is_some() {
            return Ok(());
        }
        let kinds: u32 = self.row("select count(*) from kind", [], |row| Ok(row.get(0)?))?.unwrap_or_default();
        if kinds < MAX_KINDS {
            return Ok(());
        }
        Err(Error::Refused {
            code: "too_many_kinds",
            message: format!("there are {kinds} kinds already; report under one of them"),
        })
    }

    /// Makes `worker` the process that hosts a running run. Whatever another one still writes is refused then.
    fn host_run(&self, job: JobId, worker: &WorkerId) -> Result<()> {
        let sql = "update job not indexed set boot = ? where id = ? and state = 'running' and boot <> ?";
        self.execute(sql, params![worker.0, job.0, worker.0])?;
        Ok(())
    }

    /// Continues a run that the server had given up, in a new attempt, because nothing may follow the end of one.
    fn continue_run(&mut self, given_up: &JobView, worker: &WorkerId) -> Result<()> {
        debug_assert_eq!(given_up.state.apply(Event::Return), Ok(JobState::Running));
        let view = self.update(
            given_up.job,
            "update job not indexed set state = 'running', boot = ?, attempt = attempt + 1,
                earlier_work = earlier_work + ended_at - started_at, started_at = ?, ended_at = null,
                no_contact_since = null, cancel_requested_at = null, cancel_requested_by = null, not_responding = 0,
                failure_code = null, failure_message = null
            where id = ? and state = 'interrupted'",
            params![worker.0, self.now.0, given_up.job.0],
        )?;
        let view = view.ok_or_else(|| corrupt("a run", format!("job {} is not interrupted", given_up.job)))?;
        self.record_transition(Some(JobState::Interrupted), view, RETURNED);
        Ok(())
    }

    fn running_run(&self, job: JobId) -> Result<RunningRun> {
        let view = self.find(job)?;
        let run = self.row(
            "select job.boot, job.log_lines, job.charged, reporter.owner, reporter.kind, reporter.run, reporter.writer,
                reporter.acked, reporter.part, reporter.heartbeat, reporter.start
            from job join reporter on reporter.job = job.id where job.id = ?",
            [job.0],
            |row| {
                let worker = WorkerId(row.get(0)?);
                let fence = Fence { job, attempt: view.attempt, worker };
                let next_line = row.get::<_, i64>(1)? as u64 + 1;
                let claimed =
                    Claimed { fence, view: view.clone(), input: "{}".to_owned(), next_line, charged: row.get(2)? };
                let key = RunKey { owner: row.get::<_, String>(3)?.into(), kind: row.get(4)?, run: row.get(5)? };
                Ok(RunningRun {
                    claimed,
                    key,
                    is_new: false,
                    writer: row.get(6)?,
                    acked: row.get::<_, i64>(7)? as u64,
                    part: row.get::<_, i64>(8)? as u64,
                    heartbeat: row.get::<_, Option<i64>>(9)?.map(|seconds| seconds as u64),
                    start: row.get(10)?,
                })
            },
        )?;
        run.ok_or_else(|| corrupt("a run", format!("job {job} has no reporter")))
    }

    /// Stores what a chunk of log acknowledges; `held` is whether its attempt still holds the job.
    pub(super) fn acknowledge_log(&self, job: JobId, ack: &LogAck, held: bool) -> Result<()> {
        if held {
            return self.acknowledge(job, ack.acked);
        }
        ack.refuse();
        Ok(())
    }

    /// Stores that the entries of a run up to `acked` are durable.
    pub(super) fn acknowledge(&self, job: JobId, acked: u64) -> Result<()> {
        self.execute("update reporter set acked = max(acked, ?) where job = ?", params![acked as i64, job.0])?;
        Ok(())
    }

    /// The time at which an attempt ends: that of its reporter, if one reports it.
    pub(super) fn end_of_attempt(&self, reported: Option<ReportedEnd>) -> i64 {
        reported.map_or(self.now.0, |end| end.at.0.min(self.now.0))
    }
}

impl Reader {
    async fn find_run(&self, RunKey { owner, kind, run }: &RunKey) -> Result<Option<Option<(JobView, u64)>>> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("select job, acked from reporter where owner = ? and kind = ? and run = ?")
                .bind(&**owner)
                .bind(kind)
                .bind(run)
                .fetch_optional(self.pool())
                .await?;
        let Some((job, acked)) = row else { return Ok(None) };
        match self.job(JobId(job)).await {
            Ok(view) => Ok(Some(Some((view, acked as u64)))),
            Err(Error::NoSuchJob(_)) => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }

    async fn unnamed_run(&self, owner: &str, token: &str, kind: &str) -> Result<Option<String>> {
        Ok(sqlx::query_scalar(
            "select reporter.run from reporter join job on job.id = reporter.job
            where reporter.owner = ? and reporter.kind = ? and reporter.token = ? and not reporter.is_named
            and (job.state = 'running'
                or job.state = 'interrupted' and job.failure_code in ('lost', 'given_up', 'reporter_died'))
            order by job.id desc limit 1",
        )
        .bind(owner)
        .bind(kind)
        .bind(token)
        .fetch_optional(self.pool())
        .await?)
    }

    async fn reporter_of(&self, job: JobId) -> Result<Option<(RunKey, String)>> {
        let row: Option<(String, String, String, String)> =
            sqlx::query_as("select owner, kind, run, start from reporter where job = ?")
                .bind(job.0)
                .fetch_optional(self.pool())
                .await?;
        Ok(row.map(|(owner, kind, run, start)| (RunKey { owner: owner.into(), kind, run }, start)))
    }
}
