//! Taking work: one statement, whose cost depends on the slots and the kinds, never on the length of the line.

use model::{Event, JobState};
use sqlx::{AssertSqlSafe, Row};

use super::{
    row::{VIEW_COLUMNS, view, view_columns},
    transaction::Transaction,
};
use crate::{
    Result,
    store::{Claim, Claimed, Fence},
};

/// The head of one kind's line. Each kind has its own, so that a kind at its limit blocks nobody behind it.
const HEAD: &str = "select id from (
    select id from job indexed by job_by_state where state = 'queued' and kind = ? order by id limit ?
)";

impl Transaction<'_> {
    /// Takes the oldest jobs within the slots.
    pub(super) async fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>> {
        if claim.slots == 0 || claim.kinds.is_empty() || self.ledger.counts.queued == 0 {
            return Ok(Vec::new());
        }
        debug_assert_eq!(JobState::Queued.apply(Event::Claim), Ok(JobState::Running));
        let heads = vec![HEAD; claim.kinds.len()].join(" union all ");
        let sql = format!(
            "update job not indexed set state = 'running', boot = ?, started_at = ?, charged = charged + 1
            where state = 'queued' and id in (select id from ({heads}) order by id limit ?)
            returning {}, log_lines, (select input from job_input where job_input.job = job.id)",
            view_columns!()
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(&claim.boot.0).bind(self.now.0);
        for kind in &claim.kinds {
            let limit = claim.limits.iter().find(|(limited, _)| limited == kind).map(|(_, limit)| *limit);
            query = query.bind(kind).bind(limit.unwrap_or(claim.slots).min(claim.slots));
        }
        let rows = query.bind(claim.slots).fetch_all(&mut *self.connection).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let view = view(row)?;
            claimed.push(Claimed {
                fence: Fence { job: view.job, attempt: view.attempt, boot: claim.boot.clone() },
                view,
                next_line: row.try_get::<u64, _>(VIEW_COLUMNS)? + 1,
                input: row.try_get(VIEW_COLUMNS + 1)?,
            });
        }
        claimed.sort_unstable_by_key(|claimed| claimed.view.job);
        for claimed in &claimed {
            self.moved(Some(JobState::Queued), claimed.view.clone(), "started");
        }
        Ok(claimed)
    }
}
