//! Histogram of durations with a relative error of about 1 % and constant memory.

use std::time::Duration;

/// Buckets per doubling.
const STEPS: usize = 64;
/// Number of doublings from one microsecond on: more than an hour.
const DOUBLINGS: usize = 32;

/// Counts of durations.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * DOUBLINGS], max: 0 }
    }
}

impl Histogram {
    /// Adds a duration.
    pub(crate) fn add(&mut self, time: Duration) {
        let micros = time.as_micros() as u64;
        self.max = self.max.max(micros);
        self.counts[bucket(micros)] += 1;
    }

    /// Adds the durations of another histogram.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.max = self.max.max(other.max);
    }

    /// Returns the number of durations.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the quantile `share` (0 to 1); zero without durations.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = (self.count() as f64 * share).ceil() as u64;
        let mut passed = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            passed += count;
            if passed >= rank && *count > 0 {
                return Duration::from_micros(upper_bound(bucket).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// Returns the longest duration.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }
}

fn bucket(micros: u64) -> usize {
    let doubling = (u64::BITS - (micros / STEPS as u64).leading_zeros()) as usize;
    let within = if doubling == 0 { micros } else { (micros >> (doubling - 1)) - STEPS as u64 };
    (doubling * STEPS + within as usize).min(STEPS * DOUBLINGS - 1)
}

/// Returns the longest duration of a bucket, microseconds.
fn upper_bound(bucket: usize) -> u64 {
    let (doubling, within) = (bucket / STEPS, (bucket % STEPS) as u64);
    if doubling == 0 { within } else { ((STEPS as u64 + within + 1) << (doubling - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_accurate_to_two_per_cent() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        for share in [0.01, 0.5, 0.95, 0.99, 1.0] {
            let (found, right) = (histogram.quantile(share).as_micros() as f64, 100_000.0 * share);
            assert!((found / right - 1.0).abs() < 0.02, "{share}: {found} for {right}");
        }
        assert_eq!(histogram.max(), Duration::from_millis(100));
    }
}
