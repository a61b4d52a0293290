//! Buffered writes: progress, curves and log lines of attempts that still hold their jobs.

use model::{Level, LogEvent};
use rusqlite::params;

use super::{
    row::{chunk_json, json, progress_json},
    transaction::Transaction,
};
use crate::{
    Curve, Result,
    store::{Fence, LogAck, LogAppend, writing::Buffered},
};

impl Transaction<'_> {
    pub(super) fn save_progress(&self, buffered: &Buffered) -> Result<()> {
        for (fence, progress) in buffered.progress() {
            self.execute(
                "update job not indexed set progress = ?
                where id = ? and attempt = ? and boot = ? and state = 'running'",
                params![progress_json(progress)?, fence.job.0, fence.attempt, fence.worker.0],
            )?;
        }
        Ok(())
    }

    pub(super) fn save_curves(&self, buffered: &Buffered) -> Result<()> {
        buffered.curves().try_for_each(|(fence, curve)| self.save_curve(fence, curve))
    }

    pub(super) fn save_curve(&self, fence: &Fence, curve: &Curve) -> Result<()> {
        self.execute(
            "insert into progress_history (job, attempt, curve)
            select id, attempt, ? from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'
            on conflict (job, attempt) do update set curve = excluded.curve",
            params![json(curve)?, fence.job.0, fence.attempt, fence.worker.0],
        )?;
        Ok(())
    }

    /// Writes a chunk of a log. One that is already there is left as it is.
    pub(super) fn append_log(&mut self, append: &LogAppend) -> Result<()> {
        let LogAppend { fence, first_line, lines, ack } = append;
        let Some(most_severe) = lines.iter().map(|line| line.level).max() else { return Ok(()) };
        if ack.as_ref().is_some_and(LogAck::is_refused) {
            return Ok(());
        }
        let last_line = first_line + lines.len() as u64 - 1;
        let held = self.execute(
            "update job not indexed set log_lines = max(log_lines, ?)
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![last_line as i64, fence.job.0, fence.attempt, fence.worker.0],
        )?;
        if let Some(ack) = ack {
            self.acknowledge_log(fence.job, ack, held > 0)?;
        }
        if held == 0 {
            return Ok(());
        }
        let written = self.execute(
            "insert into log (job, first_line, last_line, attempt, gravest, lines) values (?, ?, ?, ?, ?, ?)
            on conflict do nothing",
            params![
                fence.job.0,
                *first_line as i64,
                last_line as i64,
                fence.attempt,
                level_number(most_severe),
                chunk_json(lines)?
            ],
        )?;
        if written > 0 {
            let (job, attempt, first_line, lines) = (fence.job, fence.attempt, *first_line, lines.clone());
            self.record_log(LogEvent { job, attempt, first_line, lines });
        }
        Ok(())
    }
}

/// How a level is stored: more severe is greater.
pub(super) const fn level_number(level: Level) -> u8 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warn => 2,
        Level::Error => 3,
    }
}
