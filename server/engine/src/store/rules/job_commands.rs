//! Commands of users on a job: what cancel, pause, resume, retry, start now, dismiss and delete do in each of its states,
//! and why they are refused.

use model::{AttemptNo, Event, IllegalTransition, JobId, JobState, JobView, Micros};

use crate::{Error, Result, store::CancelOutcome};

/// What a cancel request does.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum Cancel {
    /// Nothing: the job is over, or has been asked before.
    Nothing(CancelOutcome),
    /// Asks the running attempt to stop.
    Request(AttemptNo),
    /// Ends a waiting job in this state.
    End(JobState),
}

/// What a pause request does.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum Pause {
    /// Asks the running attempt to stop at its next checkpoint.
    Request,
    /// Puts a waiting job into this state.
    SetAside(JobState),
}

/// What a resume request does.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum Resume {
    /// Withdraws the pause request of a running job.
    WithdrawRequest,
    /// Puts a paused job into this state, to wait for its time.
    Wait(JobState),
    /// Puts a paused job into this state, at the end of the queue.
    Queue(JobState),
}

pub(in crate::store) fn decide_cancel(found: &JobView) -> Result<Cancel> {
    match found.state {
        JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
            Ok(Cancel::Nothing(CancelOutcome::AlreadyEnded(found.state)))
        }
        JobState::Running if found.cancel_requested_at.is_some() => {
            Ok(Cancel::Nothing(CancelOutcome::AlreadyRequested(found.attempt)))
        }
        JobState::Running => Ok(Cancel::Request(found.attempt)),
        waiting @ (JobState::Scheduled | JobState::Queued | JobState::Paused) => {
            let state = waiting.apply(Event::Cancel).map_err(|error| conflict(found.job, error))?;
            Ok(Cancel::End(state))
        }
    }
}

pub(in crate::store) fn decide_pause(found: &JobView) -> Result<Pause> {
    let state = found.state.apply(Event::Pause).map_err(|_| cannot_pause(found))?;
    if found.state != JobState::Running {
        return Ok(Pause::SetAside(state));
    }
    if found.pause_requested_at.is_some() || found.cancel_requested_at.is_some() {
        return Err(cannot_pause(found));
    }
    Ok(Pause::Request)
}

pub(in crate::store) fn decide_resume(found: &JobView, now: Micros) -> Result<Resume> {
    if found.state == JobState::Running && found.pause_requested_at.is_some() {
        return Ok(Resume::WithdrawRequest);
    }
    // One that failed does not wait for the time of its next attempt.
    let waits = found.failure.is_none() && found.run_at.is_some_and(|at| at > now);
    let event = if waits { Event::ResumeLater } else { Event::Resume };
    let state = found.state.apply(event).map_err(|error| Error::Conflict {
        code: "not_paused",
        message: format!("job #{} is not paused; it is {}", found.job, error.from),
        state: error.from,
    })?;
    Ok(if waits { Resume::Wait(state) } else { Resume::Queue(state) })
}

/// The state of a job that is retried.
pub(in crate::store) fn decide_retry(found: &JobView) -> Result<JobState> {
    found.state.apply(Event::Retry).map_err(|error| conflict(found.job, error))
}

/// Refuses to retry a job while `other`, with the same unique key, is active.
pub(in crate::store) fn check_unique(found: &JobView, other: Option<JobId>) -> Result<()> {
    let Some(other) = other else { return Ok(()) };
    Err(Error::Conflict {
        code: "already_under_way",
        message: format!("job #{other} does the same already; wait until it is over, or cancel it"),
        state: found.state,
    })
}

/// The state of a scheduled job that is started before its time.
pub(in crate::store) fn decide_start_now(found: &JobView) -> Result<JobState> {
    found.state.apply(Event::Due).map_err(|error| Error::Conflict {
        code: "not_scheduled",
        message: format!("job #{} does not wait for a time; it is {}", found.job, error.from),
        state: error.from,
    })
}

/// Refuses to dismiss a job that did not go wrong.
pub(crate) fn check_dismiss(found: &JobView) -> Result<()> {
    if matches!(found.state, JobState::Failed | JobState::Interrupted) {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "needs_no_attention",
        message: format!("job #{} is {}; only failed and interrupted jobs are dismissed", found.job, found.state),
        state: found.state,
    })
}

/// Refuses to delete a job that is not over.
pub(in crate::store) fn check_delete(found: &JobView) -> Result<()> {
    if found.state.is_terminal() {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "not_ended",
        message: format!("job #{} is {}; cancel it before you delete it", found.job, found.state),
        state: found.state,
    })
}

fn cannot_pause(found: &JobView) -> Error {
    let job = found.job;
    let (code, message) = match found.state {
        JobState::Running if found.cancel_requested_at.is_some() => {
            ("already_requested", format!("job #{job} has been asked to stop; it cannot be paused any more"))
        }
        JobState::Running => (
            "already_requested",
            format!("job #{job} has been asked to pause already, and will at the next checkpoint"),
        ),
        JobState::Paused => ("already_paused", format!("job #{job} is paused already")),
        JobState::Scheduled
        | JobState::Queued
        | JobState::Succeeded
        | JobState::Failed
        | JobState::Cancelled
        | JobState::Interrupted => ("already_ended", format!("job #{job} is over; it has {}", found.state)),
    };
    Error::Conflict { code, message, state: found.state }
}

fn conflict(job: JobId, error: IllegalTransition) -> Error {
    let (code, message) = match error.from {
        JobState::Running => ("still_running", format!("job #{job} is running; cancel it first")),
        JobState::Scheduled | JobState::Queued | JobState::Paused => {
            ("not_ended", format!("job #{job} has not run yet; it is {}", error.from))
        }
        JobState::Succeeded => {
            ("already_succeeded", format!("job #{job} succeeded; run it again as a new job instead"))
        }
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
            ("already_ended", format!("job #{job} is over; it is {}", error.from))
        }
    };
    Error::Conflict { code, message, state: error.from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Failure;

    fn job(state: JobState) -> JobView {
        JobView { state, ..JobView::new(JobId(1), "scale", "Scale", "ada", Micros(0)) }
    }

    #[test]
    fn second_request_to_stop_is_refused_or_ignored() {
        let asked = JobView { cancel_requested_at: Some(Micros(1)), ..job(JobState::Running) };
        let ignored = Cancel::Nothing(CancelOutcome::AlreadyRequested(asked.attempt));
        assert_eq!(decide_cancel(&asked).expect("it is no error"), ignored);
        for asked in [asked, JobView { pause_requested_at: Some(Micros(1)), ..job(JobState::Running) }] {
            let refused = decide_pause(&asked).expect_err("it has been asked");
            assert!(matches!(refused, Error::Conflict { code: "already_requested", .. }), "{refused}");
        }
    }

    #[test]
    fn resumed_job_waits_for_its_time_unless_it_failed() {
        let paused = JobView { run_at: Some(Micros(9)), ..job(JobState::Paused) };
        assert_eq!(decide_resume(&paused, Micros(8)).expect("paused"), Resume::Wait(JobState::Scheduled));
        assert_eq!(decide_resume(&paused, Micros(9)).expect("paused"), Resume::Queue(JobState::Queued));
        let failure = Some(Failure { code: "error".into(), message: "no".into() });
        let failed = JobView { failure, ..paused };
        assert_eq!(decide_resume(&failed, Micros(8)).expect("paused"), Resume::Queue(JobState::Queued));
    }

    #[test]
    fn only_an_ended_job_is_deleted_and_only_a_failed_one_retried() {
        for state in JobState::ALL {
            assert_eq!(check_delete(&job(state)).is_ok(), state.is_terminal(), "{state}");
            let retried = state.is_terminal() && state != JobState::Succeeded;
            assert_eq!(decide_retry(&job(state)).is_ok(), retried, "{state}");
        }
    }
}
