//! Messages and notes, newest first.

use model::{JobId, MessageEvent, Seq};
use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};

use super::Reader;
use crate::{
    Result,
    store::{
        MessagePage,
        sqlite::{
            messages::{MESSAGES, NOTES, message_from_columns, recipient},
            row::json,
        },
    },
    types::visibility::Visibility,
};

impl Reader {
    /// Messages to everyone, to or from the user, and to the watchers of visible jobs.
    pub(in crate::store::sqlite) async fn messages(
        &self,
        visibility: &Visibility,
        before: Option<Seq>,
        limit: u32,
    ) -> Result<MessagePage> {
        let limit = limit.clamp(1, 1_000) as usize;
        let sql = format!(
            "{MESSAGES} where id < ?1 and (user is null or user = ?2 or by = ?2)
                and (job is null or exists (
                    select 1 from job where job.id = message.job
                        and (job.created_by = ?2 or job.kind not in (select value from json_each(?3)))
                ))
            order by id desc limit ?4"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(before.map_or(i64::MAX, |before| before.0))
            .bind(&*visibility.own)
            .bind(json(&visibility.hidden)?)
            .bind(limit as i64 + 1)
            .fetch_all(&self.pool)
            .await?;
        let messages = rows.iter().take(limit).map(|row| message(row, false)).collect::<Result<_>>()?;
        Ok(MessagePage { messages, older: rows.len() > limit })
    }

    /// The newest notes on a job.
    pub(in crate::store::sqlite) async fn notes(&self, job: JobId, limit: u32) -> Result<Vec<MessageEvent>> {
        let sql = format!("{NOTES} indexed by job_note_by_job where job = ? order by id desc limit ?");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(job.0).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| message(row, true)).collect()
    }
}

fn message(row: &SqliteRow, note: bool) -> Result<MessageEvent> {
    message_from_columns(
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?),
        recipient(note, row.try_get(4)?, row.try_get(5)?),
        row.try_get(6)?,
    )
}
