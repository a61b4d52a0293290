//! Times of a run: its start plus monotonic time, so that a step of the system's clock changes nothing.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wire::Time;

/// The clock of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Time,
    origin: Instant,
}

impl Clock {
    /// Starts a clock.
    pub(crate) fn start() -> Self {
        Self { start: wall_time(), origin: Instant::now() }
    }

    /// Returns the time of the run.
    pub(crate) fn now(&self) -> Time {
        Time(self.start.0 + self.origin.elapsed().as_micros() as i64)
    }

    /// Returns the seconds since the start.
    pub(crate) fn elapsed(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }
}

/// Returns the time of the system's clock.
pub(crate) fn wall_time() -> Time {
    Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64))
}
