//! What rides along: the latest progress and log lines of running attempts. It waits in memory until a transaction
//! takes it, and comes back there when that one fails.

use std::collections::{BTreeMap, HashMap, VecDeque};

use model::{JobId, Level, LogEvent, Progress};

use super::{
    row::{json, progress_json},
    transaction::Transaction,
};
use crate::{
    Result,
    store::{Fence, LogAppend},
};

/// Log text that may wait while nothing can be written; beyond it the oldest lines go.
const LOG_BYTES_IN_WAITING: usize = 64 << 20;

/// What waits.
#[derive(Default)]
pub(super) struct Soft {
    progress: HashMap<JobId, (Fence, Progress)>,
    logs: VecDeque<LogAppend>,
    log_bytes: usize,
}

impl Soft {
    pub(super) fn is_empty(&self) -> bool {
        self.progress.is_empty() && self.logs.is_empty()
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
        let (logs, rest) = std::mem::take(&mut self.logs).into_iter().partition(|append| append.fence.job == job);
        self.logs = rest;
        let mut taken = Self { progress, logs, log_bytes: 0 };
        taken.log_bytes = taken.logs.iter().map(size).sum();
        self.log_bytes -= taken.log_bytes;
        taken
    }

    /// Takes back what could not be written, as older than what has come since.
    pub(super) fn put_back(&mut self, older: Self) {
        for (job, save) in older.progress {
            self.progress.entry(job).or_insert(save);
        }
        for append in older.logs.into_iter().rev() {
            self.logs.push_front(append);
        }
        self.log_bytes += older.log_bytes;
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
    append.lines.iter().map(|line| line.text.len() + 64).sum()
}

/// A chunk of a log as a row: job, attempt, boot, first line, last line, gravest level, lines.
type ChunkRow<'a> = (JobId, u32, &'a str, u64, u64, u8, String);

impl Transaction<'_> {
    /// Writes the latest progress of every attempt that still holds its job.
    pub(super) async fn save_progress(&mut self, soft: &Soft) -> Result<()> {
        if soft.progress.is_empty() {
            return Ok(());
        }
        let rows = soft
            .progress
            .values()
            .map(|(fence, progress)| Ok((fence.job, fence.attempt, &fence.boot.0, progress_json(progress)?)))
            .collect::<Result<Vec<_>>>()?;
        sqlx::query(
            "update job not indexed set progress = save.value ->> 3
            from jsonb_each(?) as save
            where job.id = save.value ->> 0 and job.attempt = save.value ->> 1 and job.boot = save.value ->> 2
                and job.state = 'running'",
        )
        .bind(json(&rows)?)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Writes log lines of every attempt that still holds its job. A chunk that is there already stays as it is.
    pub(super) async fn append_logs<'a>(
        &mut self,
        soft: impl Iterator<Item = &'a LogAppend>,
        finishing: impl Iterator<Item = &'a LogAppend>,
    ) -> Result<()> {
        let appends: Vec<&LogAppend> = soft.chain(finishing).filter(|append| !append.lines.is_empty()).collect();
        if appends.is_empty() {
            return Ok(());
        }
        let chunks = appends.iter().map(|append| chunk_row(append)).collect::<Result<Vec<_>>>()?;
        let mut ends = BTreeMap::new();
        for append in &appends {
            ends.insert((append.fence.job, append.fence.attempt), (&append.fence.boot.0, last_line(append)));
        }
        let ends: Vec<_> = ends.into_iter().map(|((job, attempt), (boot, last))| (job, attempt, boot, last)).collect();
        let written: Vec<(i64, i64)> = sqlx::query_as(
            "update job not indexed set log_lines = max(log_lines, end.value ->> 3)
            from jsonb_each(?) as end
            where job.id = end.value ->> 0 and job.attempt = end.value ->> 1 and job.boot = end.value ->> 2
                and job.state = 'running';

            insert into log (job, first_line, last_line, attempt, gravest, lines)
            select job.id, chunk.value ->> 3, chunk.value ->> 4, job.attempt, chunk.value ->> 5, chunk.value ->> 6
            from jsonb_each(?) as chunk cross join job
            where job.id = chunk.value ->> 0 and job.attempt = chunk.value ->> 1 and job.boot = chunk.value ->> 2
                and job.state = 'running'
            on conflict do nothing
            returning job, first_line",
        )
        .bind(json(&ends)?)
        .bind(json(&chunks)?)
        .fetch_all(&mut *self.connection)
        .await?;
        let written: std::collections::HashSet<_> = written.into_iter().collect();
        for append in appends {
            if written.contains(&(append.fence.job.0, append.first_line as i64)) {
                self.logged(LogEvent {
                    job: append.fence.job,
                    attempt: append.fence.attempt,
                    first_line: append.first_line,
                    lines: append.lines.clone(),
                });
            }
        }
        Ok(())
    }
}

fn last_line(append: &LogAppend) -> u64 {
    append.first_line + append.lines.len() as u64 - 1
}

fn chunk_row(append: &LogAppend) -> Result<ChunkRow<'_>> {
    let gravest = append.lines.iter().map(|line| line.level).max().unwrap_or(Level::Debug);
    let lines: Vec<_> = append.lines.iter().map(|line| (line.at, level_number(line.level), &line.text)).collect();
    let Fence { job, attempt, boot } = &append.fence;
    Ok((*job, *attempt, &boot.0, append.first_line, last_line(append), level_number(gravest), json(&lines)?))
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
