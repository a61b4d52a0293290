//! Audit log: pages, newest first, by keyset pagination. A page is a scan of one index, or, for the actions of one
//! user, a merge of one range for each action. A row may hold several lines: one for each of the consecutive jobs that
//! a user started.

use model::{JobId, Micros};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::Reader;
use crate::{
    Result,
    store::{Attribution, AuditPage, AuditQuery, AuditRow, sqlite::error::corrupt},
};

const COLUMNS: &str = "audit.id, audit.at, audit.who, audit.token, audit.address, audit.what, audit.job, audit.detail, \
    audit.lines";

/// The first line that is not before a time. Binary search over the numbers, which rise with the time.
const FIRST_SINCE: &str = "
    with recursive halves (low, high) as (
        select coalesce((select min(id) from audit), 0),
            coalesce((select id + lines from audit where id = (select max(id) from audit)), 0)
        union all
        select
            iif((select at < ?1 from audit where id <= (low + high) / 2 order by id desc limit 1),
                (low + high) / 2 + 1, low),
            iif((select at < ?1 from audit where id <= (low + high) / 2 order by id desc limit 1),
                high, (low + high) / 2)
        from halves where low < high
    )
    select low from halves where low = high";

impl Reader {
    pub(in crate::store::sqlite) async fn audit(&self, query: &AuditQuery) -> Result<AuditPage> {
        let limit = query.limit.clamp(1, 1_000) as usize;
        let mut transaction = self.pool.begin().await?;
        // The range to search, without its end.
        let (mut first, mut beyond) = (0, query.before.unwrap_or(i64::MAX));
        if let Some(from) = query.from {
            first = first_since(&mut transaction, from).await?;
        }
        if let Some(until) = query.until {
            beyond = beyond.min(first_since(&mut transaction, until).await?);
        }
        let sql = statement(query);
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(first)
            .bind(beyond)
            .bind(limit as i64 + 1)
            .bind(query.who.as_deref())
            .bind(query.what.as_deref())
            .bind(query.job.map(|job| job.0))
            .bind(query.from.map(|at| at.0))
            .bind(query.until.map(|at| at.0))
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let mut page = AuditPage::default();
        for row in &rows {
            let (first, lines): (AuditRow, i64) = (first_line(row)?, row.try_get(8)?);
            for nth in (0..lines).rev() {
                let line =
                    AuditRow { id: first.id + nth, job: first.job.map(|job| JobId(job.0 + nth)), ..first.clone() };
                if line.id >= beyond || query.job.is_some() && query.job != line.job {
                    continue;
                }
                if page.rows.len() == limit {
                    page.older = true;
                    return Ok(page);
                }
                page.rows.push(line);
            }
        }
        Ok(page)
    }
}

async fn first_since(connection: &mut SqliteConnection, at: Micros) -> Result<i64> {
    Ok(sqlx::query_scalar(FIRST_SINCE).bind(at.0).fetch_one(connection).await?)
}

/// Its values, by number: the two bounds, how many lines, who, what, which job, from when, until when.
fn statement(query: &AuditQuery) -> String {
    let filters = |line: &str| {
        let asked = [
            (query.who.is_some(), "who = ?4"),
            (query.what.is_some(), "what = ?5"),
            // The clock may have been set back, so the numbers alone are not enough.
            (query.from.is_some(), "at >= ?7"),
            (query.until.is_some(), "at < ?8"),
        ];
        let asked = asked.into_iter().filter(|(asked, _)| *asked);
        asked.fold(format!("{line}.id >= ?1 and {line}.id < ?2"), |all, (_, one)| format!("{all} and {line}.{one}"))
    };
    let scan = |index: &str| {
        let filters = filters("audit");
        format!("select {COLUMNS} from audit {index} where {filters} order by audit.id desc limit ?3")
    };
    match query {
        AuditQuery { job: Some(_), .. } => format!(
            "select {COLUMNS} from audit
            where audit.id in (
                select id from audit indexed by audit_by_job where job = ?6
                union
                select id from (
                    select id, job + lines as beyond from audit indexed by audit_by_run
                    where job <= ?6 and lines > 1 order by job desc limit 1
                )
                where beyond > ?6
            )
            and {} order by audit.id desc limit ?3",
            filters("audit")
        ),
        AuditQuery { who: Some(_), what: Some(_), .. } => scan("indexed by audit_by_who"),
        AuditQuery { what: Some(_), .. } => scan("indexed by audit_by_what"),
        AuditQuery { who: Some(_), .. } => format!(
            "with recursive word (what) as (
                select min(what) from audit indexed by audit_by_who where who = ?4
                union all
                select (select min(what) from audit indexed by audit_by_who where who = ?4 and what > word.what)
                from word where word.what is not null
            )
            select {COLUMNS} from word cross join audit
            where audit.id in (
                select line.id from audit as line indexed by audit_by_who
                where line.what = word.what and {} order by line.id desc limit ?3
            )
            order by audit.id desc limit ?3",
            filters("line")
        ),
        AuditQuery { .. } => scan("not indexed"),
    }
}

/// Reads [`COLUMNS`] as the first of the lines.
fn first_line(row: &SqliteRow) -> Result<AuditRow> {
    let address: Option<&str> = row.try_get(4)?;
    Ok(AuditRow {
        id: row.try_get(0)?,
        at: Micros(row.try_get(1)?),
        by: Attribution {
            name: row.try_get::<&str, _>(2)?.into(),
            token: row.try_get::<Option<&str>, _>(3)?.map(Into::into),
            address: address
                .map(|text| text.parse().map_err(|error| corrupt("an address in the audit log", error)))
                .transpose()?,
        },
        what: row.try_get(5)?,
        job: row.try_get::<Option<i64>, _>(6)?.map(JobId),
        detail: row.try_get(7)?,
    })
}
