//! When a stream that was asked for with `until=end` ends.

use std::collections::BTreeSet;

use engine::{DurableEvent, store::Topics};
use model::{Cursor, JobId, JobView, Seq, StreamEvent};

/// The jobs a stream waits for.
#[derive(Debug)]
pub(super) struct Ending {
    named: BTreeSet<JobId>,
    pending: BTreeSet<JobId>,
    /// The newest event that is taken into account.
    seen: Cursor,
}

impl Ending {
    /// Waits for those jobs of `topics` that are not over in `jobs`, which was read at `position`.
    pub(super) fn new(topics: &Topics, position: Cursor, jobs: &[JobView]) -> Self {
        let named = topics.job.union(&topics.row).copied().collect();
        let mut ending = Self { named, pending: BTreeSet::new(), seen: position.clone() };
        ending.look_again(position.seq, jobs);
        ending
    }

    /// The first job named that is not among `jobs`.
    pub(super) fn missing(&self, jobs: &[JobView]) -> Option<JobId> {
        self.named.iter().copied().find(|named| jobs.iter().all(|job| job.job != *named))
    }

    /// Takes `jobs`, read at `seq`, for what is true. A job that is not there has been deleted, and so is over.
    pub(super) fn look_again(&mut self, seq: Seq, jobs: &[JobView]) {
        self.seen.seq = seq;
        let open = jobs.iter().filter(|job| !job.state.is_terminal()).map(|job| job.job);
        self.pending = open.filter(|job| self.named.contains(job)).collect();
    }

    /// Takes notice of an event.
    pub(super) fn hear(&mut self, event: &DurableEvent) {
        if event.seq <= self.seen.seq {
            return;
        }
        self.seen.seq = event.seq;
        if let StreamEvent::State(state) = &event.event
            && self.named.contains(&state.view.job)
        {
            if state.view.state.is_terminal() {
                self.pending.remove(&state.view.job);
            } else {
                self.pending.insert(state.view.job);
            }
        }
    }

    /// Whether all of them are over.
    pub(super) fn is_over(&self) -> bool {
        self.pending.is_empty()
    }

    /// The newest event that is taken into account.
    pub(super) const fn cursor(&self) -> &Cursor {
        &self.seen
    }
}
