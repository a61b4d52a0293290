//! Retention: jobs and uploads that can be removed, and whether upkeep is done.

use model::{JobId, JobState, Micros};
use sqlx::AssertSqlSafe;

use super::Reader;
use crate::{
    Result,
    store::{Prunable, sqlite::upkeep::SPARE_PAGES},
};

impl Reader {
    /// One scan by job number, for any part.
    pub(in crate::store::sqlite) async fn prunable(
        &self,
        what: Prunable,
        ended_before: &[(JobState, Micros)],
        after: JobId,
        limit: u32,
    ) -> Result<Vec<(JobId, Micros)>> {
        let has = match what {
            Prunable::Job => "",
            Prunable::Log => {
                "and exists (select 1 from log where log.job = found.id)
                and not exists (select 1 from log_garbage where log_garbage.job = found.id)"
            }
            Prunable::Artifacts => {
                "and (exists (select 1 from artifact where artifact.job = found.id)
                    or exists (select 1 from checkpoint where checkpoint.job = found.id))"
            }
        };
        let of_state = vec!["found.state = ? and found.ended_at < ?"; ended_before.len()].join(" or ");
        let sql = format!(
            "select found.id, found.state from job as found not indexed
            where found.id > ? and ({of_state}) {has} order by found.id limit ?"
        );
        let mut statement = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql)).bind(after.0);
        for (state, before) in ended_before {
            statement = statement.bind(state.as_str()).bind(before.0);
        }
        let found = statement.bind(limit).fetch_all(&self.pool).await?;
        let before =
            |word: &str| ended_before.iter().find(|(state, _)| state.as_str() == word).map(|(_, before)| *before);
        Ok(found.into_iter().filter_map(|(job, state)| Some((JobId(job), before(&state)?))).collect())
    }

    /// Uploads to which only ended jobs refer. Those without any reference are swept a day after their completion.
    pub(in crate::store::sqlite) async fn prunable_uploads(
        &self,
        before: Micros,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(
            "select found.id from upload as found not indexed where found.id > ?1 and found.at < ?2
            and exists (select 1 from upload_use where upload_use.upload = found.id)
            and not exists (
                select 1 from upload_use join job on job.id = upload_use.job
                where upload_use.upload = found.id and (job.ended_at is null or job.ended_at >= ?2)
            )
            and not exists (select 1 from schedule_upload where schedule_upload.upload = found.id) order by found.id limit ?3",
        )
        .bind(after)
        .bind(before.0)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    pub(in crate::store::sqlite) async fn is_upkeep_done(&self) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "select not exists (select 1 from log_garbage)
                and (select freelist_count from pragma_freelist_count) <= ?",
        )
        .bind(SPARE_PAGES)
        .fetch_one(&self.pool)
        .await?)
    }
}
