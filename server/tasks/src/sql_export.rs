//! `sql-export`: writes the result of a query on imported tables as CSV or Parquet.
//!
//! The query runs on a read-only connection, and its rows are written as they arrive, so that memory is bounded. The
//! number of rows is unknown, since a count would run the query twice. There are no checkpoints: without an order a
//! query may return its rows in another order, and with one it would have to run to the same row again.

mod csv_file;
mod functions;
mod parquet_file;
mod query;

use std::io;

use engine::{BudgetFile, Ctx, Kind, Queue, Task, TaskError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::import_csv::types::ColumnType;
use csv_file::CsvFile;
use parquet_file::ParquetFile;
use query::{QueryEvent, Row, start_query};

pub(crate) struct SqlExport;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Query
    ///
    /// One SELECT statement, for example `select name, sum(price) from orders group by name`.
    /// List tables with: `select name, sql from sqlite_schema`.
    #[schemars(length(min = 1, max = 100_000), extend("x-multiline" = true))]
    query: String,
    /// Format
    #[serde(default)]
    format: Format,
    /// Formula-like cells (CSV)
    ///
    /// Spreadsheets run cells that start with =, +, - or @.
    #[serde(default)]
    formulas: Formulas,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// CSV, for spreadsheets
    #[default]
    Csv,
    /// Parquet, typed and compact
    Parquet,
}

/// What becomes of text that a spreadsheet would take for a formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Formulas {
    /// Escape with an apostrophe
    #[default]
    Disarm,
    /// Keep unchanged
    Keep,
}

#[derive(Serialize)]
pub(crate) struct Output {
    artifact: &'static str,
    /// Rows in it.
    rows: u64,
    /// Bytes of it.
    bytes: u64,
    /// Names and types of the columns, as they are written.
    columns: Vec<Column>,
}

/// A column of the answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// A column of the result before its first row: its unique name, and its declared type if it is a column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    name: String,
    declared: Option<ColumnType>,
}

impl Task for SqlExport {
    const KIND: Kind = Kind::new("sql-export");
    const NAME: &'static str = "Export a query";
    const ABOUT: &'static str = "Exports the result of a read-only SQL query on imported tables as CSV or Parquet.";
    const QUEUE: Queue = super::DISK;
    const LOG_STEPS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        const SHOWN: usize = 60;
        let line = input.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut = line.floor_char_boundary(SHOWN);
        format!("Export {}{}", &line[..cut], if cut < line.len() { "…" } else { "" })
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let name = match input.format {
            Format::Csv => "export.csv",
            Format::Parquet => "export.parquet",
        };
        ctx.unit("rows");
        let mut events = start_query(ctx, input.query)?;
        let artifact = ctx.artifact(name).await?;
        let file = ctx.budget().create(artifact.path()).map_err(|error| writing(&error))?;
        let mut headings = Vec::new();
        let mut stage = Stage::NotStarted(file);
        while let Some(event) = events.recv().await {
            match event? {
                QueryEvent::Headings(columns_of_query) => headings = columns_of_query,
                QueryEvent::Rows(rows) => {
                    let (own, headings) = (ctx.clone(), headings.clone());
                    let write = move || stage.write(&own, rows, input.format, input.formulas, &headings);
                    stage = ctx.blocking(write).await?;
                }
            }
        }
        ctx.check()?;
        let Stage::Writing(out) = stage else {
            // The thread ended without a result.
            return Err(TaskError::retry("database", "the query ended before it started; try again"));
        };
        let rows = out.rows;
        let columns = ctx.blocking(move || out.finish()).await?;
        let bytes = artifact.finish().await?;
        Ok(Output { artifact: name, rows, bytes, columns })
    }
}

enum Stage {
    /// The first batch, which may be empty, decides undeclared types.
    NotStarted(BudgetFile),
    Writing(ExportFile),
}

impl Stage {
    fn write(
        self,
        ctx: &Ctx,
        rows: Vec<Row>,
        format: Format,
        formulas: Formulas,
        headings: &[Heading],
    ) -> Result<Self, TaskError> {
        let mut out = match self {
            Self::NotStarted(file) => ExportFile::begin(file, format, formulas, headings, &rows)?,
            Self::Writing(out) => out,
        };
        for row in rows {
            ctx.check()?;
            out.write(row)?;
            ctx.advance(1);
        }
        Ok(Self::Writing(out))
    }
}

struct ExportFile {
    kind: FileFormat,
    rows: u64,
}

enum FileFormat {
    Csv(Box<CsvFile>),
    Parquet(Box<ParquetFile>),
}

impl ExportFile {
    fn begin(
        file: BudgetFile,
        format: Format,
        formulas: Formulas,
        headings: &[Heading],
        first: &[Row],
    ) -> Result<Self, TaskError> {
        let kind = match format {
            Format::Csv => FileFormat::Csv(Box::new(CsvFile::begin(file, formulas, headings)?)),
            Format::Parquet => FileFormat::Parquet(Box::new(ParquetFile::begin(file, headings, first)?)),
        };
        Ok(Self { kind, rows: 0 })
    }

    fn write(&mut self, row: Row) -> Result<(), TaskError> {
        self.rows += 1;
        match &mut self.kind {
            FileFormat::Csv(file) => file.write(&row),
            FileFormat::Parquet(file) => file.write(self.rows, row),
        }
    }

    fn finish(self) -> Result<Vec<Column>, TaskError> {
        match self.kind {
            FileFormat::Csv(file) => file.finish(),
            FileFormat::Parquet(file) => file.finish(),
        }
    }
}

fn writing(error: &io::Error) -> TaskError {
    TaskError::io("writing the export", error)
}
