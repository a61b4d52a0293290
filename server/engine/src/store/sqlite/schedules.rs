//! Schedules: their rows, and what commands and due runs share.

mod commands;
mod fire;

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{JobId, Micros, ScheduleEvent, StreamEvent};
use rusqlite::{Row, params};

use super::{SqliteStore, error::corrupt, transaction::Transaction};
use crate::{
    Error, Result,
    store::{
        Attribution, Due, Fire, Fired, JobRuns, MAX_SKIPS_KEPT, Missed, Overlap, Run, RunOf, SavePlan, Schedule,
        ScheduleId, SchedulePage, ScheduleQuery, Schedules, Skip, SkipReason, rules::due_run::check_revision,
    },
    types::visibility::Visibility,
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
        self.writer.run(commands::Add { save, only: false }).await
    }

    async fn add_only_schedule(&self, save: SavePlan) -> Result<ScheduleId> {
        self.writer.run(commands::Add { save, only: true }).await
    }

    async fn change_schedule(&self, schedule: ScheduleId, revision: i64, save: SavePlan) -> Result<()> {
        self.writer.run(commands::Change { schedule, revision, save }).await
    }

    async fn pause_schedule(&self, schedule: ScheduleId, by: &Attribution) -> Result<()> {
        self.writer.run(commands::Pause { schedule, by: by.clone() }).await
    }

    async fn stop_schedule(&self, schedule: ScheduleId, revision: i64, why: &str) -> Result<()> {
        self.writer.run(commands::Stop { schedule, revision, why: why.to_owned() }).await
    }

    async fn resume_schedule(
        &self,
        schedule: ScheduleId,
        revision: i64,
        next_at: Option<Micros>,
        by: &Attribution,
    ) -> Result<()> {
        self.writer.run(commands::Resume { schedule, revision, next_at, by: by.clone() }).await
    }

    async fn delete_schedule(&self, schedule: ScheduleId, revision: Option<i64>, by: &Attribution) -> Result<()> {
        self.writer.run(commands::Delete { schedule, revision, by: by.clone() }).await
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

    async fn next_schedules(&self, limit: u32, visibility: &Visibility) -> Result<Vec<Schedule>> {
        self.reader.next_schedules(limit, visibility).await
    }

    async fn suspended_schedules(&self, limit: u32, visibility: &Visibility) -> Result<Vec<Schedule>> {
        self.reader.suspended_schedules(limit, visibility).await
    }

    async fn runs(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Run>> {
        self.reader.runs(schedule, limit).await
    }

    async fn last_runs(&self, schedules: &[ScheduleId], limit: u32, visibility: &Visibility) -> Result<JobRuns> {
        self.reader.last_runs(schedules, limit, visibility).await
    }

    async fn runs_among(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, RunOf>> {
        self.reader.runs_among(jobs).await
    }
}

/// A schedule, as far as the commands need it.
struct Found {
    id: ScheduleId,
    name: String,
    kind: String,
    owner: String,
    revision: i64,
    next_at: Option<Micros>,
    paused: bool,
    overlap: Overlap,
}

impl Found {
    /// The author of what the schedule does itself. No user can have this name.
    fn as_author(&self) -> Attribution {
        Attribution::from(format!("schedule {}", self.name))
    }
}

impl Transaction<'_> {
    fn find_schedule(&self, schedule: ScheduleId) -> Result<Found> {
        let found = self.row(
            "select id, name, kind, owner, revision, next_at, paused_at is not null, overlap from schedule where id = ?",
            [schedule.0],
            |row| {
                Ok(Found {
                    id: ScheduleId(row.get(0)?),
                    name: row.get(1)?,
                    kind: row.get(2)?,
                    owner: row.get(3)?,
                    revision: row.get(4)?,
                    next_at: row.get::<_, Option<i64>>(5)?.map(Micros),
                    paused: row.get(6)?,
                    overlap: overlap(&row.get::<_, String>(7)?)?,
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

    /// Records that a schedule was changed.
    fn record_schedule_event(&mut self, schedule: ScheduleId, kind: &str, owner: &str) {
        let event = ScheduleEvent { schedule: schedule.0, kind: kind.to_owned(), owner: owner.to_owned() };
        self.record_event(None, StreamEvent::Schedule(event));
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
            [schedule.0, MAX_SKIPS_KEPT],
        )?;
        Ok(())
    }

    /// The active runs, oldest first.
    fn active_runs(&self, schedule: ScheduleId) -> Result<Vec<JobId>> {
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
    fn waiting_runs(&self, schedule: ScheduleId) -> Result<Vec<Micros>> {
        self.rows("select due from schedule_wait where schedule = ? order by due", [schedule.0], |row: &Row<'_>| {
            Ok(Micros(row.get(0)?))
        })
    }
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
pub(super) fn why(word: &str) -> Result<SkipReason> {
    SkipReason::from_word(word).ok_or_else(|| corrupt("a skipped run", word))
}
