//! Controls of queues and kinds: pauses and limits.

use model::{ControlTarget, Micros, QueueControl, StreamEvent};
use rusqlite::{Row, params};

use super::{backend::WriteCommand, error::corrupt, transaction::Transaction};
use crate::{
    Result,
    store::{
        Attribution, ControlChange,
        rules::control::{changed_control, control_audit},
    },
};

/// All controls, in the columns that [`control`] reads.
pub(super) const GATES: &str = "select what, name, paused_at, paused_by, at_once from gate";

/// Pauses, resumes or limits a queue or a kind.
pub(super) struct ChangeControl {
    pub(super) of: ControlTarget,
    pub(super) name: String,
    pub(super) change: ControlChange,
    pub(super) by: Attribution,
}

impl WriteCommand for ChangeControl {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let sql = format!("{GATES} where what = ? and name = ?");
        let found = transaction.row(&sql, params![self.of.as_str(), self.name], control)?;
        let before = found.unwrap_or_else(|| QueueControl::open(self.of, &self.name));
        let Some(after) = changed_control(&before, self.change, &self.by, transaction.now) else { return Ok(()) };
        let QueueControl { of, name, paused_at, paused_by, at_once } = &after;
        transaction.execute(
            "insert into gate (what, name, paused_at, paused_by, at_once) values (?, ?, ?, ?, ?)
            on conflict (what, name) do update set
                paused_at = excluded.paused_at, paused_by = excluded.paused_by, at_once = excluded.at_once",
            params![of.as_str(), name, paused_at.map(|at| at.0), paused_by, at_once],
        )?;
        let (what, detail) = control_audit(&after, self.change);
        transaction.audit(&self.by, &what, None, &detail)?;
        transaction.record_event(None, StreamEvent::QueueControl(after));
        Ok(())
    }
}

impl Transaction<'_> {
    /// All controls of queues and kinds.
    pub(super) fn controls(&self) -> Result<Vec<QueueControl>> {
        self.rows(GATES, [], control)
    }
}

/// Reads the columns of [`GATES`].
fn control(row: &Row<'_>) -> Result<QueueControl> {
    let what: String = row.get(0)?;
    Ok(QueueControl {
        of: ControlTarget::from_word(&what).ok_or_else(|| corrupt("a gate", &what))?,
        name: row.get(1)?,
        paused_at: row.get::<_, Option<i64>>(2)?.map(Micros),
        paused_by: row.get(3)?,
        at_once: row.get(4)?,
    })
}
