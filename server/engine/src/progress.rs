//! Progress: counters of an attempt, rate, stages, forecast of the time left.

pub(crate) mod forecast;
pub(crate) mod kind_history;
pub(crate) mod rate;
pub(crate) mod stages;
pub(crate) mod tracker;
