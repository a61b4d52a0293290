//! Taking work: one statement, whose cost depends on the slots and the kinds, never on the length of the line.

use model::{Event, JobState, JobView};
use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};

use super::{
    error::corrupt,
    row::{ViewRow, parse, view_column},
    transaction::Transaction,
};
use crate::{
    Result,
    store::{Claim, Claimed, Fence},
};

/// The head of one kind's line. Each kind has its own, so that a kind at its limit blocks nobody behind it.
const HEAD: &str = "select id, in_line from (
    select id, in_line from job indexed by job_in_line
    where state = 'queued' and kind = ? order by in_line, id limit ?
)";

impl Transaction<'_> {
    /// Takes the jobs at the head of the line within the slots.
    pub(super) async fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>> {
        if claim.slots == 0 || claim.kinds.is_empty() || self.ledger.counts.queued == 0 {
            return Ok(Vec::new());
        }
        debug_assert_eq!(JobState::Queued.apply(Event::Claim), Ok(JobState::Running));
        let heads = vec![HEAD; claim.kinds.len()].join(" union all ");
        let heads = format!("select id from ({heads}) order by in_line, id limit ?");
        let sql = format!(
            "select json_group_array(json_array({}, job.log_lines, job_input.input) order by job.in_line, job.id)
            from job not indexed join job_input on job_input.job = job.id where job.id in ({heads});

            update job not indexed set state = 'running', boot = ?, started_at = ?, charged = charged + 1
            where state = 'queued' and id in ({heads})",
            view_column!()
        );
        let mut query = bind_heads(sqlx::query(AssertSqlSafe(sql)), claim);
        query = query.bind(&claim.boot.0).bind(self.now.0);
        let (answers, changes) = self.run(bind_heads(query, claim)).await?;
        let heads: Vec<(ViewRow, u64, String)> = match answers.as_slice() {
            [heads] => parse("the heads of the lines", heads)?,
            answers => return Err(corrupt("a claim", format!("{} answers", answers.len()))),
        };
        let taken = changes.last().copied().unwrap_or_default();
        if taken != heads.len() as u64 {
            return Err(corrupt("a claim", format!("{taken} of {} jobs could be taken", heads.len())));
        }
        let claimed: Vec<Claimed> = heads.into_iter().map(|head| self.claimed(claim, head)).collect();
        for claimed in &claimed {
            self.moved(Some(JobState::Queued), claimed.view.clone(), "started");
        }
        Ok(claimed)
    }

    /// What the worker gets for the head of a line, which stood there as it was before.
    fn claimed(&self, claim: &Claim, (view, log_lines, input): (ViewRow, u64, String)) -> Claimed {
        let view = JobView { state: JobState::Running, started_at: Some(self.now), ..JobView::from(view) };
        let fence = Fence { job: view.job, attempt: view.attempt, boot: claim.boot.clone() };
        Claimed { fence, view, input, next_line: log_lines + 1 }
    }
}

/// A statement that is being put together.
type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Binds the parameters of one occurrence of the heads.
fn bind_heads<'q>(mut query: Statement<'q>, claim: &'q Claim) -> Statement<'q> {
    for kind in &claim.kinds {
        let limit = claim.limits.iter().find(|(limited, _)| limited == kind).map(|(_, limit)| *limit);
        query = query.bind(kind).bind(limit.unwrap_or(claim.slots).min(claim.slots));
    }
    query.bind(claim.slots)
}
