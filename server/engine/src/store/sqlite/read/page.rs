//! Keyset pagination of jobs: the last page is as fast as the first.
//!
//! A page without filters is a scan of the primary key; else it is a merge of index ranges, one per kind and state:
//! each returns its first few, and the newest of those are the page.

use model::{Counts, JobId, JobState, JobView};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query::QueryAs, sqlite::SqliteArguments};

use super::{Reader, search, set_positions};
use crate::{
    Result,
    store::{
        COUNTED_MATCHES, ListQuery, Page, PageAt,
        rules::counters::count_mut,
        sqlite::row::{ViewRow, json, parse, state, view_column},
    },
};

/// The direction of the scan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// From the newest down.
    Older,
    /// From the oldest up.
    Newer,
}

impl Reader {
    pub(in crate::store::sqlite) async fn page(&self, query: &ListQuery) -> Result<Page> {
        let words = search::patterns(query.text.as_deref());
        if words.is_empty() {
            return page(&mut *self.pool.acquire().await?, query, &words).await;
        }
        self.search(async |connection| page(connection, query, &words).await).await
    }

    pub(in crate::store::sqlite) async fn matching_counts(&self, query: &ListQuery) -> Result<Counts> {
        let words = search::patterns(query.text.as_deref());
        if words.is_empty() {
            return count(&mut *self.pool.acquire().await?, query, &words).await;
        }
        self.search(async |connection| count(connection, query, &words).await).await
    }
}

async fn page(connection: &mut SqliteConnection, query: &ListQuery, words: &[String]) -> Result<Page> {
    let limit = query.limit.clamp(1, 200) as usize;
    let (direction, after) = match query.at {
        None => (Direction::Older, None),
        Some(PageAt::OlderThan(job)) => (Direction::Older, Some(job)),
        Some(PageAt::NewerThan(job)) => (Direction::Newer, Some(job)),
        Some(PageAt::Oldest) => (Direction::Newer, None),
    };
    let mut transaction = connection.begin().await?;
    let mut ids = scan(&mut transaction, query, words, direction, after, limit + 1).await?;
    let more_ahead = ids.len() > limit;
    ids.truncate(limit);
    // The page from which this one was reached is behind; it may be empty by now.
    let more_behind = match after {
        None => false,
        Some(job) => {
            let behind = ids.first().copied().unwrap_or(job);
            let back = direction.reversed();
            !scan(&mut transaction, query, words, back, Some(behind), 1).await?.is_empty()
        }
    };
    let mut jobs = views(&mut transaction, &ids).await?;
    set_positions(&mut transaction, &mut jobs).await?;
    transaction.commit().await?;
    Ok(match direction {
        Direction::Older => Page { jobs, older: more_ahead, newer: more_behind },
        Direction::Newer => Page { jobs, older: more_behind, newer: more_ahead },
    })
}

impl Direction {
    const fn reversed(self) -> Self {
        match self {
            Self::Older => Self::Newer,
            Self::Newer => Self::Older,
        }
    }
}

/// The views of `ids`, newest first.
async fn views(connection: &mut SqliteConnection, ids: &[JobId]) -> Result<Vec<JobView>> {
    let views: String = sqlx::query_scalar(concat!(
        "select json_group_array(",
        view_column!(),
        " order by id desc) from job where id in (select value from json_each(?))"
    ))
    .bind(json(&ids)?)
    .fetch_one(connection)
    .await?;
    let views: Vec<ViewRow> = parse("a page of jobs", &views)?;
    Ok(views.into_iter().map(JobView::from).collect())
}

/// The first `limit` matching jobs beyond `after`, in the order of the scan.
async fn scan(
    connection: &mut SqliteConnection,
    query: &ListQuery,
    words: &[String],
    direction: Direction,
    after: Option<JobId>,
    limit: usize,
) -> Result<Vec<JobId>> {
    let (order, beyond) = match direction {
        Direction::Older => ("desc", "<"),
        Direction::Newer => ("asc", ">"),
    };
    let beyond = match after {
        Some(_) => format!(" and found.id {beyond} ?"),
        None => String::new(),
    };
    let filters = beyond + &conditions(query, words);
    let merged = query.kind.is_some() || !query.states.is_empty();
    let sql = if merged {
        format!(
            "select job.id from json_each(?) as kind cross join json_each(?) as state cross join job
            where job.id in (
                select found.id from job as found indexed by job_by_state
                where found.state = state.value and found.kind = kind.value {filters}
                order by found.id {order} limit ?
            )
            order by job.id {order} limit ?"
        )
    } else {
        format!("select found.id from job as found not indexed where true {filters} order by found.id {order} limit ?")
    };
    let mut statement: QueryAs<'_, _, (i64,), SqliteArguments> = sqlx::query_as(AssertSqlSafe(sql));
    if merged {
        let kinds = kinds(connection, query).await?;
        let states = if query.states.is_empty() { &JobState::ALL[..] } else { &query.states };
        statement = statement.bind(json(&kinds)?).bind(json(&states)?);
    }
    if let Some(after) = after {
        statement = statement.bind(after.0);
    }
    statement = bind_conditions(statement, query, words)?;
    if merged {
        statement = statement.bind(limit as i64);
    }
    let ids = statement.bind(limit as i64).fetch_all(connection).await?;
    Ok(ids.into_iter().map(|(id,)| JobId(id)).collect())
}

/// The conditions of a query besides state, kind and page, on the job `found`.
fn conditions(query: &ListQuery, words: &[String]) -> String {
    let mut conditions = String::new();
    // Numbers and times rise together, so a time is a bound on the number. The time itself is checked as well, because
    // the clock may have been set back.
    if query.from.is_some() {
        conditions += " and found.created_at >= ? and found.id >= (
            select first.id from job as first indexed by job_by_time where first.created_at >= ?
            order by first.created_at, first.id limit 1)";
    }
    if query.until.is_some() {
        conditions += " and found.created_at < ? and found.id <= (
            select last.id from job as last indexed by job_by_time where last.created_at < ?
            order by last.created_at desc, last.id desc limit 1)";
    }
    if !query.visibility.is_unrestricted() {
        conditions += " and (found.created_by = ? or found.kind not in (select value from json_each(?)))";
    }
    for _ in words {
        conditions += r" and '#' || found.id || ' ' || found.kind || ' ' || found.title like ? escape '\'";
    }
    conditions
}

/// Binds the values of [`conditions`].
fn bind_conditions<'q, Row>(
    mut statement: QueryAs<'q, sqlx::Sqlite, Row, SqliteArguments>,
    query: &ListQuery,
    words: &'q [String],
) -> Result<QueryAs<'q, sqlx::Sqlite, Row, SqliteArguments>> {
    for bound in [query.from, query.until].into_iter().flatten() {
        statement = statement.bind(bound.0).bind(bound.0);
    }
    if !query.visibility.is_unrestricted() {
        statement = statement.bind(query.visibility.own.to_string()).bind(json(&query.visibility.hidden)?);
    }
    for word in words {
        statement = statement.bind(word);
    }
    Ok(statement)
}

/// The kind of a query, otherwise all that have jobs.
async fn kinds(connection: &mut SqliteConnection, query: &ListQuery) -> Result<Vec<String>> {
    match &query.kind {
        Some(kind) => Ok(vec![kind.clone()]),
        None => Ok(sqlx::query_scalar("select name from kind where jobs > 0").fetch_all(connection).await?),
    }
}

/// The matching jobs in each state, at most [`COUNTED_MATCHES`] of each kind.
async fn count(connection: &mut SqliteConnection, query: &ListQuery, words: &[String]) -> Result<Counts> {
    let sql = format!(
        "select state.value, coalesce(sum((
            select count(*) from (
                select 1 from job as found indexed by job_by_state
                where found.state = state.value and found.kind = kind.value {} limit ?
            )
        )), 0)
        from json_each(?) as state cross join json_each(?) as kind group by state.value",
        conditions(query, words)
    );
    let kinds = kinds(connection, query).await?;
    let statement: QueryAs<'_, _, (String, i64), SqliteArguments> = sqlx::query_as(AssertSqlSafe(sql));
    let statement = bind_conditions(statement, query, words)?.bind(COUNTED_MATCHES as i64);
    let statement = statement.bind(json(&JobState::ALL)?).bind(json(&kinds)?);
    let mut counts = Counts::default();
    for (word, jobs) in statement.fetch_all(connection).await? {
        *count_mut(&mut counts, state(&word)?) = jobs as u64;
    }
    Ok(counts)
}
