//! Due jobs: queues scheduled jobs at the time they were scheduled for.

use model::{Event, JobState, Micros};
use rusqlite::params;

use super::{backend::WriteCommand, error::corrupt, row::view_columns, statement, transaction::Transaction};
use crate::{Result, store::rules::record::DUE};

/// How many scheduled jobs become queued in one transaction; the rest is due at once and comes in the next.
const DUE_AT_ONCE: i64 = 500;

/// Queues the jobs that were scheduled for `now` or before. Returns when the next is due.
pub(super) struct PromoteDue {
    pub(super) now: Micros,
}

impl WriteCommand for PromoteDue {
    type Answer = Option<Micros>;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Option<Micros>> {
        if transaction.counters.counts.scheduled == 0 {
            return Ok(None);
        }
        let queued = JobState::Scheduled.apply(Event::Due).map_err(|error| corrupt("a due job", error))?;
        let mut views = transaction.rows(
            concat!(
                "update job not indexed set state = ?, in_line = ?, failure_code = null, failure_message = null
                where state = 'scheduled' and id in (
                    select id from job indexed by job_due
                    where state = 'scheduled' and run_at <= ? order by run_at limit ?
                )
                returning ",
                view_columns!()
            ),
            params![queued.as_str(), transaction.end_of_queue(), self.now.0, DUE_AT_ONCE],
            statement::view,
        )?;
        // They are queued in the order of their numbers.
        views.sort_unstable_by_key(|view| view.job);
        for view in views {
            transaction.record_transition(Some(JobState::Scheduled), view, DUE);
        }
        let next =
            transaction.row("select min(run_at) from job indexed by job_due where state = 'scheduled'", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?)
            })?;
        Ok(next.flatten().map(Micros))
    }
}
