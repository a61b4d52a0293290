//! The reporting protocol, `/api/v1/report`: batches of numbered entries, their responses and errors, and the limits
//! of both. Shared by the server and the client.
//!
//! Entries are numbered from 1 without gaps. A batch names the number of its first entry; the response acknowledges
//! them cumulatively: the server has everything up to `received` in memory and everything up to `acked` on disk.
//! Unknown fields and entry types are ignored, so that a newer client can report to an older server.

mod batch;
pub mod limits;
mod names;
mod problem;
mod response;
mod time;

pub use batch::{Batch, Entry, Finish, LogLines, Progress, ReportedState, Start};
pub use names::{is_kind, is_run};
pub use problem::{FieldProblem, Problem};
pub use response::{Cancel, CancelReason, LogAllowance, Status};
pub use time::Time;
