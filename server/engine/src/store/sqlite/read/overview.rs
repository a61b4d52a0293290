//! Overview: jobs that need attention, statistics of hours and kinds, usage. Each costs the same at a hundred jobs and
//! at a million.

use std::{collections::HashMap, path::Path};

use model::{JobId, JobState, JobView, Micros};
use sqlx::{Row, sqlite::SqliteRow};

use super::{Reader, job::json as json_of, view};
use crate::{
    Result,
    store::{
        FIRST_STEPS_HIDDEN, FirstSteps, HourBucket, KindStats, PastRun, SMALL_INPUT, ScheduleId, Usage,
        sqlite::{
            error::corrupt,
            row::{json, view_column},
        },
    },
    types::visibility::Visibility,
};

const HOUR: i64 = 3_600_000_000;
/// Older failures need no attention any more.
const ATTENTION_SPAN: i64 = 7 * 24 * HOUR;
/// Runs in the statistics of a kind, and how many of them are shown one by one.
const RECENT_RUNS: u32 = 100;
const LAST_RUNS: usize = 20;

/// A run: job, final state, seconds.
type Run = (JobId, JobState, f64);

impl Reader {
    pub(in crate::store::sqlite) async fn attention(
        &self,
        limit: u32,
        visibility: &Visibility,
    ) -> Result<Vec<JobView>> {
        let rows = sqlx::query(concat!(
            "select ",
            view_column!(),
            " from job indexed by job_attention
            where state in ('failed', 'interrupted') and repeated_by is null and dismissed_at is null and ended_at > ?
                and (created_by = ? or kind not in (select value from json_each(?)))
            order by ended_at desc limit ?"
        ))
        .bind(self.clock.now().0 - ATTENTION_SPAN)
        .bind(&*visibility.own)
        .bind(json(&visibility.hidden)?)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(view).collect()
    }

    pub(in crate::store::sqlite) async fn finished_per_hour(&self, hours: u32) -> Result<Vec<HourBucket>> {
        let current = self.clock.now().0.div_euclid(HOUR);
        let first = current + 1 - i64::from(hours);
        let rows: Vec<(i64, i64, i64, i64)> =
            sqlx::query_as("select hour, succeeded, failed, cancelled from hour where hour between ? and ?")
                .bind(first)
                .bind(current)
                .fetch_all(&self.pool)
                .await?;
        let known: HashMap<_, _> = rows.into_iter().map(|(hour, s, f, c)| (hour, (s, f, c))).collect();
        Ok((first..=current)
            .map(|hour| {
                let (succeeded, failed, cancelled) = known.get(&hour).copied().unwrap_or_default();
                HourBucket {
                    hour: Micros(hour * HOUR),
                    succeeded: succeeded as u64,
                    failed: failed as u64,
                    cancelled: cancelled as u64,
                }
            })
            .collect())
    }

    pub(in crate::store::sqlite) async fn kind_stats(&self, visibility: &Visibility) -> Result<Vec<KindStats>> {
        let rows = sqlx::query(
            "select kind.name, kind.jobs,
                (select count(*) from job indexed by job_by_state where state = 'running' and job.kind = kind.name),
                (select json_group_array(json_array(job, state, work_time / 1e6)) from (
                    select job, state, work_time from attempt indexed by attempt_by_kind
                    where attempt.kind = kind.name and state <> 'queued'
                    order by ended_at desc limit ?
                ))
            from kind where kind.jobs > 0 and kind.name not in (select value from json_each(?)) order by kind.name",
        )
        .bind(RECENT_RUNS)
        .bind(json(&visibility.hidden)?)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let runs: Vec<Run> =
                    serde_json::from_str(row.try_get(3)?).map_err(|error| corrupt("a kind's runs", error))?;
                Ok(record(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, &runs))
            })
            .collect()
    }

    pub(in crate::store::sqlite) async fn stage_weights(&self, kind: &str) -> Result<Option<Vec<f64>>> {
        let runs: Vec<String> = sqlx::query_scalar(
            "select stage_seconds from (
                select state, attempt, stage_seconds from attempt indexed by attempt_by_kind
                where kind = ? order by ended_at desc limit ?
            )
            where state = 'succeeded' and attempt = 1 and stage_seconds is not null limit ?",
        )
        .bind(kind)
        .bind(RECENT_RUNS)
        .bind(LAST_RUNS as i64)
        .fetch_all(&self.pool)
        .await?;
        let runs = runs
            .iter()
            .map(|run| serde_json::from_str(run).map_err(|error| corrupt("stage times", error)))
            .collect::<Result<Vec<Vec<f64>>>>()?;
        Ok(mean_shares(&runs))
    }

    pub(in crate::store::sqlite) async fn recent_runs(&self, kind: &str) -> Result<Vec<PastRun>> {
        let rows = sqlx::query(
            "select run.work_time / 1e6, run.stage_seconds, progress_history.curve,
                iif(octet_length(job_input.input) <= ?, job_input.input, null)
            from (
                select job, attempt, state, work_time, ended_at, stage_seconds from attempt indexed by attempt_by_kind
                where kind = ? order by ended_at desc limit ?
            ) as run
            left join progress_history on progress_history.job = run.job and progress_history.attempt = run.attempt
            left join job_input on job_input.job = run.job
            where run.state = 'succeeded' and run.attempt = 1 order by run.ended_at desc limit ?",
        )
        .bind(SMALL_INPUT as i64)
        .bind(kind)
        .bind(RECENT_RUNS)
        .bind(LAST_RUNS as i64)
        .fetch_all(&self.pool)
        .await?;
        let run = |row: &SqliteRow| {
            Ok(PastRun {
                seconds: row.try_get(0)?,
                stage_seconds: json_of("stage times", row.try_get(1)?)?.unwrap_or_default(),
                curve: json_of("a curve", row.try_get(2)?)?.unwrap_or_default(),
                input: row.try_get(3)?,
            })
        };
        rows.iter().map(run).collect()
    }

    /// Once they are hidden, only an index is read.
    pub(in crate::store::sqlite) async fn first_steps(&self, first: &str, backup: &str) -> Result<Option<FirstSteps>> {
        let row: Option<(bool, i64, Option<i64>, Option<String>)> = sqlx::query_as(
            "select exists (select 1 from kind where name = ?), (select count(*) from user where removed_at is null),
                schedule.id, schedule.name
            from (select 1 where not exists (select 1 from audit where what = ?))
            left join schedule on schedule.id = (select min(id) from schedule where kind = ?)",
        )
        .bind(first)
        .bind(FIRST_STEPS_HIDDEN)
        .bind(backup)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(started, users, id, name)| FirstSteps {
            started,
            users: users as u64,
            backup: id.map(ScheduleId).zip(name),
        }))
    }

    pub(in crate::store::sqlite) async fn usage(&self) -> Result<Usage> {
        let row = sqlx::query("select artifact_bytes, upload_bytes from ledger").fetch_one(&self.pool).await?;
        let mut log = self.database.clone().into_os_string();
        log.push("-wal");
        Ok(Usage {
            database: file_size(&self.database).await + file_size(Path::new(&log)).await,
            artifacts: row.try_get(0)?,
            uploads: row.try_get(1)?,
            imports: match &self.imports {
                Some(imports) => file_size(imports).await,
                None => 0,
            },
        })
    }
}

/// Bytes of a file; 0 if there is none.
async fn file_size(path: &Path) -> u64 {
    tokio::fs::metadata(path).await.map_or(0, |metadata| metadata.len())
}

/// Statistics of a kind from its recent runs, newest first.
fn record(kind: String, total: u64, running: u64, runs: &[Run]) -> KindStats {
    let of = |states: &[JobState]| runs.iter().filter(|(_, state, _)| states.contains(state)).count();
    let succeeded = of(&[JobState::Succeeded]);
    let judged = succeeded + of(&[JobState::Failed, JobState::Interrupted]);
    let mut seconds: Vec<f64> =
        runs.iter().filter(|(_, state, _)| *state == JobState::Succeeded).map(|(_, _, seconds)| *seconds).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    KindStats {
        kind,
        total,
        running,
        last: runs.iter().take(LAST_RUNS).rev().copied().collect(),
        usual_seconds: quantile(&seconds, 0.5),
        slow_seconds: quantile(&seconds, 0.9),
        success_rate: (judged > 0).then(|| succeeded as f64 / judged as f64),
    }
}

/// The nearest-rank quantile of sorted numbers.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The mean share of each stage, over the runs that have as many stages as the newest.
fn mean_shares(runs: &[Vec<f64>]) -> Option<Vec<f64>> {
    let stages = runs.first()?.len();
    let mut sums = vec![0.0; stages];
    let mut counted = 0;
    for run in runs.iter().filter(|run| run.len() == stages) {
        let total: f64 = run.iter().sum();
        if total > 0.0 {
            counted += 1;
            for (sum, seconds) in sums.iter_mut().zip(run) {
                *sum += seconds / total;
            }
        }
    }
    (counted > 0).then(|| sums.into_iter().map(|sum| sum / f64::from(counted)).collect())
}
