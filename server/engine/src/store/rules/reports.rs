//! Reported jobs: which ends the server decides by itself, so that a later report reverts them.

use model::{Event, JobState, JobView};

/// No report came for too long.
pub(crate) const LOST: &str = "lost";
/// A user gave the run up.
pub(crate) const GIVEN_UP: &str = "given_up";
/// The client died; a later one on its machine reported that.
pub(crate) const REPORTER_DIED: &str = "reporter_died";
/// A later run without a name took its place.
pub(crate) const SUPERSEDED: &str = "superseded";

/// Codes of the event by which contact is lost or regained, or a run continues.
pub(in crate::store) const CONTACT_LOST: &str = "contact_lost";
pub(in crate::store) const CONTACT_REGAINED: &str = "contact_regained";
pub(in crate::store) const RETURNED: &str = "returned";

/// Whether the run continues when its reporter reports again.
pub(in crate::store) fn can_return(job: &JobView) -> bool {
    let decided_here = |code: &str| [LOST, GIVEN_UP, REPORTER_DIED].contains(&code);
    job.state.apply(Event::Return) == Ok(JobState::Running)
        && job.failure.as_ref().is_some_and(|failure| decided_here(&failure.code))
}

#[cfg(test)]
mod tests {
    use model::{Failure, JobId, Micros};

    use super::*;

    fn ended(state: JobState, code: &str) -> JobView {
        let failure = Some(Failure { code: code.to_owned(), message: String::new() });
        JobView { state, failure, ..JobView::new(JobId(1), "backup", "Backup", "anna", Micros(0)) }
    }

    #[test]
    fn only_ends_of_the_server_are_reverted() {
        for code in [LOST, GIVEN_UP, REPORTER_DIED] {
            assert!(can_return(&ended(JobState::Interrupted, code)), "{code}");
        }
        assert!(!can_return(&ended(JobState::Interrupted, SUPERSEDED)));
        assert!(!can_return(&ended(JobState::Failed, LOST)));
        assert!(!can_return(&ended(JobState::Running, LOST)));
    }
}
