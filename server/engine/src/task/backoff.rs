//! Backoff: how long a failed job waits before its next attempt.

use std::time::Duration;

/// The pause between a failed attempt and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// A random time up to `first`, up to twice as long after each further failure, never above `most`. Random over the
    /// whole range ("full jitter"), so that jobs that failed together are not retried together
    /// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    Exponential {
        /// The longest pause after the first failure.
        first: Duration,
        /// The longest pause after any.
        most: Duration,
    },
    /// A list of pauses: after the first failure, after the second, and so on. The last one is used for all further
    /// failures. An empty list means no pause.
    List(&'static [Duration]),
}

impl Backoff {
    /// Up to half a minute after the first failure, up to an hour after many.
    pub const DEFAULT: Self = Self::Exponential { first: Duration::from_secs(30), most: Duration::from_hours(1) };

    /// The pause after `charged` failed attempts, at least 1.
    pub(crate) fn pause(self, failures: u32) -> Duration {
        let earlier = failures.saturating_sub(1);
        match self {
            Self::Exponential { first, most } => {
                let doubled = 2_u32.checked_pow(earlier).and_then(|times| first.checked_mul(times));
                doubled.map_or(most, |pause| pause.min(most)).mul_f64(rand::random::<f64>())
            }
            Self::List(pauses) => pauses.get(earlier as usize).or(pauses.last()).copied().unwrap_or(Duration::ZERO),
        }
    }
}
