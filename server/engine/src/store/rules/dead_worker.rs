//! Jobs of dead workers. A job waits for its next attempt while one is left, is paused if a user has asked for that,
//! and is interrupted otherwise. One that was to be cancelled is not tried again; it did not stop, though: its worker
//! was lost.

use model::{Event, IllegalTransition, JobState};

/// The running jobs of dead workers that share a fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum LostJobs {
    /// No cancel request, an attempt left, no pause request.
    Retried,
    /// No cancel request, an attempt left, a pause request.
    Paused,
    /// A cancel request, or no attempt left.
    Interrupted,
}

/// What happens to each of them, in order. Every lost job is in exactly one row. A retried job passes through
/// `scheduled` with nothing to wait for.
pub(in crate::store) const DEAD_WORKER_TRANSITIONS: [(LostJobs, &[Event]); 3] = [
    (LostJobs::Retried, &[Event::RetryLater, Event::Due]),
    (LostJobs::Paused, &[Event::RetryLater, Event::Pause]),
    (LostJobs::Interrupted, &[Event::WorkerLost]),
];

/// The state of a running job after `events`.
pub(in crate::store) fn state_after(events: &[Event]) -> Result<JobState, IllegalTransition> {
    events.iter().try_fold(JobState::Running, |state, event| state.apply(*event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_jobs_end_queued_paused_or_interrupted() {
        let states = DEAD_WORKER_TRANSITIONS.map(|(jobs, events)| (jobs, state_after(events)));
        let expected = [
            (LostJobs::Retried, Ok(JobState::Queued)),
            (LostJobs::Paused, Ok(JobState::Paused)),
            (LostJobs::Interrupted, Ok(JobState::Interrupted)),
        ];
        assert_eq!(states, expected);
    }
}
