//! Buffered writes: the latest progress and the log lines of running attempts, and last-used times. They wait in memory
//! until a transaction takes them, and come back when it fails.

use std::collections::{HashMap, VecDeque};

use model::{JobId, Progress};

use super::LastUsed;
use crate::{
    Curve,
    store::{Fence, LogAck, LogAppend},
};

/// Bytes of log text that may wait while nothing can be written; beyond it the oldest lines are dropped.
const MAX_LOG_BYTES: usize = 64 << 20;
/// What a waiting line costs beside its text, bytes.
const LINE_OVERHEAD: usize = 64;

/// The writes that wait.
#[derive(Default)]
pub(in crate::store) struct Buffered {
    progress: HashMap<JobId, (Fence, Progress)>,
    curves: HashMap<JobId, (Fence, Curve)>,
    logs: VecDeque<LogAppend>,
    log_bytes: usize,
    pub(in crate::store) last_used: LastUsed,
}

impl Buffered {
    pub(super) fn is_empty(&self) -> bool {
        self.progress.is_empty() && self.curves.is_empty() && self.logs.is_empty() && self.last_used.is_empty()
    }

    /// The latest progress of each attempt.
    pub(in crate::store) fn progress(&self) -> impl Iterator<Item = &(Fence, Progress)> {
        self.progress.values()
    }

    /// The latest curve of each attempt.
    pub(in crate::store) fn curves(&self) -> impl Iterator<Item = &(Fence, Curve)> {
        self.curves.values()
    }

    /// Log lines, oldest first.
    pub(in crate::store) fn logs(&self) -> impl Iterator<Item = &LogAppend> {
        self.logs.iter()
    }

    /// Replaces the progress of each job in `saves`.
    pub(in crate::store) fn save_progress(&mut self, saves: Vec<(Fence, Progress)>) {
        for (fence, progress) in saves {
            self.progress.insert(fence.job, (fence, progress));
        }
    }

    /// Replaces the curve of each job in `curves`.
    pub(in crate::store) fn save_curves(&mut self, curves: Vec<(Fence, Curve)>) {
        self.curves.extend(curves.into_iter().map(|(fence, curve)| (fence.job, (fence, curve))));
    }

    /// Adds log lines, in order.
    pub(in crate::store) fn append_logs(&mut self, appends: Vec<LogAppend>) {
        for append in appends.into_iter().filter(|append| !append.lines.is_empty()) {
            self.log_bytes += size(&append);
            self.logs.push_back(append);
        }
        self.drop_excess_logs();
    }

    /// Takes out all that belongs to `job`.
    pub(super) fn take_job(&mut self, job: JobId) -> Self {
        let progress = self.progress.remove_entry(&job).into_iter().collect();
        let curves = self.curves.remove_entry(&job).into_iter().collect();
        let (logs, rest) = std::mem::take(&mut self.logs).into_iter().partition(|append| append.fence.job == job);
        self.logs = rest;
        let mut taken = Self { progress, curves, logs, ..Self::default() };
        taken.log_bytes = taken.logs.iter().map(size).sum();
        self.log_bytes -= taken.log_bytes;
        taken
    }

    /// Keeps the first `max` bytes of log lines, in whole appends, so that no log has a hole. Returns how many lines
    /// are lost.
    pub(super) fn truncate_logs(&mut self, max: usize) -> usize {
        let (mut kept, mut lost) = (0, 0);
        self.logs.retain(|append| {
            kept += size(append);
            if kept > max {
                lost += append.lines.len();
            }
            kept <= max
        });
        self.log_bytes = self.logs.iter().map(size).sum();
        lost
    }

    /// Takes back what could not be written, as older than what has come since.
    pub(super) fn put_back(&mut self, older: Self) {
        for (job, save) in older.progress {
            self.progress.entry(job).or_insert(save);
        }
        for (job, curve) in older.curves {
            self.curves.entry(job).or_insert(curve);
        }
        for append in older.logs.into_iter().rev() {
            self.logs.push_front(append);
        }
        self.log_bytes += older.log_bytes;
        self.last_used.put_back(older.last_used);
        self.drop_excess_logs();
    }

    fn drop_excess_logs(&mut self) {
        let mut dropped = 0;
        while self.log_bytes > MAX_LOG_BYTES
            && let Some(oldest) = self.logs.pop_front()
        {
            self.log_bytes -= size(&oldest);
            dropped += oldest.lines.len();
            // Its reporter must not learn of later lines as durable.
            oldest.ack.iter().for_each(LogAck::refuse);
        }
        if dropped > 0 {
            tracing::error!(
                lines = dropped,
                "log lines are lost: the database cannot be written and memory is bounded"
            );
        }
    }
}

/// What the lines cost in memory, bytes.
fn size(append: &LogAppend) -> usize {
    append.lines.iter().map(|line| line.text.len() + line.styles.size() + LINE_OVERHEAD).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use model::{Level, LogLine, Micros};

    use super::*;
    use crate::store::WorkerId;

    #[test]
    fn dropped_lines_of_a_reporter_are_never_acknowledged() {
        let fence = Fence { job: JobId(1), attempt: 1, worker: WorkerId("w".to_owned()) };
        let ack = LogAck { acked: 7, fenced: Arc::<AtomicBool>::default() };
        let chunk = |first_line| LogAppend {
            fence: fence.clone(),
            first_line,
            lines: vec![LogLine::plain(Micros(0), Level::Info, "x".repeat(MAX_LOG_BYTES / 2))],
            ack: Some(ack.clone()),
        };
        let mut buffered = Buffered::default();
        buffered.append_logs(vec![chunk(1)]);
        assert!(!ack.is_refused());
        buffered.append_logs(vec![chunk(2)]);
        assert!(ack.is_refused() && buffered.logs().count() == 1);
    }
}
