//! One job: view, details, attempts, activity, artifacts and texts.

use std::collections::BTreeSet;

use model::{AttemptNo, JobId, JobView, Micros};
use serde::de::DeserializeOwned;
use sqlx::Row;

use super::{Reader, set_positions, view};
use crate::{
    Curve, Error, Result,
    store::{
        Activity, Artifact, AttemptRow, JobDetail, JobText, WorkerId,
        sqlite::{
            error::corrupt,
            row::{failure, json as to_json, priority, progress, state, view_column},
        },
    },
};

/// Bytes of one part of a text. Reading a part scans what is before it.
const TEXT_PART: i64 = 1 << 20;

impl Reader {
    pub(in crate::store::sqlite) async fn job(&self, job: JobId) -> Result<JobView> {
        let mut connection = self.pool.acquire().await?;
        let row = sqlx::query(concat!("select ", view_column!(), " from job where id = ?"))
            .bind(job.0)
            .fetch_optional(&mut *connection)
            .await?
            .ok_or(Error::NoSuchJob(job))?;
        let mut views = [view(&row)?];
        set_positions(&mut connection, &mut views).await?;
        let [view] = views;
        Ok(view)
    }

    pub(in crate::store::sqlite) async fn last_job(&self) -> Result<JobId> {
        Ok(JobId(sqlx::query_scalar("select last_job from ledger").fetch_one(&self.pool).await?))
    }

    pub(in crate::store::sqlite) async fn existing(&self, jobs: &[JobId]) -> Result<BTreeSet<JobId>> {
        let found: Vec<i64> = sqlx::query_scalar("select id from job where id in (select value from json_each(?))")
            .bind(to_json(&jobs)?)
            .fetch_all(&self.pool)
            .await?;
        Ok(found.into_iter().map(JobId).collect())
    }

    pub(in crate::store::sqlite) async fn detail(&self, job: JobId) -> Result<JobDetail> {
        let mut connection = self.pool.acquire().await?;
        let row = sqlx::query(concat!(
            "select ",
            view_column!(),
            ", job_input.input, attempt.output,
                iif(job.state = 'running', null, (select json_group_array(seconds) from (
                    select sum(stage.value) as seconds from attempt as past, json_each(past.stage_seconds) as stage
                    where past.job = job.id group by stage.key order by stage.key
                ))), job.log_lines,
                (select coalesce(sum(size), 0) from artifact where artifact.job = job.id),
                job.repeated_by, coalesce(attempt.trace, ''), job.priority,
                exists (select 1 from checkpoint where checkpoint.job = job.id),
                (select json_group_object(upload.id, upload.name) from upload_use
                    join upload on upload.id = upload_use.upload where upload_use.job = job.id)
            from job
            join job_input on job_input.job = job.id
            left join attempt on attempt.job = job.id and attempt.attempt = job.attempt
            where job.id = ?"
        ))
        .bind(job.0)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(Error::NoSuchJob(job))?;
        let mut views = [view(&row)?];
        set_positions(&mut connection, &mut views).await?;
        let [view] = views;
        Ok(JobDetail {
            view,
            input: json("a job's input", row.try_get(1)?)?.unwrap_or_default(),
            output: json("a job's output", row.try_get(2)?)?,
            stage_seconds: json("stage times", row.try_get(3)?)?.unwrap_or_default(),
            log_lines: row.try_get(4)?,
            artifact_bytes: row.try_get(5)?,
            repeated_by: row.try_get::<Option<i64>, _>(6)?.map(JobId),
            trace: row.try_get(7)?,
            priority: priority(row.try_get(8)?)?,
            has_checkpoint: row.try_get(9)?,
            uploads: json("names of uploads", row.try_get(10)?)?.unwrap_or_default(),
        })
    }

    pub(in crate::store::sqlite) async fn job_text(&self, job: JobId, which: JobText, from: u64) -> Result<Vec<u8>> {
        let sql = match which {
            JobText::Input => "select substr(cast(input as blob), ?, ?) from job_input where job = ?",
            JobText::Result => {
                "select substr(cast(attempt.output as blob), ?, ?) from job
                join attempt on attempt.job = job.id and attempt.attempt = job.attempt where job.id = ?"
            }
        };
        let part: Option<Option<Vec<u8>>> = sqlx::query_scalar(sql)
            .bind(from as i64 + 1)
            .bind(TEXT_PART)
            .bind(job.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(part.flatten().unwrap_or_default())
    }

    pub(in crate::store::sqlite) async fn curve(&self, job: JobId, attempt: AttemptNo) -> Result<Option<Curve>> {
        let found: Option<String> =
            sqlx::query_scalar("select curve from progress_history where job = ? and attempt = ?")
                .bind(job.0)
                .bind(attempt)
                .fetch_optional(&self.pool)
                .await?;
        json("a curve", found.as_deref())
    }

    pub(in crate::store::sqlite) async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>> {
        let rows = sqlx::query(
            "select attempt, state, started_at, null as ended_at, boot,
                failure_code, failure_message, '' as trace, progress
            from job where id = ? and state = 'running'
            union all
            select attempt, state, started_at, ended_at, boot,
                failure_code, failure_message, coalesce(trace, ''), progress
            from attempt where job = ?
            order by attempt desc",
        )
        .bind(job.0)
        .bind(job.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AttemptRow {
                    attempt: row.try_get(0)?,
                    state: state(row.try_get(1)?)?,
                    started_at: Micros(row.try_get(2)?),
                    ended_at: row.try_get::<Option<i64>, _>(3)?.map(Micros),
                    worker: WorkerId(row.try_get(4)?),
                    failure: failure(row.try_get(5)?, row.try_get(6)?),
                    trace: row.try_get(7)?,
                    progress: progress(row.try_get(8)?)?,
                })
            })
            .collect()
    }

    /// Most of it follows from the job and its attempts; actions of users are in `activity`. An action may start a
    /// waiting job at the same time, and is sorted before that start.
    pub(in crate::store::sqlite) async fn activity(&self, job: JobId, limit: u32) -> Result<Vec<Activity>> {
        let rows = sqlx::query(
            "select created_at as at, 0 as place, 'created' as what, 1 as attempt, created_by as by,
                ltrim(coalesce('#' || rerun_of, '') || coalesce(', with token ' || coalesce(
                    (select token from audit indexed by audit_by_job where audit.job = ?1 and what = 'job_started'),
                    (select iif(audit.job + lines > ?1, token, null) from audit indexed by audit_by_run
                    where audit.job <= ?1 and lines > 1 order by audit.job desc limit 1)
                ), ''), ', ') as detail, 0 as nth
            from job where id = ?1
            union all
            select started_at, 2, 'started', attempt, null, '', 0 from job where id = ?1 and state = 'running'
            union all
            select started_at, 2, 'started', attempt, null, '', 0 from attempt where job = ?1
            union all
            select at, iif(what in ('set_aside', 'retried', 'resumed', 'started_now'), 1, 3), what, attempt, by, detail, id
            from activity where job = ?1
            union all
            select ended_at, 4, case state when 'queued' then 'handed_back' when 'scheduled' then 'snoozed' else state end,
                attempt, null, coalesce(failure_message, ''), 0
            from attempt where job = ?1
            order by at desc, attempt desc, place desc, nth desc limit ?2",
        )
        .bind(job.0)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Activity {
                    at: Micros(row.try_get(0)?),
                    what: row.try_get(2)?,
                    attempt: row.try_get(3)?,
                    by: row.try_get(4)?,
                    detail: row.try_get(5)?,
                })
            })
            .collect()
    }

    pub(in crate::store::sqlite) async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>> {
        let rows = sqlx::query(
            "select name, attempt, size, at from artifact
            where job = ? and attempt = (select max(attempt) from artifact where job = ?)
            order by name",
        )
        .bind(job.0)
        .bind(job.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Artifact {
                    name: row.try_get(0)?,
                    attempt: row.try_get(1)?,
                    size: row.try_get(2)?,
                    at: Micros(row.try_get(3)?),
                })
            })
            .collect()
    }
}

/// A value from its column of JSON, if there is one.
pub(super) fn json<T: DeserializeOwned>(what: &str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| serde_json::from_str(text).map_err(|error| corrupt(what, error))).transpose()
}
