//! The speed of an attempt: units per second, smoothed.

use std::time::{Duration, Instant};

/// Time constant: a sample of this age counts for 1/e, so about half a minute matters in all.
const MEMORY: Duration = Duration::from_secs(15);
/// There is no speed before this time …
const WATCHED: Duration = Duration::from_secs(2);
/// … and this number of changes.
const CHANGES: u32 = 2;

/// An exponentially weighted mean of the speed, over time and not over updates: weight `exp(-age / MEMORY)`.
/// Numerator and denominator are decayed alike, so that the mean is not biased towards zero at the start.
#[derive(Debug)]
pub(crate) struct Rate {
    began: Instant,
    last: Instant,
    value: u64,
    units: f64,
    seconds: f64,
    changes: u32,
}

impl Rate {
    /// A rate that begins at `value`.
    pub(crate) fn starting_at(now: Instant, value: u64) -> Self {
        Self { began: now, last: now, value, units: 0.0, seconds: 0.0, changes: 0 }
    }

    /// Adds the value at `now`. A value that falls resets the rate.
    pub(crate) fn observe(&mut self, now: Instant, value: u64) {
        if value < self.value {
            *self = Self::starting_at(now, value);
            return;
        }
        if value == self.value {
            // The time still counts: a stall lowers the speed once the value moves again.
            return;
        }
        let passed = now.saturating_duration_since(self.last).as_secs_f64();
        let kept = (-passed / MEMORY.as_secs_f64()).exp();
        self.units = self.units * kept + (value - self.value) as f64;
        self.seconds = self.seconds * kept + passed;
        self.changes = self.changes.saturating_add(1);
        self.value = value;
        self.last = now;
    }

    /// Units per second; `None` before it is meaningful.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let watched = self.last.saturating_duration_since(self.began);
        (watched >= WATCHED && self.changes >= CHANGES && self.seconds > 0.0).then(|| self.units / self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rate: &mut Rate, start: Instant, points: &[(u64, u64)]) -> Option<f64> {
        for (millis, value) in points {
            rate.observe(start + Duration::from_millis(*millis), *value);
        }
        rate.per_second()
    }

    #[test]
    fn speed_needs_two_seconds_and_two_changes() {
        let start = Instant::now();
        assert_eq!(after(&mut Rate::starting_at(start, 0), start, &[(1_000, 10), (1_900, 20)]), None);
        assert_eq!(after(&mut Rate::starting_at(start, 0), start, &[(3_000, 10)]), None);
        assert!(after(&mut Rate::starting_at(start, 0), start, &[(1_000, 10), (2_000, 20)]).is_some());
    }

    #[test]
    fn steady_speed_is_exact() {
        let start = Instant::now();
        let points: Vec<_> = (1..=600).map(|tick| (tick * 100, tick * 7)).collect();
        let speed = after(&mut Rate::starting_at(start, 0), start, &points).expect("long enough");
        assert!((speed - 70.0).abs() < 1e-6, "{speed}");
    }

    #[test]
    fn speed_adapts_within_a_minute() {
        let start = Instant::now();
        let mut points: Vec<_> = (1..=600).map(|tick| (tick * 100, tick * 100)).collect();
        points.extend((1..=600).map(|tick| (60_000 + tick * 100, 60_000 + tick)));
        let speed = after(&mut Rate::starting_at(start, 0), start, &points).expect("long enough");
        assert!((10.0..40.0).contains(&speed), "{speed}");
    }

    #[test]
    fn falling_value_resets_the_speed() {
        let start = Instant::now();
        let mut rate = Rate::starting_at(start, 0);
        assert!(after(&mut rate, start, &[(1_000, 10), (3_000, 30)]).is_some());
        assert_eq!(after(&mut rate, start, &[(3_100, 0), (3_200, 1)]), None);
    }
}
