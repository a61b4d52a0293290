//! How long a job will still take: a range of seconds, made of its own pace and of earlier runs of its kind.
//!
//! Four ideas, each in a file of its own:
//!
//! - [`History`] turns a place in the work ("42 % of stage 2") into *usual seconds*: how long earlier runs took to get
//!   there, for as much work as this run has. A stage that is always slow at its end is so in there (`Usual`).
//! - `Course` keeps the pace in a handful of blocks of time, finds where it last changed for good, and tells a stall
//!   from a burst.
//! - [`Rhythm`] knows bursts and pauses that come again, and so when the next ones are due.
//! - [`Estimator`] puts both together: what is left in usual seconds, divided by how fast they pass.
//!
//! Nothing here allocates once an [`Estimator`] is made, and nothing looks at a clock. `docs/eta.md` says how well it does.

mod course;
mod estimator;
mod gaps;
mod history;
mod rhythm;
mod smoothing;
mod usual;
mod weighing;

pub use estimator::{Estimate, Estimator, Reading};
pub use gaps::Gaps;
pub use history::{History, RUNS, Run, StageRun};
pub use rhythm::{Lengths, Rhythm};
