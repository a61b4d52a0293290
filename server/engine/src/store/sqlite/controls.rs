//! What people decide about queues and kinds, and what a claim has to heed of it.

use model::{Gate, GateOf, JobId, Micros, StreamEvent};
use rusqlite::{Row, params};

use super::{backend::WriteCommand, error::corrupt, transaction::Transaction};
use crate::{
    Result,
    store::{By, Claim, Claimable, GateChange},
};

/// All gates, in the columns that [`gate`] reads.
pub(super) const GATES: &str = "select what, name, paused_at, paused_by, at_once from gate";

/// Pauses, resumes or limits a queue or a kind.
pub(super) struct ChangeGate {
    pub(super) of: GateOf,
    pub(super) name: String,
    pub(super) change: GateChange,
    pub(super) by: By,
}

impl WriteCommand for ChangeGate {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let sql = format!("{GATES} where what = ? and name = ?");
        let found = transaction.row(&sql, params![self.of.as_str(), self.name], gate)?;
        let before = found.unwrap_or_else(|| Gate::open(self.of, &self.name));
        let mut after = before.clone();
        match self.change {
            // Who came first is remembered.
            GateChange::Pause if before.paused_at.is_some() => {}
            GateChange::Pause => {
                (after.paused_at, after.paused_by) = (Some(transaction.now), Some(self.by.name.to_string()));
            }
            GateChange::Resume => (after.paused_at, after.paused_by) = (None, None),
            GateChange::Limit(at_once) => after.at_once = at_once,
        }
        if after == before {
            return Ok(());
        }
        let Gate { of, name, paused_at, paused_by, at_once } = &after;
        transaction.execute(
            "insert into gate (what, name, paused_at, paused_by, at_once) values (?, ?, ?, ?, ?)
            on conflict (what, name) do update set
                paused_at = excluded.paused_at, paused_by = excluded.paused_by, at_once = excluded.at_once",
            params![of.as_str(), name, paused_at.map(|at| at.0), paused_by, at_once],
        )?;
        let (done, detail) = match self.change {
            GateChange::Pause => ("paused", name.clone()),
            GateChange::Resume => ("resumed", name.clone()),
            GateChange::Limit(None) => ("limited", format!("{name}, no limit")),
            GateChange::Limit(Some(at_once)) => ("limited", format!("{name}, {at_once} at once")),
        };
        transaction.audit(&self.by, &format!("{}_{done}", of.as_str()), None, &detail)?;
        transaction.record_event(None, StreamEvent::Gate(after));
        Ok(())
    }
}

/// The room that queues and kinds have for more jobs, while a claim is being decided.
pub(super) struct Room<'c> {
    claim: &'c Claim,
    gates: Vec<Gate>,
    /// What is left of each queue that has a limit.
    queues: Vec<(&'c str, u32)>,
}

impl<'c> Room<'c> {
    /// Reads it. Counts only what runs of kinds that somebody has limited.
    pub(super) fn read(transaction: &Transaction<'_>, claim: &'c Claim) -> Result<Self> {
        let gates = transaction.rows(GATES, [], gate)?;
        let mut room = Self { claim, gates, queues: Vec::new() };
        for gate in room.gates.iter().filter(|gate| gate.of == GateOf::Queue) {
            let kinds = claim.kinds.iter().filter(|claimable| claimable.queue == gate.name);
            let (Some(first), Some(limit)) = (kinds.clone().next(), gate.at_once) else { continue };
            let mut left = limit;
            for claimable in kinds {
                left = left.saturating_sub(transaction.running(&claimable.kind)?);
            }
            room.queues.push((&first.queue, left));
        }
        Ok(room)
    }

    /// How many more jobs of a kind may start, seen for itself.
    pub(super) fn of_kind(&self, transaction: &Transaction<'_>, claimable: &Claimable) -> Result<u32> {
        let paused = |gate: &Gate| gate.paused_at.is_some() && stands_before(gate, claimable);
        if self.gates.iter().any(paused) {
            return Ok(0);
        }
        let of_queue = self.queues.iter().find(|(queue, _)| *queue == claimable.queue);
        let mut room = of_queue.map_or(self.claim.slots, |(_, left)| self.claim.slots.min(*left));
        let own = self.gates.iter().filter(|gate| gate.of == GateOf::Kind && gate.name == claimable.kind);
        if let Some(limit) = own.filter_map(|gate| gate.at_once).chain(claimable.limit).min() {
            room = room.min(limit.saturating_sub(transaction.running(&claimable.kind)?));
        }
        Ok(room)
    }

    /// Takes the jobs at the head of a line of candidates, as many as there is room for.
    pub(super) fn fill(mut self, line: impl Iterator<Item = (&'c Claimable, JobId)>) -> Vec<JobId> {
        let mut taken = Vec::new();
        for (claimable, job) in line {
            if taken.len() == self.claim.slots as usize {
                break;
            }
            match self.queues.iter_mut().find(|(queue, _)| *queue == claimable.queue) {
                Some((_, 0)) => continue,
                Some((_, left)) => *left -= 1,
                None => {}
            }
            taken.push(job);
        }
        taken
    }
}

fn stands_before(gate: &Gate, claimable: &Claimable) -> bool {
    gate.name
        == match gate.of {
            GateOf::Queue => claimable.queue.as_str(),
            GateOf::Kind => claimable.kind.as_str(),
        }
}

/// Reads the columns of [`GATES`].
fn gate(row: &Row<'_>) -> Result<Gate> {
    let what: String = row.get(0)?;
    Ok(Gate {
        of: GateOf::from_word(&what).ok_or_else(|| corrupt("a gate", &what))?,
        name: row.get(1)?,
        paused_at: row.get::<_, Option<i64>>(2)?.map(Micros),
        paused_by: row.get(3)?,
        at_once: row.get(4)?,
    })
}
