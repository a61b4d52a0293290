//! The queues: which kinds each holds, what waits in them, what people have decided about them.

use std::collections::BTreeMap;

use model::{Counts, Gate, GateOf};

use crate::{Engine, Error, Result, TaskInfo, store::GateChange};

/// A queue as it stands.
#[derive(Clone, Debug)]
pub struct QueueStatus {
    /// What people have decided about it; its name.
    pub gate: Gate,
    /// Its kinds, by the names that people call them.
    pub kinds: Vec<KindStatus>,
}

/// A kind as it stands.
#[derive(Clone, Debug)]
pub struct KindStatus {
    /// The kind.
    pub task: TaskInfo,
    /// What people have decided about it.
    pub gate: Gate,
    /// Its jobs that are not over; the other counts are 0.
    pub jobs: Counts,
}

impl QueueStatus {
    /// Its jobs that are not over, of all kinds together; the other counts are 0.
    pub fn jobs(&self) -> Counts {
        self.kinds.iter().fold(Counts::default(), |sum, kind| Counts {
            scheduled: sum.scheduled + kind.jobs.scheduled,
            queued: sum.queued + kind.jobs.queued,
            running: sum.running + kind.jobs.running,
            paused: sum.paused + kind.jobs.paused,
            ..sum
        })
    }
}

impl Engine {
    /// All queues that have a kind, by name.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>> {
        let (gates, mut under_way) = tokio::try_join!(self.store().gates(), self.store().under_way())?;
        let gate = |of, name: &str| {
            let decided = gates.iter().find(|gate| gate.of == of && gate.name == name);
            decided.cloned().unwrap_or_else(|| Gate::open(of, name))
        };
        let mut queues = BTreeMap::<&str, Vec<KindStatus>>::new();
        for task in self.catalogue() {
            let kind = task.kind.as_str();
            let jobs = under_way.remove(kind).unwrap_or_default();
            let status = KindStatus { task: task.clone(), gate: gate(GateOf::Kind, kind), jobs };
            queues.entry(task.queue.as_str()).or_default().push(status);
        }
        Ok(queues.into_iter().map(|(name, kinds)| QueueStatus { gate: gate(GateOf::Queue, name), kinds }).collect())
    }

    /// What keeps jobs of a kind from starting at the moment: its queue, or itself, where these are paused.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn paused_before(&self, kind: &str) -> Result<Option<Gate>> {
        let Some(task) = self.task(kind) else { return Ok(None) };
        let gates = self.store().gates().await?;
        let stands_before = |gate: &Gate| match gate.of {
            GateOf::Queue => gate.name == task.queue.as_str(),
            GateOf::Kind => gate.name == kind,
        };
        Ok(gates.into_iter().filter(|gate| gate.paused_at.is_some()).find(stands_before))
    }

    /// Pauses, resumes or limits a queue or a kind, for all processes. What runs goes on. What is so already stays as
    /// it is.
    ///
    /// # Errors
    /// `Error::UnknownQueue`, `Error::UnknownKind`, `Error::Database`.
    pub async fn change_gate(&self, of: GateOf, name: &str, change: GateChange, by: &str) -> Result<()> {
        match of {
            GateOf::Kind => drop(self.shared.registry.get(name)?),
            GateOf::Queue if self.catalogue().iter().all(|task| task.queue.as_str() != name) => {
                let mut known: Vec<&str> = self.catalogue().iter().map(|task| task.queue.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                return Err(Error::UnknownQueue { queue: name.chars().take(80).collect(), known: known.join(", ") });
            }
            GateOf::Queue => {}
        }
        self.store().change_gate(of, name, change, by).await
    }
}
