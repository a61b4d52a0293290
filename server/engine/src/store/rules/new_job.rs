//! New jobs: the state in which one is accepted, repeated starts under the same idempotency key, and what the audit log
//! says.

use std::borrow::Cow;

use model::{JobId, JobState, Micros};

use crate::{Error, store::NewJob};

/// The state of a job that is accepted `now`.
pub(in crate::store) fn initial_state(new: &NewJob, now: Micros) -> JobState {
    if new.run_at.is_some_and(|at| at > now) { JobState::Scheduled } else { JobState::Queued }
}

/// Refuses a start whose idempotency key was used for `job`, of another kind or with another input.
pub(in crate::store) fn key_reused(job: JobId, state: JobState) -> Error {
    Error::Conflict {
        code: "key_reused",
        message: format!("job #{job} was started under the same key, with another task or input; use a new key"),
        state,
    }
}

/// The detail of a start in the audit log.
pub(in crate::store) fn start_detail(new: &NewJob) -> Cow<'_, str> {
    match (new.rerun_of, &new.run_of) {
        (None, None) => Cow::Borrowed(&new.kind),
        (None, Some(run)) => {
            let how = if run.due.is_some() { "" } else { ", run manually" };
            Cow::Owned(format!("{}, schedule {}{how}", new.kind, run.name))
        }
        (Some(original), _) => Cow::Owned(format!("{}, repeats #{original}", new.kind)),
    }
}
