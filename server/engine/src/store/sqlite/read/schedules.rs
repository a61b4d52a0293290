//! Schedules, their due runs, and their history.

use std::collections::BTreeMap;

use model::{JobId, Micros};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::Reader;
use crate::{
    Error, Result,
    store::{
        Due, JobRuns, Pause, Plan, Run, RunOf, Schedule, ScheduleAt, ScheduleId, SchedulePage, ScheduleQuery, Skip,
        sqlite::{
            row::{self, json, priority, view_column},
            schedules::{LISTED, SCHEDULES, active_run, missed, overlap, why},
        },
    },
    types::visibility::Visibility,
};

/// The condition for visible schedules, by the user's own name and the hidden kinds, as JSON.
macro_rules! visible {
    () => {
        "(owner = ? or kind not in (select value from json_each(?)))"
    };
}

/// Schedules per call; the rest is due at once and comes with the next call.
const DUE_AT_ONCE: u32 = 100;

impl Reader {
    pub(in crate::store::sqlite) async fn due_schedules(&self, now: Micros) -> Result<Due> {
        let sql = format!(
            "{SCHEDULES} indexed by schedule_due where paused_at is null and next_at <= ? order by next_at limit ?"
        );
        let due = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(DUE_AT_ONCE).fetch_all(&self.pool).await?;
        let mut schedules = due.iter().map(schedule).collect::<Result<Vec<_>>>()?;
        let waiting: bool =
            sqlx::query_scalar("select exists (select 1 from schedule_wait)").fetch_one(&self.pool).await?;
        if waiting {
            let sql = format!(
                "{SCHEDULES} where id in (select schedule from schedule_wait) and not exists (
                    select 1 from job indexed by job_of_schedule where job.schedule = schedule.id and {}
                ) and (next_at is null or next_at > ?) limit ?",
                active_run!()
            );
            let free = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(DUE_AT_ONCE).fetch_all(&self.pool).await?;
            schedules.extend(free.iter().map(schedule).collect::<Result<Vec<_>>>()?);
        }
        let next: Option<i64> = sqlx::query_scalar(
            "select min(next_at) from schedule indexed by schedule_due where paused_at is null and next_at > ?",
        )
        .bind(now.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(Due { schedules, next: next.map(Micros), waiting })
    }

    pub(in crate::store::sqlite) async fn schedule(&self, id: ScheduleId) -> Result<Schedule> {
        let sql = format!("{SCHEDULES} where id = ?");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.pool).await?;
        schedule(&row.ok_or(Error::NoSuchSchedule(id))?)
    }

    pub(in crate::store::sqlite) async fn schedules(&self, query: &ScheduleQuery) -> Result<SchedulePage> {
        let limit = query.limit.clamp(1, 200) as usize;
        let mut transaction = self.pool.begin().await?;
        let (own, hidden) = (&*query.visibility.own, json(&query.visibility.hidden)?);
        let at = match query.at {
            Some(at @ (ScheduleAt::After(id) | ScheduleAt::Before(id))) => {
                let there: Option<i64> =
                    sqlx::query_scalar(concat!("select id from schedule where id = ? and ", visible!()))
                        .bind(id.0)
                        .bind(own)
                        .bind(&hidden)
                        .fetch_optional(&mut *transaction)
                        .await?;
                there.map(|_| at)
            }
            None => None,
        };
        let total: i64 = sqlx::query_scalar(concat!("select count(*) from schedule where ", visible!()))
            .bind(own)
            .bind(&hidden)
            .fetch_one(&mut *transaction)
            .await?;
        let mut ids = scan(&mut transaction, &query.visibility, at, limit + 1).await?;
        let more = ids.len() > limit;
        ids.truncate(limit);
        // The schedule from which this page was reached is behind.
        let (before, after) = match at {
            None => (false, more),
            Some(ScheduleAt::After(_)) => (true, more),
            Some(ScheduleAt::Before(_)) => (more, true),
        };
        let sql = format!("{LISTED} where id in (select value from json_each(?)) order by name collate nocase, id");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(json(&ids)?).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let schedules = rows.iter().map(schedule).collect::<Result<_>>()?;
        Ok(SchedulePage { schedules, before, after, total: total as u64 })
    }

    pub(in crate::store::sqlite) async fn next_schedules(
        &self,
        limit: u32,
        visibility: &Visibility,
    ) -> Result<Vec<Schedule>> {
        let due = "indexed by schedule_due where paused_at is null and next_at is not null";
        self.listed(due, "next_at", limit, visibility).await
    }

    pub(in crate::store::sqlite) async fn suspended_schedules(
        &self,
        limit: u32,
        visibility: &Visibility,
    ) -> Result<Vec<Schedule>> {
        let suspended = "indexed by schedule_suspended where paused_at is not null and paused_by is null";
        self.listed(suspended, "paused_at desc", limit, visibility).await
    }

    /// The first visible schedules of an index.
    async fn listed(
        &self,
        found: &'static str,
        order: &'static str,
        limit: u32,
        visibility: &Visibility,
    ) -> Result<Vec<Schedule>> {
        let sql = format!("{LISTED} {found} and {} order by {order} limit ?", visible!());
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(&*visibility.own)
            .bind(json(&visibility.hidden)?)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(schedule).collect()
    }

    pub(in crate::store::sqlite) async fn runs(&self, id: ScheduleId, limit: u32) -> Result<Vec<Run>> {
        let started = sqlx::query(concat!(
            "select ",
            view_column!(),
            ", job.due from job indexed by job_by_schedule where job.schedule = ? order by job.id desc limit ?"
        ))
        .bind(id.0)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let skipped = sqlx::query(
            "select due, last_due, runs, why, at, job from schedule_skip indexed by schedule_skip_by_schedule
            where schedule = ? order by id desc limit ?",
        )
        .bind(id.0)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut runs = Vec::with_capacity(started.len() + skipped.len());
        for row in &started {
            let (job, due) = (row::view(row.try_get(0)?)?, row.try_get::<Option<i64>, _>(1)?.map(Micros));
            runs.push((job.created_at, Run::Started { due, job: Box::new(job) }));
        }
        for row in &skipped {
            let at = Micros(row.try_get(4)?);
            let skip = Skip {
                due: Micros(row.try_get(0)?),
                last_due: Micros(row.try_get(1)?),
                runs: row.try_get::<i64, _>(2)? as u64,
                why: why(row.try_get(3)?)?,
            };
            runs.push((at, Run::Skipped { skip, at, job: row.try_get::<Option<i64>, _>(5)?.map(JobId) }));
        }
        // Stable: of entries with the same time, started runs come first.
        runs.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(runs.into_iter().take(limit as usize).map(|(_, run)| run).collect())
    }

    pub(in crate::store::sqlite) async fn last_runs(
        &self,
        schedules: &[ScheduleId],
        limit: u32,
        visibility: &Visibility,
    ) -> Result<JobRuns> {
        let ids: Vec<i64> = schedules.iter().map(|schedule| schedule.0).collect();
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select schedule.id, (select json_group_array(json_array(id, state, seconds) order by id) from (
                select job.id, job.state, (job.earlier_work + job.ended_at - coalesce(job.started_at, job.ended_at)) / 1e6 as seconds
                from job indexed by job_by_schedule
                where job.schedule = schedule.id and job.ended_at is not null
                    and job.state in ('succeeded', 'failed', 'cancelled', 'interrupted')
                    and (job.created_by = ? or job.kind not in (select value from json_each(?)))
                order by job.id desc limit ?
            )) from schedule where schedule.id in (select value from json_each(?))",
        )
        .bind(&*visibility.own)
        .bind(json(&visibility.hidden)?)
        .bind(limit)
        .bind(json(&ids)?)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|(id, runs)| Ok((ScheduleId(id), row::parse("the runs of a schedule", &runs)?))).collect()
    }

    pub(in crate::store::sqlite) async fn runs_among(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, RunOf>> {
        let rows: Vec<(i64, i64, String, Option<i64>)> = sqlx::query_as(
            "select job.id, schedule.id, schedule.name, job.due from job join schedule on schedule.id = job.schedule
            where job.id in (select value from json_each(?))",
        )
        .bind(json(&jobs)?)
        .fetch_all(&self.pool)
        .await?;
        let run = |(job, schedule, name, due): (_, _, _, Option<i64>)| {
            (JobId(job), RunOf { schedule: ScheduleId(schedule), name, due: due.map(Micros) })
        };
        Ok(rows.into_iter().map(run).collect())
    }
}

/// The first `limit` schedules beyond `at`, in the order of the scan.
async fn scan(
    connection: &mut SqliteConnection,
    visibility: &Visibility,
    at: Option<ScheduleAt>,
    limit: usize,
) -> Result<Vec<i64>> {
    let (beyond, order) = match at {
        None => ("", ""),
        Some(ScheduleAt::After(_)) => (">", ""),
        Some(ScheduleAt::Before(_)) => ("<", "desc"),
    };
    let filter = match beyond {
        "" => String::new(),
        beyond => format!(
            " and (name collate nocase, id) {beyond} (select name collate nocase, id from schedule where id = ?)"
        ),
    };
    let sql = format!(
        "select id from schedule where {}{filter} order by name collate nocase {order}, id {order} limit ?",
        visible!()
    );
    let mut statement =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(visibility.own.to_string()).bind(json(&visibility.hidden)?);
    if let Some(ScheduleAt::After(id) | ScheduleAt::Before(id)) = at {
        statement = statement.bind(id.0);
    }
    Ok(statement.bind(limit as i64).fetch_all(connection).await?)
}

/// Reads the columns of [`SCHEDULES`].
fn schedule(row: &SqliteRow) -> Result<Schedule> {
    let instant = |column: usize| row.try_get::<Option<i64>, _>(column).map(|at| at.map(Micros));
    let plan = Plan {
        name: row.try_get(1)?,
        kind: row.try_get(2)?,
        input: row.try_get(3)?,
        priority: priority(row.try_get(4)?)?,
        expression: row.try_get(5)?,
        zone: row.try_get(6)?,
        overlap: overlap(row.try_get(7)?)?,
        missed: missed(row.try_get(8)?, row.try_get(9)?)?,
    };
    let (by, why) = (row.try_get(17)?, row.try_get(18)?);
    Ok(Schedule {
        id: ScheduleId(row.try_get(0)?),
        plan,
        owner: row.try_get(10)?,
        created_at: Micros(row.try_get(11)?),
        changed_at: Micros(row.try_get(12)?),
        changed_by: row.try_get(13)?,
        revision: row.try_get(14)?,
        next_at: instant(15)?,
        paused: instant(16)?.map(|at| Pause { at, by, why }),
        under_way: row.try_get::<Option<i64>, _>(19)?.map(JobId),
        waiting: row.try_get(20)?,
    })
}
