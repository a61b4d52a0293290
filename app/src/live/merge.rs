//! What an event changes in what is known. Any event may come twice, late, or after a newer snapshot; applied in any
//! order that ends with the newest, the result is the same.

use model::{JobView, LogEvent, Seq};

/// Which event a job was last changed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf(pub Seq);

impl AsOf {
    /// Takes over what `incoming`, true as of `seq`, says of a job shown as `shown`. Answers what to show from now
    /// on, or `None` where that is nothing new.
    pub fn merge(&mut self, seq: Seq, shown: &JobView, incoming: &JobView) -> Option<JobView> {
        let same_attempt = incoming.attempt == shown.attempt;
        if seq <= self.0 {
            let mut merged = shown.clone();
            return merged.apply_progress(incoming.attempt, incoming.progress.clone()).then_some(merged);
        }
        // The page may have been rendered after the event: an attempt that is over does not run again.
        let rendered_later = same_attempt && shown.state.is_terminal() && !incoming.state.is_terminal();
        if incoming.attempt < shown.attempt || rendered_later {
            return None;
        }
        self.0 = seq;
        let mut merged = incoming.clone();
        // A change of state carries the progress that the store has, which is older than the newest frame.
        if same_attempt && !incoming.state.is_terminal() && shown.progress.rev > incoming.progress.rev {
            merged.progress = shown.progress.clone();
        }
        Some(merged)
    }
}

/// Where a reader of a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMark {
    next_line: u64,
}

impl LogMark {
    /// The lines of `event` that the reader does not have; `None` where it has them all.
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
