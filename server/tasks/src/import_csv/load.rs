//! The Load stage: reads the file again and writes one batch of rows while it parses the next. A checkpoint has the
//! number of rows and the position of the next record.

use std::{fs::File, path::Path, time::Duration};

use engine::{Ctx, TaskError};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use sqlx::Arguments;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Column, OnError,
    database::{Batch, Imports, rows_per_batch},
    inspect::{Plan, fields, open, stopped},
    records::{Malformed, Next, RecordPosition, Records, Row},
    rejects::{Rejects, RejectsPosition},
    types::Value,
};

/// Longest transaction before other imports may write.
const TRANSACTION: Duration = Duration::from_millis(300);
/// Most text in one batch, bytes.
const BATCH_TEXT: u64 = 4 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LoadCheckpoint {
    /// The plan of Inspect, with the columns of the table.
    pub(super) plan: Plan,
    /// Rows in the table.
    pub(super) rows: u64,
    pub(super) reached: Reached,
}

/// Position in the file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Position of the next record, from the start of the text.
    pub(super) place: RecordPosition,
    /// Whether the next record is the header.
    at_header: bool,
    /// Records rejected before it.
    pub(super) rejects: RejectsPosition,
}

impl LoadCheckpoint {
    /// The position before the first record.
    pub(super) fn at_start(plan: Plan, rejects: RejectsPosition) -> Self {
        let reached = Reached { place: RecordPosition::START, at_header: plan.header, rejects };
        Self { plan, rows: 0, reached }
    }
}

/// Result of Load.
pub(super) struct Loaded {
    /// The last position.
    pub(super) saved: LoadCheckpoint,
    /// Rejected records.
    pub(super) rejected: u64,
}

/// Fills the staging table. Imports write in turn, in order of arrival.
pub(super) async fn load(
    ctx: &Ctx,
    imports: &mut Imports,
    write_lock: &Mutex<()>,
    mut loader: Loader,
) -> Result<Loaded, TaskError> {
    let width = loader.saved.plan.columns.len();
    let most = rows_per_batch(width);
    let full = imports.insert_of(most, width);
    let mut batch = Batch::default();
    while batch.rows > 0 || !loader.ended {
        if batch.rows == 0 {
            ctx.check()?;
            (loader, batch) = loader.parse(ctx, most).await?;
            continue;
        }
        let turn = write_lock.lock().await;
        imports.begin().await?;
        let until = Instant::now() + TRANSACTION;
        while batch.rows > 0 {
            let rows = batch.rows;
            let insert = if rows == most { full.clone() } else { imports.insert_of(rows, width) };
            let inserting = imports.insert(&insert, batch);
            let continues = Instant::now() < until && !ctx.is_checkpoint_due() && !ctx.is_cancelled();
            (loader, batch) = if continues {
                try_join(inserting, loader.parse(ctx, most)).await?.1
            } else {
                // No read-ahead: at a checkpoint every record that was read must be written.
                inserting.await?;
                (loader, Batch::default())
            };
            ctx.advance(rows as u64);
            loader.saved.rows += rows as u64;
        }
        imports.commit().await?;
        drop(turn);
        // Also after a cancel, but not after a record that stops the job: the next attempt must stop there again.
        if (ctx.is_checkpoint_due() || ctx.is_cancelled()) && loader.stopped.is_none() {
            imports.keep_staging();
            ctx.checkpoint(&loader.saved).await?;
        }
    }
    let rejected = loader.rejects.finish().await?;
    match loader.stopped {
        Some(stopped) => Err(stopped),
        None => Ok(Loaded { saved: loader.saved, rejected }),
    }
}

/// Parses records into batches.
pub(super) struct Loader {
    records: Records<File>,
    row: Row,
    at_header: bool,
    stop: bool,
    rejects: Rejects,
    /// The next checkpoint, valid once everything read is written.
    saved: LoadCheckpoint,
    /// Whether the end of the file was reached.
    ended: bool,
    /// The error that ended it.
    stopped: Option<TaskError>,
}

impl Loader {
    /// Continues from a checkpoint.
    pub(super) fn new(
        path: &Path,
        saved: LoadCheckpoint,
        on_error: OnError,
        rejects: Rejects,
    ) -> Result<Self, TaskError> {
        let Reached { place, at_header, .. } = saved.reached;
        let position = saved.plan.start + place.position;
        let file = open(path, position).map_err(|error| TaskError::io("reading the file", &error))?;
        Ok(Self {
            records: Records::continue_at(place, file, saved.plan.delimiter),
            row: Row::default(),
            at_header,
            stop: matches!(on_error, OnError::Stop),
            rejects,
            saved,
            ended: false,
            stopped: None,
        })
    }

    /// Parses the next batch of at most `most` rows on the blocking pool. A batch may be empty before the end.
    async fn parse(mut self, ctx: &Ctx, most: usize) -> Result<(Self, Batch), TaskError> {
        ctx.blocking(move || {
            let mut batch = Batch::default();
            let before = self.records.position();
            while batch.rows < most && !self.ended && self.records.position() - before < BATCH_TEXT {
                match self.records.read(&mut self.row).map_err(|error| TaskError::io("reading the file", &error))? {
                    Next::End => self.ended = true,
                    Next::Malformed(Malformed { line, error, raw }) => self.reject(line, &error.to_string(), &raw)?,
                    Next::Row if self.at_header => self.at_header = false,
                    Next::Row => self.take(&mut batch)?,
                }
            }
            let (place, rejects) = (self.records.place(), self.rejects.mark()?);
            self.saved.reached = Reached { place, at_header: self.at_header, rejects };
            Ok((self, batch))
        })
        .await
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), TaskError> {
        match values(&self.row, &self.saved.plan.columns) {
            Ok(values) => {
                for value in values {
                    bind(batch, value);
                }
                batch.rows += 1;
                Ok(())
            }
            Err(reason) => {
                let raw = self.records.raw().to_vec();
                self.reject(self.row.line(), &reason, &raw)
            }
        }
    }

    fn reject(&mut self, line: u64, reason: &str, raw: &[u8]) -> Result<(), TaskError> {
        if self.stop {
            self.stopped = Some(stopped(line, reason));
            self.ended = true;
        }
        self.rejects.add(line, reason, raw)
    }
}

/// Converts a record to the types of the columns, or returns why it cannot. Only an existing table can have other
/// types, since Inspect has read the whole file.
fn values(row: &Row, columns: &[Column]) -> Result<Vec<Value>, String> {
    let fields = fields(row, columns.len()).map_err(|error| error.to_string())?;
    let values = fields.zip(columns).map(|(field, column)| {
        column.kind.value(field).ok_or_else(|| {
            let start: String = field.chars().take(40).collect();
            format!("{start:?} in column {} is not of type {}", column.name, column.kind.as_str())
        })
    });
    values.collect()
}

fn bind(batch: &mut Batch, value: Value) {
    batch.text += if let Value::Text(text) = &value { text.len() as u64 } else { 8 };
    let bound = match value {
        Value::Null => batch.values.add(None::<i64>),
        Value::Integer(number) => batch.values.add(number),
        Value::Real(number) => batch.values.add(number),
        Value::Text(text) => batch.values.add(text),
    };
    bound.expect("numbers and text always encode");
}
