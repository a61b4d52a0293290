//! Counters: how many jobs are in each state, which every event of a transaction carries, and what a transaction adds
//! to the statistics of its hour and of its kinds.

use std::collections::BTreeMap;

use model::{Counts, JobState};

/// The counters of one write transaction.
pub(in crate::store) struct Counters {
    /// How many jobs there are in each state.
    pub(in crate::store) counts: Counts,
    /// Jobs that ended in it.
    pub(in crate::store) ended: Ended,
    /// How the number of jobs of each kind changes.
    pub(in crate::store) kinds: BTreeMap<String, i64>,
}

/// Jobs that ended. Interrupted jobs count as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Ended {
    pub(in crate::store) succeeded: u64,
    pub(in crate::store) failed: u64,
    pub(in crate::store) cancelled: u64,
}

impl Counters {
    /// Begins with the counts of the last transaction.
    pub(in crate::store) const fn new(counts: Counts) -> Self {
        Self { counts, ended: Ended { succeeded: 0, failed: 0, cancelled: 0 }, kinds: BTreeMap::new() }
    }

    /// Counts a job that came `from` a state to another; `None` for a new one. Returns its place in the queue, where
    /// that is known: a job that enters the queue is last; one that was running returns to where it was.
    pub(in crate::store) fn transition(&mut self, from: Option<JobState>, to: JobState) -> Option<u32> {
        if let Some(from) = from {
            *count_mut(&mut self.counts, from) -= 1;
        }
        *count_mut(&mut self.counts, to) += 1;
        match to {
            JobState::Succeeded => self.ended.succeeded += 1,
            JobState::Failed | JobState::Interrupted => self.ended.failed += 1,
            JobState::Cancelled => self.ended.cancelled += 1,
            JobState::Scheduled | JobState::Queued | JobState::Running | JobState::Paused => {}
        }
        let enters_queue = to == JobState::Queued && from != Some(JobState::Running);
        u32::try_from(self.counts.queued).ok().filter(|_| enters_queue)
    }

    /// Counts a job in `state` that was deleted.
    pub(in crate::store) const fn removal(&mut self, state: JobState) {
        *count_mut(&mut self.counts, state) -= 1;
    }

    /// Counts a job of `kind` that was added (+1) or deleted (-1).
    pub(in crate::store) fn kind(&mut self, kind: &str, change: i64) {
        if let Some(count) = self.kinds.get_mut(kind) {
            *count += change;
        } else {
            self.kinds.insert(kind.to_owned(), change);
        }
    }
}

/// The count of one state.
pub(in crate::store) const fn count_mut(counts: &mut Counts, state: JobState) -> &mut u64 {
    match state {
        JobState::Scheduled => &mut counts.scheduled,
        JobState::Queued => &mut counts.queued,
        JobState::Running => &mut counts.running,
        JobState::Paused => &mut counts.paused,
        JobState::Succeeded => &mut counts.succeeded,
        JobState::Failed => &mut counts.failed,
        JobState::Cancelled => &mut counts.cancelled,
        JobState::Interrupted => &mut counts.interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_entering_the_queue_is_last_and_a_returning_one_keeps_its_place() {
        let mut counters = Counters::new(Counts { queued: 2, running: 1, ..Counts::default() });
        assert_eq!(counters.transition(None, JobState::Queued), Some(3));
        assert_eq!(counters.transition(Some(JobState::Running), JobState::Queued), None);
        assert_eq!(counters.counts, Counts { queued: 4, ..Counts::default() });
    }

    #[test]
    fn interrupted_job_counts_as_failed() {
        let mut counters = Counters::new(Counts { running: 1, ..Counts::default() });
        counters.transition(Some(JobState::Running), JobState::Interrupted);
        assert_eq!(counters.ended, Ended { failed: 1, ..Ended::default() });
        counters.removal(JobState::Interrupted);
        assert_eq!(counters.counts, Counts::default());
    }
}
