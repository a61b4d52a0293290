//! Why a report is refused.

use model::{JobId, JobState};
use wire::FieldProblem;

use crate::Error;

/// Why a report is refused. One that was refused has changed nothing, except where that is said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Parts of it are wrong.
    #[error("{}", .0.first().map_or("the report is not valid", |problem| problem.detail.as_str()))]
    Invalid(Vec<FieldProblem>),
    /// It begins after entries that the server does not have.
    #[error("entries are missing; continue after number {received}")]
    Gap {
        /// The last entry that the server has.
        received: u64,
    },
    /// Another program reports under the same run id.
    #[error(
        "another program{} reports under this run id; give each run an id of its own",
        if .0.is_empty() { String::new() } else { format!(" on {}", .0) }
    )]
    OtherReporter(String),
    /// The run has ended.
    #[error("the run has ended: job #{0} is {1}; report under another run id")]
    RunEnded(JobId, JobState),
    /// The job was deleted.
    #[error("the job of this run was deleted; stop reporting")]
    Gone,
    /// There is no such run of this user.
    #[error("there is no such run")]
    NoSuchRun,
    /// The kind is that of a task of this server.
    #[error("{0} is a task of this server; report under another kind")]
    KindTaken(String),
    /// The run ended while the report arrived; it is looked up again.
    #[error("the run has just ended")]
    Over,
    /// The engine refuses it.
    #[error(transparent)]
    Engine(#[from] Error),
}
