//! The worker: claims jobs, samples their progress, sends heartbeats, finds dead workers.

pub(crate) mod dispatcher;
pub(crate) mod liveness;
pub(crate) mod relay;
pub(crate) mod sampler;
