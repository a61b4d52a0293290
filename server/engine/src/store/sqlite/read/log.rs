//! Logs: read in bounded steps of whole chunks from either end, filtered while reading.

use model::{JobId, Level, LogLine};
use sqlx::SqlitePool;

use super::Reader;
use crate::{
    Error, Result,
    store::{
        LogPage, LogQuery,
        sqlite::{buffered::level_number, row::numbered_lines},
    },
};

/// The most chunks of one step. A quiet task makes one chunk of each line.
const STEP_CHUNKS: usize = 2_000;
/// The most JSON of one step, in bytes. A larger chunk is a step of its own.
const STEP_BYTES: i64 = 128 << 10;

/// Selects the chunks of one step, from line `?3` up. The sizes are summed first, because they are known without
/// reading the lines. Returns how many chunks there are, how many of them fit, and the JSON of those, see
/// [`numbered_lines`].
const STEP_UP: &str = "with measured as materialized (
        select first_line, size, sum(size) over (order by first_line) as total from (
            select first_line, octet_length(lines) as size from log
            where job = ?1 and gravest >= ?2 and first_line >= coalesce(
                (select max(first_line) from log where job = ?1 and first_line <= ?3), 0)
                and last_line >= ?3
            order by first_line limit ?4
        )
    )
    select (select count(*) from measured), count(*), coalesce(max(log.last_line), 0),
        '[' || coalesce(group_concat('[' || log.first_line || ',' || log.lines || ']', ',' order by log.first_line), '')
            || ']'
    from measured cross join log on log.job = ?1 and log.first_line = measured.first_line
    where measured.total <= max(?5, measured.size)";

/// Selects the chunks of one step before line `?3`, downwards; their JSON is in rising order.
const STEP_DOWN: &str = "with measured as materialized (
        select first_line, size, sum(size) over (order by first_line desc) as total from (
            select first_line, octet_length(lines) as size from log
            where job = ?1 and gravest >= ?2 and first_line < ?3
            order by first_line desc limit ?4
        )
    )
    select (select count(*) from measured), count(*), coalesce(min(log.first_line), 0),
        '[' || coalesce(group_concat('[' || log.first_line || ',' || log.lines || ']', ',' order by log.first_line), '')
            || ']'
    from measured cross join log on log.job = ?1 and log.first_line = measured.first_line
    where measured.total <= max(?5, measured.size)";

/// The filter of lines.
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

    pub(in crate::store::sqlite) async fn log_from(&self, job: JobId, from: u64) -> Result<Vec<(u64, LogLine)>> {
        let everything = Filter { level: Level::Debug, text: None };
        let mut step = Step::read(&self.pool, STEP_UP, job, &everything, from, STEP_CHUNKS).await?;
        step.lines.retain(|(number, _)| *number >= from);
        Ok(step.lines)
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
        let step = Step::read(pool, STEP_UP, job, filter, next, limit - found.len()).await?;
        found.extend(step.lines.into_iter().filter(|(number, line)| *number >= from && filter.wants(line)));
        if found.len() >= limit || step.is_last {
            found.truncate(limit);
            return Ok(found);
        }
        next = step.end + 1;
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
        let step = Step::read(pool, STEP_DOWN, job, filter, end, limit - found.len()).await?;
        found.extend(step.lines.into_iter().rev().filter(|(number, line)| *number < before && filter.wants(line)));
        if found.len() >= limit || step.is_last {
            found.truncate(limit);
            found.reverse();
            return Ok(found);
        }
        end = step.end;
    }
}

/// Some whole chunks of a log.
struct Step {
    /// In rising order.
    lines: Vec<(u64, LogLine)>,
    /// The last line read on the way up, or the first on the way down.
    end: u64,
    /// Whether no chunk follows.
    is_last: bool,
}

impl Step {
    /// Reads the chunks next to line `from` that `wanted` lines need, within the limits of a step.
    async fn read(
        pool: &SqlitePool,
        sql: &'static str,
        job: JobId,
        filter: &Filter,
        from: u64,
        wanted: usize,
    ) -> Result<Self> {
        // Each chunk contains a line of its most severe level; whether that line has the text is not known.
        let most = if filter.text.is_none() { wanted.clamp(1, STEP_CHUNKS) } else { STEP_CHUNKS };
        let (measured, read, end, json): (i64, i64, i64, String) = sqlx::query_as(sql)
            .bind(job.0)
            .bind(level_number(filter.level))
            .bind(from as i64)
            .bind(most as i64)
            .bind(STEP_BYTES)
            .fetch_one(pool)
            .await?;
        let is_last = read == measured && measured < most as i64;
        Ok(Self { lines: numbered_lines(&json)?, end: end as u64, is_last })
    }
}

impl Filter {
    fn wants(&self, line: &LogLine) -> bool {
        line.level >= self.level && self.text.as_deref().is_none_or(|text| line.text.to_lowercase().contains(text))
    }
}
