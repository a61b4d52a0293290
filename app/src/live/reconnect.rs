//! Reconnect delays.
//!
//! Full jitter after the first try: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

/// Spreads the first tries of browsers that lost the same server, milliseconds.
const FIRST: f64 = 300.0;
/// The range of the second try, milliseconds; it doubles with each try.
const BASE: f64 = 1_000.0;
/// The largest range, milliseconds.
const MOST: f64 = 30_000.0;
/// A stream that lived this long resets the count of failures, milliseconds.
const WELL: f64 = 5_000.0;

#[derive(Clone, Copy, Debug, Default)]
pub struct Retry {
    failures: i32,
}

impl Retry {
    /// Returns the delay until the next try; `random` is uniform in 0..1.
    pub fn next(&mut self, random: f64) -> Duration {
        let range = match self.failures {
            0 => FIRST,
            failures => MOST.min(BASE * 2_f64.powi(failures - 1)),
        };
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis((range * random) as u64)
    }

    /// Reports how long a stream lived, milliseconds.
    pub fn lived(&mut self, milliseconds: f64) {
        if milliseconds >= WELL {
            self.failures = 0;
        }
    }
}
