//! The clock of a reporter, which may be wrong by any amount.

use std::collections::VecDeque;

use model::Micros;
use wire::Time;

/// Newest batches that count: after a reporter's clock was set, its old offset is forgotten.
const BATCHES: usize = 16;

/// How far the server's clock is ahead of a reporter's, in microseconds: the least delay between sending and arrival of
/// the newest batches. It contains the delay of the network, which is small beside what is wrong with clocks.
#[derive(Debug, Default)]
pub(super) struct ClockOffset(VecDeque<i64>);

impl ClockOffset {
    /// Adds a batch.
    pub(super) fn observe(&mut self, sent_at: Option<Time>, arrived_at: Micros) {
        if let Some(sent_at) = sent_at {
            if self.0.len() == BATCHES {
                self.0.pop_front();
            }
            self.0.push_back(arrived_at.0.saturating_sub(sent_at.0));
        }
    }

    /// A reporter's time by the server's clock: never before `from`, never after `now`. Without a batch that says when
    /// it was sent, the clocks are taken to agree.
    pub(super) fn correct(&self, time: Time, from: Micros, now: Micros) -> Micros {
        let offset = self.0.iter().copied().min().unwrap_or_default();
        Micros(time.0.saturating_add(offset).min(now.0).max(from.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn wrong_clock_is_corrected_by_the_fastest_batch() {
        let mut offset = ClockOffset::default();
        // The reporter is an hour ahead; its batches take 50 ms, then 5 ms.
        offset.observe(Some(Time(HOUR + 1_000_000)), Micros(1_050_000));
        offset.observe(Some(Time(HOUR + 2_000_000)), Micros(2_005_000));
        let now = Micros(3_000_000);
        assert_eq!(offset.correct(Time(HOUR + 1_500_000), Micros(0), now), Micros(1_505_000));
        assert_eq!(offset.correct(Time(2 * HOUR), Micros(0), now), now);
        assert_eq!(offset.correct(Time(HOUR), Micros(500_000), now), Micros(500_000));
    }

    #[test]
    fn clock_that_was_set_counts_after_a_few_batches() {
        let mut offset = ClockOffset::default();
        offset.observe(Some(Time(HOUR)), Micros(0));
        for batch in 0..BATCHES as i64 {
            offset.observe(Some(Time(batch)), Micros(batch));
        }
        assert_eq!(offset.correct(Time(7), Micros(0), Micros(100)), Micros(7));
    }
}
