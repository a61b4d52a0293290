//! Many durations in little memory, each to about one part in a hundred.

use std::time::Duration;

/// Steps within each doubling.
const STEPS: usize = 64;
/// Doublings above one microsecond: up to an hour.
const DOUBLINGS: usize = 32;

/// How often which duration occurred.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * DOUBLINGS], most: 0 }
    }
}

impl Histogram {
    /// Notes one.
    pub(crate) fn add(&mut self, time: Duration) {
        let micros = time.as_micros() as u64;
        self.most = self.most.max(micros);
        self.counts[place(micros)] += 1;
    }

    /// Takes in those of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.most = self.most.max(other.most);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The least duration that `share` (0 to 1) of them do not exceed; zero where there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = (self.count() as f64 * share).ceil() as u64;
        let mut passed = 0;
        for (place, count) in self.counts.iter().enumerate() {
            passed += count;
            if passed >= rank && *count > 0 {
                return Duration::from_micros(top(place).min(self.most));
            }
        }
        Duration::ZERO
    }

    /// The longest.
    pub(crate) fn most(&self) -> Duration {
        Duration::from_micros(self.most)
    }
}

fn place(micros: u64) -> usize {
    let doubling = (u64::BITS - (micros / STEPS as u64).leading_zeros()) as usize;
    let within = if doubling == 0 { micros } else { (micros >> (doubling - 1)) - STEPS as u64 };
    (doubling * STEPS + within as usize).min(STEPS * DOUBLINGS - 1)
}

/// The longest duration that falls on a place, microseconds.
fn top(place: usize) -> u64 {
    let (doubling, within) = (place / STEPS, (place % STEPS) as u64);
    if doubling == 0 { within } else { ((STEPS as u64 + within + 1) << (doubling - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_two_parts_in_a_hundred() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        for share in [0.01, 0.5, 0.95, 0.99, 1.0] {
            let (found, right) = (histogram.quantile(share).as_micros() as f64, 100_000.0 * share);
            assert!((found / right - 1.0).abs() < 0.02, "{share}: {found} for {right}");
        }
        assert_eq!(histogram.most(), Duration::from_millis(100));
    }
}
