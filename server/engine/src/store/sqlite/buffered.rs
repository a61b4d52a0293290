//! What rides along: the latest progress and log lines of running attempts, and when people were here. It waits in memory until a transaction
//! takes it, and comes back there when that one fails.

use std::collections::{HashMap, VecDeque};

use model::{JobId, Level, LogEvent, Progress};
use rusqlite::params;

use super::{
    accounts::LastUsed,
    row::{chunk_json, json, progress_json},
    transaction::Transaction,
};
use crate::{
    Curve, Result,
    store::{Fence, LogAppend},
};

/// Log text that may wait while nothing can be written; beyond it the oldest lines go.
const LOG_BYTES_IN_WAITING: usize = 64 << 20;

/// What waits.
#[derive(Default)]
pub(super) struct Buffered {
    progress: HashMap<JobId, (Fence, Progress)>,
    curves: HashMap<JobId, (Fence, Curve)>,
    logs: VecDeque<LogAppend>,
    log_bytes: usize,
    /// When people, sessions and tokens were last used.
    pub(super) last_used: LastUsed,
}

impl Buffered {
    pub(super) fn is_empty(&self) -> bool {
        self.progress.is_empty() && self.curves.is_empty() && self.logs.is_empty() && self.last_used.is_empty()
    }

    /// Log lines, oldest first.
    pub(super) fn logs(&self) -> impl Iterator<Item = &LogAppend> {
        self.logs.iter()
    }

    /// Keeps only the latest of each job.
    pub(super) fn save_progress(&mut self, saves: Vec<(Fence, Progress)>) {
        for (fence, progress) in saves {
            self.progress.insert(fence.job, (fence, progress));
        }
    }

    /// The same for how attempts have gone.
    pub(super) fn save_curves(&mut self, curves: Vec<(Fence, Curve)>) {
        self.curves.extend(curves.into_iter().map(|(fence, curve)| (fence.job, (fence, curve))));
    }

    /// Adds lines in order.
    pub(super) fn append_logs(&mut self, appends: Vec<LogAppend>) {
        for append in appends.into_iter().filter(|append| !append.lines.is_empty()) {
            self.log_bytes += size(&append);
            self.logs.push_back(append);
        }
        self.bound();
    }

    /// Takes out what is of `job`.
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

    /// Keeps the first log lines, so many bytes of them; a log has no hole. Returns how many lines are lost.
    pub(super) fn cut_logs(&mut self, most: usize) -> usize {
        let (mut kept, mut lost) = (0, 0);
        self.logs.retain(|append| {
            kept += size(append);
            if kept > most {
                lost += append.lines.len();
            }
            kept <= most
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
        self.bound();
    }

    fn bound(&mut self) {
        let mut dropped = 0;
        while self.log_bytes > LOG_BYTES_IN_WAITING
            && let Some(oldest) = self.logs.pop_front()
        {
            self.log_bytes -= size(&oldest);
            dropped += oldest.lines.len();
        }
        if dropped > 0 {
            tracing::error!(
                lines = dropped,
                "log lines are lost: the database cannot be written and memory is bounded"
            );
        }
    }
}

fn size(append: &LogAppend) -> usize {
    append.lines.iter().map(|line| line.text.len() + line.paint.size() + 64).sum()
}

impl Transaction<'_> {
    /// Writes the latest progress of every attempt that still holds its job.
    pub(super) fn save_progress(&self, buffered: &Buffered) -> Result<()> {
        for (fence, progress) in buffered.progress.values() {
            self.execute(
                "update job not indexed set progress = ?
                where id = ? and attempt = ? and boot = ? and state = 'running'",
                params![progress_json(progress)?, fence.job.0, fence.attempt, fence.boot.0],
            )?;
        }
        Ok(())
    }

    /// Writes how every attempt that still holds its job has gone so far.
    pub(super) fn save_curves(&self, buffered: &Buffered) -> Result<()> {
        buffered.curves.values().try_for_each(|(fence, curve)| self.save_curve(fence, curve))
    }

    /// Writes how an attempt that still holds its job has gone.
    pub(super) fn save_curve(&self, fence: &Fence, curve: &Curve) -> Result<()> {
        self.execute(
            "insert into progress_history (job, attempt, curve)
            select id, attempt, ? from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'
            on conflict (job, attempt) do update set curve = excluded.curve",
            params![json(curve)?, fence.job.0, fence.attempt, fence.boot.0],
        )?;
        Ok(())
    }

    /// Writes log lines of an attempt that still holds its job. A chunk that is there already stays as it is.
    pub(super) fn append_log(&mut self, append: &LogAppend) -> Result<()> {
        let LogAppend { fence, first_line, lines } = append;
        let Some(gravest) = lines.iter().map(|line| line.level).max() else { return Ok(()) };
        let last_line = first_line + lines.len() as u64 - 1;
        let held = self.execute(
            "update job not indexed set log_lines = max(log_lines, ?)
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![last_line as i64, fence.job.0, fence.attempt, fence.boot.0],
        )?;
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
                level_number(gravest),
                chunk_json(lines)?
            ],
        )?;
        if written > 0 {
            let (job, attempt, first_line, lines) = (fence.job, fence.attempt, *first_line, lines.clone());
            self.logged(LogEvent { job, attempt, first_line, lines });
        }
        Ok(())
    }
}

/// How a level is stored: graver is greater.
pub(super) const fn level_number(level: Level) -> u8 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warn => 2,
        Level::Error => 3,
    }
}
