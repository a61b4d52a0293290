//! Thinning of the log at the source: the server keeps a limited number of lines, and the last lines are the most
//! useful part of a foreign program's log.

use std::collections::VecDeque;

use wire::Time;

/// A log line: time, level, text.
pub(crate) type LogLine = (Time, String, String);

/// Lines that are sent as they come; the server takes 200,000.
const HEAD_LINES: u64 = 198_000;
/// Lines after those, sent at the end.
const TAIL_LINES: usize = 2_000;
/// Bytes of those.
const TAIL_BYTES: usize = 4 << 20;

/// Passes the first lines of a log and keeps the newest ones.
#[derive(Debug)]
pub(crate) struct LogThinner {
    head_left: u64,
    tail: VecDeque<LogLine>,
    tail_bytes: usize,
    left_out: u64,
}

impl Default for LogThinner {
    fn default() -> Self {
        Self { head_left: HEAD_LINES, tail: VecDeque::new(), tail_bytes: 0, left_out: 0 }
    }
}

impl LogThinner {
    /// Returns the line if it is sent now; keeps it for the end if the head is full or there is no `room`.
    pub(crate) fn pass(&mut self, line: LogLine, room: bool) -> Option<LogLine> {
        if self.head_left > 0 && room && self.tail.is_empty() {
            self.head_left -= 1;
            return Some(line);
        }
        self.tail_bytes += line.2.len();
        self.tail.push_back(line);
        while self.tail.len() > TAIL_LINES || self.tail_bytes > TAIL_BYTES {
            let dropped = self.tail.pop_front().map_or(0, |line| line.2.len());
            self.tail_bytes -= dropped;
            self.left_out += 1;
        }
        None
    }

    /// Obeys the allowance of the server: what it does not take is not sent before the end.
    pub(crate) fn limit(&mut self, lines_left: u64) {
        self.head_left = self.head_left.min(lines_left.saturating_sub(TAIL_LINES as u64));
    }

    /// Whether lines wait only because there was no room.
    pub(crate) fn waits_for_room(&self) -> bool {
        self.head_left > 0 && !self.tail.is_empty()
    }

    /// Returns the kept lines, after one with the number of those between.
    pub(crate) fn take_tail(&mut self, now: Time, reason: &str) -> Vec<LogLine> {
        let mut lines = Vec::with_capacity(self.tail.len() + 1);
        if self.left_out > 0 {
            let at = self.tail.front().map_or(now, |line| line.0);
            lines.push((at, "warn".to_owned(), format!("{} lines left out: {reason}", self.left_out)));
        }
        lines.extend(std::mem::take(&mut self.tail));
        self.head_left = self.head_left.saturating_sub(lines.len() as u64);
        (self.tail_bytes, self.left_out) = (0, 0);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_keeps_its_head_and_tail_and_the_number_between() {
        let mut thinner = LogThinner::default();
        let line = |n: u64| (Time(n as i64), "info".to_owned(), n.to_string());
        let head = (0..300_000).filter_map(|n| thinner.pass(line(n), true)).count();
        assert_eq!(head, 198_000);
        let tail = thinner.take_tail(Time(0), "the log is too long");
        assert_eq!(tail.len(), 2_001);
        assert_eq!(tail[0].2, "100000 lines left out: the log is too long");
        assert_eq!((tail[1].2.as_str(), tail[2_000].2.as_str()), ("298000", "299999"));
    }
}
