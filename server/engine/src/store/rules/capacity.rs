//! Capacity: how many jobs of each kind and queue a claim may take, by its slots, pauses and limits.

use model::{ControlTarget, JobId, QueueControl};

use crate::{
    Result,
    store::{Claim, Claimable},
};

/// What a claim may still take while it is decided. Running jobs are counted only for kinds that are limited.
pub(in crate::store) struct Capacity<'c> {
    claim: &'c Claim,
    controls: Vec<QueueControl>,
    /// What is left of each queue that has a limit.
    queues: Vec<(&'c str, u32)>,
}

impl<'c> Capacity<'c> {
    /// Applies `controls` to `claim`. `running` counts the running jobs of a kind, on all workers.
    pub(in crate::store) fn new(
        claim: &'c Claim,
        controls: Vec<QueueControl>,
        mut running: impl FnMut(&str) -> Result<u32>,
    ) -> Result<Self> {
        let mut queues = Vec::new();
        for control in controls.iter().filter(|control| control.of == ControlTarget::Queue) {
            let kinds = claim.kinds.iter().filter(|claimable| claimable.queue == control.name);
            let (Some(first), Some(limit)) = (kinds.clone().next(), control.at_once) else { continue };
            let mut left = limit;
            for claimable in kinds {
                left = left.saturating_sub(running(&claimable.kind)?);
            }
            queues.push((first.queue.as_str(), left));
        }
        Ok(Self { claim, controls, queues })
    }

    /// How many more jobs of a kind may start, if no other kind takes any.
    pub(in crate::store) fn of_kind(
        &self,
        claimable: &Claimable,
        running: impl FnOnce(&str) -> Result<u32>,
    ) -> Result<u32> {
        let paused = |control: &QueueControl| control.paused_at.is_some() && applies_to(control, claimable);
        if self.controls.iter().any(paused) {
            return Ok(0);
        }
        let of_queue = self.queues.iter().find(|(queue, _)| *queue == claimable.queue);
        let capacity = of_queue.map_or(self.claim.slots, |(_, left)| self.claim.slots.min(*left));
        let own =
            self.controls.iter().filter(|control| control.of == ControlTarget::Kind && control.name == claimable.kind);
        match own.filter_map(|control| control.at_once).chain(claimable.limit).min() {
            Some(limit) => Ok(capacity.min(limit.saturating_sub(running(&claimable.kind)?))),
            None => Ok(capacity),
        }
    }

    /// Takes the first of `candidates`, which are in the order of the queue, as far as slots and queues allow.
    pub(in crate::store) fn take(mut self, candidates: impl Iterator<Item = (&'c Claimable, JobId)>) -> Vec<JobId> {
        let mut taken = Vec::new();
        for (claimable, job) in candidates {
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

fn applies_to(control: &QueueControl, claimable: &Claimable) -> bool {
    control.name
        == match control.of {
            ControlTarget::Queue => claimable.queue.as_str(),
            ControlTarget::Kind => claimable.kind.as_str(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WorkerId;
    use model::Micros;

    fn claim(slots: u32) -> Claim {
        let kind = |kind: &str, queue: &str| Claimable { queue: queue.to_owned(), ..Claimable::of(kind) };
        let kinds = [kind("scale", "media"), kind("encode", "media"), kind("mail", "default")];
        Claim { worker: WorkerId("a".repeat(32)), slots, kinds: kinds.into(), waits: None }
    }

    fn limit(of: ControlTarget, name: &str, at_once: u32) -> QueueControl {
        QueueControl { at_once: Some(at_once), ..QueueControl::open(of, name) }
    }

    fn capacities(claim: &Claim, controls: Vec<QueueControl>, running: u32) -> [u32; 3] {
        let capacity = Capacity::new(claim, controls, |_| Ok(running)).expect("counted");
        [0, 1, 2].map(|n| capacity.of_kind(&claim.kinds[n], |_| Ok(running)).expect("counted"))
    }

    #[test]
    fn paused_queue_or_kind_takes_nothing() {
        let paused = |of, name: &str| QueueControl { paused_at: Some(Micros(1)), ..QueueControl::open(of, name) };
        assert_eq!(capacities(&claim(4), vec![paused(ControlTarget::Queue, "media")], 0), [0, 0, 4]);
        assert_eq!(capacities(&claim(4), vec![paused(ControlTarget::Kind, "encode")], 0), [4, 0, 4]);
    }

    #[test]
    fn smallest_limit_less_the_running_jobs_counts() {
        let limits = || vec![limit(ControlTarget::Queue, "media", 5), limit(ControlTarget::Kind, "scale", 2)];
        assert_eq!(capacities(&claim(4), limits(), 1), [1, 3, 4]);
        assert_eq!(capacities(&claim(4), limits(), 3), [0, 0, 4]);
    }

    #[test]
    fn unlimited_kinds_are_not_counted() {
        let claim = claim(4);
        let capacity = Capacity::new(&claim, Vec::new(), |_| unreachable!("no limit")).expect("nothing is counted");
        assert_eq!(capacity.of_kind(&claim.kinds[0], |_| unreachable!("no limit")).expect("nothing is counted"), 4);
    }

    #[test]
    fn full_queue_is_skipped_and_slots_end_the_claim() {
        let claim = claim(3);
        let capacity =
            Capacity::new(&claim, vec![limit(ControlTarget::Queue, "media", 1)], |_| Ok(0)).expect("counted");
        let candidates = [0, 1, 2, 2, 2].map(|n| &claim.kinds[n]).into_iter().zip((1..).map(JobId));
        assert_eq!(capacity.take(candidates), [JobId(1), JobId(3), JobId(4)]);
    }
}
