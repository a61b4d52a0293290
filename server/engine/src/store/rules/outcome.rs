//! How an attempt ends: its own outcome, and what users had asked for before it ended.

use model::{Event, Failure, IllegalTransition, JobState, Micros};

use crate::store::Outcome;

/// Code and message of an attempt that was released because its worker shut down.
const SHUTDOWN: (&str, &str) = ("shutdown", "its process was asked to stop");
/// The same of one that stopped for a pause which was then taken back.
const PAUSE_TAKEN_BACK: (&str, &str) = ("pause_taken_back", "it stopped for a pause that was taken back");

/// What users have asked of a running job.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct StopRequests {
    pub(in crate::store) cancel: bool,
    pub(in crate::store) pause: bool,
}

/// The end of an attempt as it is recorded.
#[derive(Debug, PartialEq)]
pub(in crate::store) struct AttemptEnd<'o> {
    /// The state of the job.
    pub(in crate::store) state: JobState,
    /// The state of the attempt's own record.
    pub(in crate::store) attempt_state: JobState,
    /// Whether the job waits for another attempt, under the next number.
    pub(in crate::store) starts_new_attempt: bool,
    /// Added to the attempts charged.
    pub(in crate::store) charge: i8,
    /// When the next attempt is due, if it waits for a time.
    pub(in crate::store) due: Option<Micros>,
    /// Whether the job is paused where it would wait for its next attempt.
    pub(in crate::store) set_aside: bool,
    /// The failure of the job.
    pub(in crate::store) failure: Option<&'o Failure>,
    /// Code and message of the attempt's own record.
    pub(in crate::store) attempt_failure: Option<(&'o str, &'o str)>,
    /// Backtrace or chain of causes.
    pub(in crate::store) trace: Option<&'o str>,
    /// Output as JSON text.
    pub(in crate::store) output: Option<&'o str>,
    /// Whether its artifacts become visible.
    pub(in crate::store) publishes_artifacts: bool,
    /// The code of the state event: what happened, else the error, else the state reached.
    pub(in crate::store) code: &'o str,
}

impl AttemptEnd<'_> {
    /// Whether the job's checkpoint is no longer needed: it never runs again.
    pub(in crate::store) fn removes_checkpoint(&self) -> bool {
        self.state == JobState::Succeeded
    }
}

/// Whether the end depends on [`StopRequests`]; otherwise they need not be read.
pub(in crate::store) const fn depends_on_stop_requests(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeded { .. } | Outcome::Cancelled { .. } | Outcome::Lost { .. } => false,
        Outcome::Failed { .. }
        | Outcome::RetryLater { .. }
        | Outcome::Snoozed { .. }
        | Outcome::Paused
        | Outcome::Released => true,
    }
}

/// Decides how an attempt ends. A cancel request that came before the end wins over all but success. A pause request
/// may have been withdrawn after a checkpoint had passed it on to the task.
pub(in crate::store) fn decide_outcome(
    outcome: &Outcome,
    requests: StopRequests,
) -> Result<AttemptEnd<'_>, IllegalTransition> {
    let (own_event, failure, trace, output, due) = match outcome {
        Outcome::Succeeded { output } => (Event::Succeed, None, "", Some(output.as_str()), None),
        Outcome::Failed { failure, trace } => (Event::Fail, Some(failure), trace.as_str(), None, None),
        Outcome::RetryLater { failure, trace, at } => {
            (Event::RetryLater, Some(failure), trace.as_str(), None, Some(*at))
        }
        Outcome::Snoozed { until } => (Event::Snooze, None, "", None, Some(*until)),
        Outcome::Cancelled { failure, trace } => (Event::Cancel, failure.as_ref(), trace.as_str(), None, None),
        Outcome::Paused => (Event::Pause, None, "", None, None),
        Outcome::Released => (Event::Release, None, "", None, None),
        Outcome::Lost { failure } => (Event::WorkerLost, Some(failure), "", None, None),
    };
    let requests = if depends_on_stop_requests(outcome) { requests } else { StopRequests::default() };
    let event = match own_event {
        _ if requests.cancel => Event::Cancel,
        Event::Pause if !requests.pause => Event::Release,
        event => event,
    };
    let ended_as = JobState::Running.apply(event)?;
    let set_aside = requests.pause && matches!(ended_as, JobState::Scheduled | JobState::Queued);
    let state = if set_aside { ended_as.apply(Event::Pause)? } else { ended_as };
    // A release is not held against the job, which waits as if the attempt had not begun.
    let released = match outcome {
        Outcome::Paused => PAUSE_TAKEN_BACK,
        _ => SHUTDOWN,
    };
    Ok(AttemptEnd {
        state,
        attempt_state: if event == Event::RetryLater { JobState::Failed } else { ended_as },
        starts_new_attempt: event.starts_new_attempt(JobState::Running),
        charge: event.charge(JobState::Running),
        due: due.filter(|_| matches!(event, Event::RetryLater | Event::Snooze)),
        set_aside,
        failure,
        attempt_failure: match event {
            Event::Release => Some(released),
            _ => failure.map(|failure| (failure.code.as_str(), failure.message.as_str())),
        },
        trace: Some(trace).filter(|trace| !trace.is_empty()),
        output,
        publishes_artifacts: !matches!(event, Event::Snooze | Event::Pause | Event::Release),
        code: match event {
            Event::Release => "handed_back",
            Event::Snooze => "snoozed",
            Event::Pause => "paused",
            _ => failure.map_or_else(|| state.as_str(), |failure| failure.code.as_str()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANCEL: StopRequests = StopRequests { cancel: true, pause: false };
    const PAUSE: StopRequests = StopRequests { cancel: false, pause: true };
    const NONE: StopRequests = StopRequests { cancel: false, pause: false };

    fn failure() -> Failure {
        Failure { code: "no_route".into(), message: "there is no route".into() }
    }

    fn retry() -> Outcome {
        Outcome::RetryLater { failure: failure(), trace: String::new(), at: Micros(7) }
    }

    fn decide(outcome: &Outcome, requests: StopRequests) -> AttemptEnd<'_> {
        decide_outcome(outcome, requests).expect("a running job can end like this")
    }

    #[test]
    fn success_wins_over_cancel_and_pause_requests() {
        let outcome = Outcome::Succeeded { output: "1".to_owned() };
        let end = decide(&outcome, StopRequests { cancel: true, pause: true });
        assert_eq!((end.state, end.set_aside, end.code), (JobState::Succeeded, false, "succeeded"));
        assert!(end.publishes_artifacts && end.removes_checkpoint() && !end.starts_new_attempt);
    }

    #[test]
    fn cancel_request_wins_over_retry_and_keeps_the_failure() {
        let outcome = retry();
        let end = decide(&outcome, CANCEL);
        assert_eq!((end.state, end.attempt_state, end.due), (JobState::Cancelled, JobState::Cancelled, None));
        assert_eq!((end.code, end.failure, end.starts_new_attempt), ("no_route", Some(&failure()), false));
    }

    #[test]
    fn retry_waits_for_its_time_and_fails_the_attempt() {
        let outcome = retry();
        let end = decide(&outcome, NONE);
        assert_eq!((end.state, end.attempt_state, end.due), (JobState::Scheduled, JobState::Failed, Some(Micros(7))));
        assert!(end.starts_new_attempt && end.publishes_artifacts && !end.removes_checkpoint());
    }

    #[test]
    fn pause_request_sets_aside_what_would_wait() {
        for outcome in [retry(), Outcome::Snoozed { until: Micros(7) }, Outcome::Released] {
            let end = decide(&outcome, PAUSE);
            assert_eq!((end.state, end.set_aside, end.starts_new_attempt), (JobState::Paused, true, true));
        }
        let outcome = Outcome::Failed { failure: failure(), trace: String::new() };
        assert_eq!(decide(&outcome, PAUSE).state, JobState::Failed);
    }

    #[test]
    fn withdrawn_pause_releases_the_job_without_a_charge() {
        let end = decide(&Outcome::Paused, NONE);
        assert_eq!((end.state, end.code, end.charge), (JobState::Queued, "handed_back", -1));
        assert_eq!((end.failure, end.attempt_failure), (None, Some(PAUSE_TAKEN_BACK)));
        assert_eq!(decide(&Outcome::Released, NONE).attempt_failure, Some(SHUTDOWN));
        assert_eq!(decide(&Outcome::Paused, PAUSE).code, "paused");
    }
}
