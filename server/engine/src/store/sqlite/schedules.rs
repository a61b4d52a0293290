//! Schedules: commands of users, and due runs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{JobId, Micros};
use rusqlite::{Row, params};

use super::{
    SqliteStore, backend::WriteCommand, error::corrupt, job_commands::RequestCancel, transaction::Transaction,
};
use crate::{
    Error, Result,
    access::Sight,
    store::{
        By, Due, Fire, Fired, JobRuns, Missed, NewJob, Overlap, Run, RunOf, SKIPS_KEPT, SavePlan, Schedule, ScheduleId,
        SchedulePage, ScheduleQuery, Schedules, Skip, Why,
        rules::{
            due_run::{DueRuns, check_revision, skipped_by_pause},
            limits::check_schedule_count,
        },
    },
};

/// The condition for active jobs that are runs, in statements over `job` by its index `job_of_schedule`.
macro_rules! active_run {
    () => {
        "job.schedule is not null and (job.state = 'scheduled' or job.state = 'queued' or job.state = 'running' \
         or job.state = 'paused')"
    };
}
pub(super) use active_run;

#[async_trait]
impl Schedules for SqliteStore {
    async fn add_schedule(&self, save: SavePlan) -> Result<ScheduleId> {
        self.writer.run(Add { save }).await
    }

    async fn change_schedule(&self, schedule: ScheduleId, revision: i64, save: SavePlan) -> Result<()> {
        self.writer.run(Change { schedule, revision, save }).await
    }

    async fn pause_schedule(&self, schedule: ScheduleId, by: &By) -> Result<()> {
        self.writer.run(Pause { schedule, by: by.clone() }).await
    }

    async fn stop_schedule(&self, schedule: ScheduleId, revision: i64, why: &str) -> Result<()> {
        self.writer.run(Stop { schedule, revision, why: why.to_owned() }).await
    }

    async fn resume_schedule(
        &self,
        schedule: ScheduleId,
        revision: i64,
        next_at: Option<Micros>,
        by: &By,
    ) -> Result<()> {
        self.writer.run(Resume { schedule, revision, next_at, by: by.clone() }).await
    }

    async fn delete_schedule(&self, schedule: ScheduleId, revision: Option<i64>, by: &By) -> Result<()> {
        self.writer.run(Delete { schedule, revision, by: by.clone() }).await
    }

    async fn fire(&self, fire: Fire) -> Result<Fired> {
        self.writer.run(fire).await
    }

    async fn due_schedules(&self, now: Micros) -> Result<Due> {
        self.reader.due_schedules(now).await
    }

    async fn schedule(&self, schedule: ScheduleId) -> Result<Schedule> {
        self.reader.schedule(schedule).await
    }

    async fn schedules(&self, query: &ScheduleQuery) -> Result<SchedulePage> {
        self.reader.schedules(query).await
    }

    async fn next_schedules(&self, limit: u32, sight: &Sight) -> Result<Vec<Schedule>> {
        self.reader.next_schedules(limit, sight).await
    }

    async fn runs(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Run>> {
        self.reader.runs(schedule, limit).await
    }

    async fn last_runs(&self, schedules: &[ScheduleId], limit: u32, sight: &Sight) -> Result<JobRuns> {
        self.reader.last_runs(schedules, limit, sight).await
    }

    async fn runs_among(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, RunOf>> {
        self.reader.runs_among(jobs).await
    }
}

/// Adds a schedule.
struct Add {
    save: SavePlan,
}

impl WriteCommand for Add {
    const ADDS: bool = true;

    type Answer = ScheduleId;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<ScheduleId> {
        let SavePlan { plan, uploads, next_at, by } = &self.save;
        transaction.check_schedule_count(&by.name)?;
        transaction.check_uploads(uploads)?;
        let now = transaction.now.0;
        transaction.execute(
            "insert into schedule (name, kind, input, priority, expression, zone, overlap, missed, missed_most, owner,
                created_at, changed_at, changed_by, next_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                plan.name,
                plan.kind,
                plan.input,
                plan.priority.level(),
                plan.expression,
                plan.zone,
                plan.overlap.as_str(),
                plan.missed.as_str(),
                plan.missed.most().max(1),
                by.name,
                now,
                now,
                by.name,
                next_at.map(|at| at.0)
            ],
        )?;
        let id = transaction.row("select last_insert_rowid()", [], |row| Ok(ScheduleId(row.get(0)?)))?;
        let id = id.ok_or_else(|| corrupt("a new schedule", "it has no number"))?;
        transaction.refer_to_uploads(id, uploads)?;
        transaction.audit(by, "schedule_created", None, &named(id, &plan.name))?;
        Ok(id)
    }
}

/// Replaces the plan of a schedule.
struct Change {
    schedule: ScheduleId,
    revision: i64,
    save: SavePlan,
}

impl WriteCommand for Change {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let SavePlan { plan, uploads, next_at, by } = &self.save;
        transaction.find_schedule_at(self.schedule, self.revision)?;
        transaction.check_uploads(uploads)?;
        transaction.execute(
            "update schedule set name = ?, kind = ?, input = ?, priority = ?, expression = ?, zone = ?, overlap = ?,
                missed = ?, missed_most = ?, changed_at = ?, changed_by = ?, revision = revision + 1,
                -- Unless the times themselves are changed: a run may have come due, or been started, meanwhile.
                next_at = case when paused_at is null and expression = ?5 and zone = ?6 then next_at else ?13 end
            where id = ?12",
            params![
                plan.name,
                plan.kind,
                plan.input,
                plan.priority.level(),
                plan.expression,
                plan.zone,
                plan.overlap.as_str(),
                plan.missed.as_str(),
                plan.missed.most().max(1),
                transaction.now.0,
                by.name,
                self.schedule.0,
                next_at.map(|at| at.0)
            ],
        )?;
        transaction.execute("delete from schedule_upload where schedule = ?", [self.schedule.0])?;
        transaction.refer_to_uploads(self.schedule, uploads)?;
        transaction.audit(by, "schedule_changed", None, &named(self.schedule, &plan.name))
    }
}

/// Pauses a schedule.
struct Pause {
    schedule: ScheduleId,
    by: By,
}

impl WriteCommand for Pause {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find_schedule(self.schedule)?;
        // The first user to pause it stays recorded.
        if found.paused {
            return Ok(());
        }
        transaction.pause_schedule(&found, Some(&self.by.name), "")?;
        transaction.audit(&self.by, "schedule_paused", None, &named(found.id, &found.name))
    }
}

/// Pauses a schedule on the engine's own account.
struct Stop {
    schedule: ScheduleId,
    revision: i64,
    why: String,
}

impl WriteCommand for Stop {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = match transaction.find_schedule(self.schedule) {
            Ok(found) if found.revision == self.revision && !found.paused => found,
            Ok(_) | Err(Error::NoSuchSchedule(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        transaction.pause_schedule(&found, None, &self.why)?;
        tracing::warn!(schedule = found.id.0, name = found.name, why = self.why, "schedule paused by the engine");
        let detail = format!("{}: {}", named(found.id, &found.name), self.why);
        transaction.audit(&found.as_author(), "schedule_stopped", None, &detail)
    }
}

/// Resumes a schedule.
struct Resume {
    schedule: ScheduleId,
    revision: i64,
    next_at: Option<Micros>,
    by: By,
}

impl WriteCommand for Resume {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find_schedule_at(self.schedule, self.revision)?;
        if !found.paused {
            return Ok(());
        }
        transaction.execute(
            "update schedule set paused_at = null, paused_by = null, paused_why = '', next_at = ?,
                changed_at = ?, changed_by = ?, revision = revision + 1
            where id = ?",
            params![self.next_at.map(|at| at.0), transaction.now.0, self.by.name, self.schedule.0],
        )?;
        transaction.audit(&self.by, "schedule_resumed", None, &named(found.id, &found.name))
    }
}

/// Deletes a schedule. Its jobs stay.
struct Delete {
    schedule: ScheduleId,
    revision: Option<i64>,
    by: By,
}

impl WriteCommand for Delete {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = match self.revision {
            Some(revision) => transaction.find_schedule_at(self.schedule, revision)?,
            None => transaction.find_schedule(self.schedule)?,
        };
        transaction.execute("delete from schedule where id = ?", [self.schedule.0])?;
        transaction.audit(&self.by, "schedule_deleted", None, &named(found.id, &found.name))
    }
}

/// A schedule, as far as the commands need it.
struct Found {
    id: ScheduleId,
    name: String,
    revision: i64,
    next_at: Option<Micros>,
    paused: bool,
    overlap: Overlap,
}

impl Found {
    /// The author of what the schedule does itself. No user can have this name.
    fn as_author(&self) -> By {
        By::from(format!("schedule {}", self.name))
    }
}

impl WriteCommand for Fire {
    const ADDS: bool = true;

    type Answer = Fired;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Fired> {
        let found = match transaction.find_schedule(self.schedule) {
            Ok(found) if found.revision == self.revision && found.next_at == self.seen && !found.paused => found,
            Ok(_) | Err(Error::NoSuchSchedule(_)) => return Ok(Fired::Stale),
            Err(error) => return Err(error),
        };
        let under_way = transaction.runs_under_way(self.schedule)?;
        let waiting = transaction.runs_waiting(self.schedule)?;
        let mut runs = DueRuns::decide(self, found.overlap, under_way, waiting);
        let start = transaction.next_run(self, &found, &mut runs)?;
        // An upload may be gone, which refuses the start: so it comes before all other writes.
        let in_line = transaction.end_of_queue();
        let started = start.map(|job| transaction.enqueue(&job, in_line)).transpose()?;
        transaction.write_runs(self, &found, &runs)?;
        Ok(started.map_or(Fired::Nothing, Fired::Started))
    }
}

impl Transaction<'_> {
    /// The job of the run that starts now, if there is one. A run is skipped if a job with its unique key is active.
    fn next_run(&self, fire: &Fire, found: &Found, runs: &mut DueRuns) -> Result<Option<NewJob>> {
        let Some(due) = runs.take_next() else { return Ok(None) };
        let job = &fire.job;
        let same = job.unique_key.as_ref().map_or(Ok(None), |key| self.active_job(&job.kind, key))?;
        if let Some(same) = same {
            runs.skip(due, Why::SameJob, Some(same));
            return Ok(None);
        }
        let run = RunOf { schedule: found.id, name: found.name.clone(), due: Some(due) };
        Ok(Some(NewJob { run_of: Some(run), ..job.clone() }))
    }

    fn write_runs(&mut self, fire: &Fire, found: &Found, runs: &DueRuns) -> Result<()> {
        let id = found.id;
        for due in &runs.taken {
            self.execute("delete from schedule_wait where schedule = ? and due = ?", [id.0, due.0])?;
        }
        for due in &runs.waiting {
            self.execute(
                "insert into schedule_wait (schedule, due) values (?, ?) on conflict do nothing",
                [id.0, due.0],
            )?;
        }
        for (skip, job) in &runs.skipped {
            self.record_skip(id, *skip, *job)?;
        }
        for job in &runs.cancelled {
            RequestCancel { job: *job, by: found.as_author() }.run(self)?;
        }
        if fire.next_at != fire.seen {
            let next_at = fire.next_at.map(|at| at.0);
            self.execute("update schedule set next_at = ? where id = ?", params![next_at, id.0])?;
        }
        Ok(())
    }

    fn check_schedule_count(&self, owner: &str) -> Result<()> {
        let sql = "select coalesce(sum(owner = ?), 0), count(*) from schedule";
        let counts = self.row(sql, [owner], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
        let (own, all) = counts.unwrap_or_default();
        check_schedule_count(owner, own, all)
    }

    fn find_schedule(&self, schedule: ScheduleId) -> Result<Found> {
        let found = self.row(
            "select id, name, revision, next_at, paused_at is not null, overlap from schedule where id = ?",
            [schedule.0],
            |row| {
                Ok(Found {
                    id: ScheduleId(row.get(0)?),
                    name: row.get(1)?,
                    revision: row.get(2)?,
                    next_at: row.get::<_, Option<i64>>(3)?.map(Micros),
                    paused: row.get(4)?,
                    overlap: overlap(&row.get::<_, String>(5)?)?,
                })
            },
        )?;
        found.ok_or(Error::NoSuchSchedule(schedule))
    }

    /// The schedule, if it is unchanged since `revision`.
    fn find_schedule_at(&self, schedule: ScheduleId, revision: i64) -> Result<Found> {
        let found = self.find_schedule(schedule)?;
        check_revision(&found.name, found.revision, revision)?;
        Ok(found)
    }

    /// Pauses a schedule and skips its waiting runs.
    fn pause_schedule(&mut self, found: &Found, by: Option<&str>, why: &str) -> Result<()> {
        let waiting = self.runs_waiting(found.id)?;
        self.execute(
            "update schedule set paused_at = ?, paused_by = ?, paused_why = ?, revision = revision + 1 where id = ?",
            params![self.now.0, by, why, found.id.0],
        )?;
        self.execute("delete from schedule_wait where schedule = ?", [found.id.0])?;
        if let Some(skip) = skipped_by_pause(&waiting) {
            self.record_skip(found.id, skip, None)?;
        }
        Ok(())
    }

    /// Records skipped runs, and deletes the oldest records.
    fn record_skip(&self, schedule: ScheduleId, skip: Skip, job: Option<JobId>) -> Result<()> {
        let Skip { due, last_due, runs, why } = skip;
        self.execute(
            "insert into schedule_skip (schedule, due, last_due, runs, at, why, job) values (?, ?, ?, ?, ?, ?, ?)",
            params![schedule.0, due.0, last_due.0, runs as i64, self.now.0, why.as_str(), job.map(|job| job.0)],
        )?;
        self.execute(
            "delete from schedule_skip where id <= (
                select id from schedule_skip indexed by schedule_skip_by_schedule
                where schedule = ?1 order by id desc limit 1 offset ?2
            ) and schedule = ?1",
            [schedule.0, SKIPS_KEPT],
        )?;
        Ok(())
    }

    /// The active runs, oldest first.
    fn runs_under_way(&self, schedule: ScheduleId) -> Result<Vec<JobId>> {
        self.rows(
            concat!(
                "select job.id from job indexed by job_of_schedule where job.schedule = ? and ",
                active_run!(),
                " order by job.id"
            ),
            [schedule.0],
            |row| Ok(JobId(row.get(0)?)),
        )
    }

    /// The waiting runs, oldest first.
    fn runs_waiting(&self, schedule: ScheduleId) -> Result<Vec<Micros>> {
        self.rows("select due from schedule_wait where schedule = ? order by due", [schedule.0], |row: &Row<'_>| {
            Ok(Micros(row.get(0)?))
        })
    }

    /// Refuses uploads that do not exist.
    fn check_uploads(&self, uploads: &[String]) -> Result<()> {
        for upload in uploads {
            if self.row("select 1 from upload where id = ?", [upload], |_| Ok(()))?.is_none() {
                return Err(Error::NoSuchUpload(upload.clone()));
            }
        }
        Ok(())
    }

    /// Makes a schedule refer to uploads, which keeps them.
    fn refer_to_uploads(&self, schedule: ScheduleId, uploads: &[String]) -> Result<()> {
        for upload in uploads {
            self.execute(
                "insert into schedule_upload (schedule, upload) values (?, ?) on conflict do nothing",
                params![schedule.0, upload],
            )?;
        }
        Ok(())
    }
}

/// The name of a schedule in the audit log.
fn named(id: ScheduleId, name: &str) -> String {
    format!("{name} (schedule {id})")
}

/// The columns of a [`Schedule`], from `schedule`, with `$input` as its input.
macro_rules! schedules_with {
    ($input:literal) => {
        concat!(
            "select id, name, kind, ",
            $input,
            ", priority, expression, zone, overlap, missed, missed_most, owner, created_at,
        changed_at, changed_by, revision, next_at, paused_at, paused_by, paused_why,
        (select max(job.id) from job indexed by job_of_schedule where job.schedule = schedule.id and ",
            active_run!(),
            "),
        (select count(*) from schedule_wait where schedule_wait.schedule = schedule.id)
    from schedule"
        )
    };
}

/// Whole schedules.
pub(super) const SCHEDULES: &str = schedules_with!("input");
/// Schedules for lists, without their inputs, which may be large.
pub(super) const LISTED: &str = schedules_with!("'{}'");

/// A catch-up policy from its columns.
pub(super) fn missed(word: &str, most: u32) -> Result<Missed> {
    Missed::from_word(word, most).ok_or_else(|| corrupt("a schedule", word))
}

/// An overlap policy from its column.
pub(super) fn overlap(word: &str) -> Result<Overlap> {
    Overlap::from_word(word).ok_or_else(|| corrupt("a schedule", word))
}

/// The reason of a skip from its column.
pub(super) fn why(word: &str) -> Result<Why> {
    Why::from_word(word).ok_or_else(|| corrupt("a skipped run", word))
}
