//! Scheduling: the scheduler that starts the runs of schedules when they are due.

pub(crate) mod due_runs;
pub(crate) mod plan;
pub(crate) mod scheduler;
