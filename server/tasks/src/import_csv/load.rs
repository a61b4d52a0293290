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

/// How long one transaction writes before it lets other imports write.
const TRANSACTION: Duration = Duration::from_millis(300);
/// Text in one batch, bytes, whatever the number of rows.
const BATCH_TEXT: u64 = 4 << 20;

/// What a checkpoint holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LoadCheckpoint {
    /// What Inspect found; the columns are those of the table.
    pub(super) plan: Plan,
    /// Rows in the table.
    pub(super) rows: u64,
    pub(super) reached: Reached,
}

/// How far the file has been read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Where the next record begins, from the start of the text.
    pub(super) place: RecordPosition,
    /// Whether that is the header.
    at_header: bool,
    /// What had been left out by then.
    pub(super) rejects: RejectsPosition,
}

impl LoadCheckpoint {
    /// Before the first record.
    pub(super) fn at_start(plan: Plan, rejects: RejectsPosition) -> Self {
        let reached = Reached { place: RecordPosition::START, at_header: plan.header, rejects };
        Self { plan, rows: 0, reached }
    }
}

/// What Load did.
pub(super) struct Loaded {
    /// What there is to go on from.
    pub(super) saved: LoadCheckpoint,
    /// Records left out.
    pub(super) rejected: u64,
}

/// Fills the table in the making. Imports take turns at writing, in the order in which they ask.
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
            let goes_on = Instant::now() < until && !ctx.is_checkpoint_due() && !ctx.is_cancelled();
            (loader, batch) = if goes_on {
                try_join(inserting, loader.parse(ctx, most)).await?.1
            } else {
                // Nothing is read ahead: what has been read is now what is written, as a checkpoint needs it.
                inserting.await?;
                (loader, Batch::default())
            };
            ctx.advance(rows as u64);
            loader.saved.rows += rows as u64;
        }
        imports.commit().await?;
        drop(turn);
        // A last one before it stops, too. None behind a record that the job stops at: the next attempt is to stop
        // there.
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

/// Makes batches of the file's records.
pub(super) struct Loader {
    records: Records<File>,
    row: Row,
    /// The next record is the header.
    at_header: bool,
    stop: bool,
    rejects: Rejects,
    /// What there is to go on from, once all that has been read is written.
    saved: LoadCheckpoint,
    /// Whether there is nothing more to read.
    ended: bool,
    /// Why it goes no further.
    stopped: Option<TaskError>,
}

impl Loader {
    /// Goes on from what is `saved`.
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

    /// The next batch of at most `most` rows, parsed on the blocking pool. It may be empty before the end, too.
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

/// The record as values of the columns' types, or why it is none. Only a table that was there before can disagree with
/// the types, as Inspect has seen the whole file.
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
