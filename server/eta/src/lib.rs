//! Estimated time left (ETA) of a job: a range of seconds, from its own pace and from earlier runs of its kind.
//!
//! - [`History`] converts a position in the work ("42 % of stage 2") into *baseline seconds*: the time that earlier runs
//!   took to get there with as much work. A stage that is always slow at its end has such a baseline (`Baseline`).
//! - `Pace` measures the pace in at most 32 blocks of time, finds the last lasting change, and separates stalls from
//!   bursts.
//! - [`Rhythm`] detects bursts and pauses of regular length, and predicts the next ones.
//! - [`Estimator`] combines both: the baseline seconds left, divided by the pace at which they pass.
//!
//! An [`Estimator`] does not allocate after its creation, and nothing here reads a clock. `docs/eta.md` has the
//! accuracy.

mod baseline;
mod estimator;
mod gaps;
mod history;
mod pace;
mod rhythm;
mod smoothing;
mod weighted_fit;

pub use estimator::{Estimate, Estimator, Sample};
pub use gaps::Gaps;
pub use history::{History, RUNS, Run, StageRun};
pub use rhythm::{Lengths, Rhythm};
