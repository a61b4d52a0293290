//! When to try again.
//!
//! Full jitter after the first try: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

/// Spreads the first tries of many browsers that lost the same server, milliseconds.
const FIRST: f64 = 300.0;
/// The second try comes within this, milliseconds; the range then doubles each time.
const BASE: f64 = 1_000.0;
/// Up to this, milliseconds.
const MOST: f64 = 30_000.0;
/// A stream that lived this long was well; what follows is a new failure. Milliseconds.
const WELL: f64 = 5_000.0;

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry {
    failures: i32,
}

impl Retry {
    /// How long to wait now; `random` is uniform in 0..1.
    pub fn next(&mut self, random: f64) -> Duration {
        let range = match self.failures {
            0 => FIRST,
            failures => MOST.min(BASE * 2_f64.powi(failures - 1)),
        };
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis((range * random) as u64)
    }

    /// Notes that a stream has ended after so many milliseconds.
    pub fn lived(&mut self, milliseconds: f64) {
        if milliseconds >= WELL {
            self.failures = 0;
        }
    }
}
