//! `until=end`: a stream that ends once the jobs it names have ended.

use std::collections::BTreeSet;

use engine::{DurableEvent, store::Topics};
use model::{Cursor, JobId, JobView, Seq, StreamEvent};

/// Tracks which of the named jobs are still to end.
#[derive(Debug)]
pub(super) struct UntilEnd {
    named: BTreeSet<JobId>,
    pending: BTreeSet<JobId>,
    /// The newest event that is included.
    cursor: Cursor,
}

impl UntilEnd {
    /// Waits for the jobs of `topics` that have not ended in `jobs`, which was read at `position`.
    pub(super) fn new(topics: &Topics, position: Cursor, jobs: &[JobView]) -> Self {
        let named = topics.job.union(&topics.row).copied().collect();
        let mut until_end = Self { named, pending: BTreeSet::new(), cursor: position.clone() };
        until_end.reset(position.seq, jobs);
        until_end
    }

    /// Returns the first named job that is not among `jobs`.
    pub(super) fn missing(&self, jobs: &[JobView]) -> Option<JobId> {
        self.named.iter().copied().find(|named| jobs.iter().all(|job| job.job != *named))
    }

    /// Starts over from `jobs`, read at `seq`. A job that is missing was deleted, and so has ended.
    pub(super) fn reset(&mut self, seq: Seq, jobs: &[JobView]) {
        self.cursor.seq = seq;
        let open = jobs.iter().filter(|job| !job.state.is_terminal()).map(|job| job.job);
        self.pending = open.filter(|job| self.named.contains(job)).collect();
    }

    /// Applies an event; older ones than the cursor are ignored.
    pub(super) fn apply(&mut self, event: &DurableEvent) {
        if event.seq <= self.cursor.seq {
            return;
        }
        self.cursor.seq = event.seq;
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

    pub(super) fn all_ended(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) const fn cursor(&self) -> &Cursor {
        &self.cursor
    }
}
