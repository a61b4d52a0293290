//! Logs: walked chunk by chunk from either end, filtered on the way.

use model::{JobId, Level, LogLine};
use sqlx::{Row, SqlitePool};

use super::Reader;
use crate::{
    Error, Result,
    store::{
        LogPage, LogQuery,
        sqlite::{row::lines, soft::level_number},
    },
};

/// Chunks read at once.
const CHUNKS: u32 = 100;

/// Which lines are wanted.
struct Filter {
    level: Level,
    /// Lower case.
    text: Option<String>,
}

impl Reader {
    pub(in crate::store::sqlite) async fn log(&self, job: JobId, query: &LogQuery) -> Result<LogPage> {
        let total: Option<u64> =
            sqlx::query_scalar("select log_lines from job where id = ?").bind(job.0).fetch_optional(&self.pool).await?;
        let total = total.ok_or(Error::NoSuchJob(job))?;
        let filter = Filter {
            level: query.level.unwrap_or(Level::Debug),
            text: query.text.as_deref().filter(|text| !text.is_empty()).map(str::to_lowercase),
        };
        let limit = query.limit.clamp(1, 10_000) as usize;
        let mut page = LogPage { total, ..LogPage::default() };
        if let Some(from) = query.from {
            page.lines = forward(&self.pool, job, &filter, from, limit + 1).await?;
            page.more_after = page.lines.len() > limit;
            page.lines.truncate(limit);
            page.more_before = !backward(&self.pool, job, &filter, from, 1).await?.is_empty();
        } else {
            let before = query.before.unwrap_or(u64::MAX >> 1);
            page.lines = backward(&self.pool, job, &filter, before, limit + 1).await?;
            page.more_before = page.lines.len() > limit;
            page.lines.drain(..page.lines.len().saturating_sub(limit));
            page.more_after = query.before.is_some() && !forward(&self.pool, job, &filter, before, 1).await?.is_empty();
        }
        Ok(page)
    }
}

/// The first `limit` wanted lines from number `from` on.
async fn forward(
    pool: &SqlitePool,
    job: JobId,
    filter: &Filter,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, LogLine)>> {
    let mut found = Vec::new();
    let mut next = from;
    loop {
        let chunks = sqlx::query(
            "select first_line, last_line, lines from log
            where job = ? and gravest >= ? and first_line >= coalesce(
                (select max(first_line) from log where job = ? and first_line <= ?), 0)
                and last_line >= ?
            order by first_line limit ?",
        )
        .bind(job.0)
        .bind(level_number(filter.level))
        .bind(job.0)
        .bind(next as i64)
        .bind(next as i64)
        .bind(CHUNKS)
        .fetch_all(pool)
        .await?;
        for chunk in &chunks {
            let numbered = (chunk.try_get::<u64, _>(0)?..).zip(lines(chunk.try_get(2)?)?);
            found.extend(numbered.filter(|(number, line)| *number >= from && filter.wants(line)));
            next = chunk.try_get::<u64, _>(1)? + 1;
        }
        if found.len() >= limit || chunks.len() < CHUNKS as usize {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

/// The last `limit` wanted lines before number `before`, in rising order.
async fn backward(
    pool: &SqlitePool,
    job: JobId,
    filter: &Filter,
    before: u64,
    limit: usize,
) -> Result<Vec<(u64, LogLine)>> {
    let mut found = Vec::new();
    let mut end = before;
    loop {
        let chunks = sqlx::query(
            "select first_line, lines from log where job = ? and gravest >= ? and first_line < ?
            order by first_line desc limit ?",
        )
        .bind(job.0)
        .bind(level_number(filter.level))
        .bind(end as i64)
        .bind(CHUNKS)
        .fetch_all(pool)
        .await?;
        for chunk in &chunks {
            end = chunk.try_get(0)?;
            let numbered: Vec<_> = (end..).zip(lines(chunk.try_get(1)?)?).collect();
            found.extend(numbered.into_iter().rev().filter(|(number, line)| *number < before && filter.wants(line)));
        }
        if found.len() >= limit || chunks.len() < CHUNKS as usize {
            found.truncate(limit);
            found.reverse();
            return Ok(found);
        }
    }
}

impl Filter {
    fn wants(&self, line: &LogLine) -> bool {
        line.level >= self.level && self.text.as_deref().is_none_or(|text| line.text.to_lowercase().contains(text))
    }
}
