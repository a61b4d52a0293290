//! Threads and signals: one-shot flags, panics, the blocking pool, health of the threads.

pub(crate) mod blocking_pool;
pub(crate) mod flag;
pub(crate) mod health;
pub(crate) mod panics;
pub(crate) mod scheduler_waker;
