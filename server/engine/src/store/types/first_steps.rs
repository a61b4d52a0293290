//! First steps of a new installation.

use super::super::ScheduleId;

/// What administrators have done of the steps that the overview of a new installation suggests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSteps {
    /// Whether a job of the first kind was ever started.
    pub started: bool,
    /// Users who have not been removed.
    pub users: u64,
    /// The oldest schedule of the kind of backups, and its name.
    pub backup: Option<(ScheduleId, String)>,
}
