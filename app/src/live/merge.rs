//! Merging of events. An event may come twice, late, or after a newer snapshot; in any order that ends with the newest
//! the result is the same.

use model::{JobView, LogEvent, Seq};

/// The event that last changed a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf(pub Seq);

impl AsOf {
    /// Merges `incoming`, current as of `seq`, into a job shown as `shown`. Returns what to show, or `None` if nothing
    /// is new.
    pub fn merge(&mut self, seq: Seq, shown: &JobView, incoming: &JobView) -> Option<JobView> {
        let same_attempt = incoming.attempt == shown.attempt;
        if seq <= self.0 {
            let mut merged = shown.clone();
            return merged.apply_progress(incoming.attempt, incoming.progress.clone()).then_some(merged);
        }
        // The page may have been rendered after the event: an attempt that ended does not run again.
        let rendered_later = same_attempt && shown.state.is_terminal() && !incoming.state.is_terminal();
        if incoming.attempt < shown.attempt || rendered_later {
            return None;
        }
        self.0 = seq;
        let mut merged = incoming.clone();
        // A state event carries the stored progress, which is older than the newest progress event.
        if same_attempt && !incoming.state.is_terminal() && shown.progress.rev > incoming.progress.rev {
            merged.progress = shown.progress.clone();
        }
        Some(merged)
    }
}

/// The position of a reader in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMark {
    next_line: u64,
}

impl LogMark {
    /// Returns the lines of `event` that the reader does not have; `None` if it has them all.
    pub fn unread(&mut self, event: &LogEvent) -> Option<LogEvent> {
        let end = event.first_line + event.lines.len() as u64;
        if end <= self.next_line || event.lines.is_empty() {
            return None;
        }
        let known = self.next_line.saturating_sub(event.first_line);
        self.next_line = end;
        let lines = event.lines[known as usize..].to_vec();
        Some(LogEvent { first_line: event.first_line + known, lines, ..*event })
    }
}
