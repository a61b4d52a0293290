//! The Load stage: reads the file again, and writes one batch of rows while it parses the next.

use std::{fs::File, path::Path, time::Duration};

use engine::{Ctx, TaskError};
use futures_util::future::try_join;
use sqlx::Arguments;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Column, OnError,
    database::{Batch, Imports, rows_per_batch},
    inspect::{Plan, fields, open, stopped},
    records::{Broken, Next, Records, Row},
    rejects::Rejects,
    types::Value,
};

/// How long one transaction writes before it lets other imports write.
const TRANSACTION: Duration = Duration::from_millis(300);
/// Text in one batch, bytes, whatever the number of rows.
const BATCH_TEXT: u64 = 4 << 20;

/// What Load did.
pub(super) struct Loaded {
    /// Rows in the table.
    pub(super) rows: u64,
    /// Records left out.
    pub(super) rejected: u64,
}

/// Fills the table in the making. Imports take turns at writing, in the order in which they ask.
pub(super) async fn load(
    ctx: &Ctx,
    imports: &mut Imports,
    turns: &Mutex<()>,
    loader: Loader,
) -> Result<Loaded, TaskError> {
    let width = loader.columns.len();
    let most = rows_per_batch(width);
    let full = imports.insert_of(most, width);
    let (mut loader, mut batch) = loader.parse(ctx, most).await?;
    while batch.rows > 0 {
        let _turn = turns.lock().await;
        imports.begin().await?;
        let until = Instant::now() + TRANSACTION;
        while batch.rows > 0 && Instant::now() < until {
            ctx.check()?;
            let rows = batch.rows;
            let insert = if rows == most { full.clone() } else { imports.insert_of(rows, width) };
            let ((), next) = try_join(imports.insert(&insert, batch), loader.parse(ctx, most)).await?;
            (loader, batch) = next;
            ctx.advance(rows as u64);
            loader.rows += rows as u64;
        }
        imports.commit().await?;
    }
    let rejected = loader.rejects.finish().await?;
    match loader.stopped {
        Some(stopped) => Err(stopped),
        None => Ok(Loaded { rows: loader.rows, rejected }),
    }
}

/// Makes batches of the file's records.
pub(super) struct Loader {
    records: Records<File>,
    row: Row,
    columns: Vec<Column>,
    /// The next record is the header.
    at_header: bool,
    stop: bool,
    rejects: Rejects,
    rows: u64,
    /// Why it goes no further.
    stopped: Option<TaskError>,
}

impl Loader {
    /// Begins at the start of the file. `columns` are those of the table, as many as the plan has.
    pub(super) fn new(
        path: &Path,
        plan: &Plan,
        columns: Vec<Column>,
        on_error: OnError,
        rejects: Rejects,
    ) -> Result<Self, TaskError> {
        let file = open(path, plan.start).map_err(|error| TaskError::io("reading the file", &error))?;
        Ok(Self {
            records: Records::new(file, plan.delimiter),
            row: Row::default(),
            columns,
            at_header: plan.header,
            stop: matches!(on_error, OnError::Stop),
            rejects,
            rows: 0,
            stopped: None,
        })
    }

    /// The next batch of at most `most` rows, parsed on the blocking pool; empty at the end.
    async fn parse(mut self, ctx: &Ctx, most: usize) -> Result<(Self, Batch), TaskError> {
        ctx.blocking(move || {
            let mut batch = Batch::default();
            let before = self.records.position();
            while batch.rows < most && self.stopped.is_none() && self.records.position() - before < BATCH_TEXT {
                match self.records.read(&mut self.row).map_err(|error| TaskError::io("reading the file", &error))? {
                    Next::End => break,
                    Next::Broken(Broken { line, fault, raw }) => self.reject(line, &fault.to_string(), &raw)?,
                    Next::Row if self.at_header => self.at_header = false,
                    Next::Row => self.take(&mut batch)?,
                }
            }
            Ok((self, batch))
        })
        .await
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), TaskError> {
        match values(&self.row, &self.columns) {
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
        }
        self.rejects.add(line, reason, raw)
    }
}

/// The record as values of the columns' types, or why it is none. Only a table that was there before can disagree with
/// the types, as Inspect has seen the whole file.
fn values(row: &Row, columns: &[Column]) -> Result<Vec<Value>, String> {
    let fields = fields(row, columns.len()).map_err(|fault| fault.to_string())?;
    let values = fields.zip(columns).map(|(field, column)| {
        column.kind.value(field).ok_or_else(|| {
            let start: String = field.chars().take(40).collect();
            format!("{start:?} in column {} is not of type {}", column.name, column.kind.as_str())
        })
    });
    values.collect()
}

fn bind(batch: &mut Batch, value: Value) {
    let bound = match value {
        Value::Null => batch.values.add(None::<i64>),
        Value::Integer(number) => batch.values.add(number),
        Value::Real(number) => batch.values.add(number),
        Value::Text(text) => batch.values.add(text),
    };
    bound.expect("numbers and text always encode");
}
