//! Backoff with jitter, so that a thousand reporters do not return at one moment.

use std::time::Duration;

use crate::ids::random_share;

/// The first and the longest delay, in seconds.
const DELAYS: (f64, f64) = (0.25, 15.0);

/// Growing delays between failed requests.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the next delay: half of it fixed, half of it random.
    pub(crate) fn next(&mut self) -> Duration {
        let delay = (DELAYS.0 * f64::from(1_u32 << self.failures.min(16))).min(DELAYS.1);
        self.failures += 1;
        Duration::from_secs_f64(delay * (0.5 + 0.5 * random_share()))
    }

    /// Begins again after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}
