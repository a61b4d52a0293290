//! Rejected records, as the artifact `rejected.csv`.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom},
    path::PathBuf,
};

use engine::{BudgetFile, Ctx, TaskError};
use model::count;
use serde::{Deserialize, Serialize};

use crate::csv_cell::escape_cell;

pub(super) const NAME: &str = "rejected.csv";
/// Most rejected records with a warning each; the rest share one.
const MAX_WARNINGS: u64 = 100;
/// Longest part of a record that is kept, bytes.
const MAX_KEPT: usize = 64 << 10;

/// Writes `rejected.csv`: line, reason and the record as in the file. It is kept in the work folder for the next
/// attempt.
pub(super) struct Rejects {
    ctx: Ctx,
    path: PathBuf,
    out: csv::Writer<BufWriter<BudgetFile>>,
    count: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct RejectsPosition {
    count: u64,
    /// Length, bytes.
    length: u64,
}

impl Rejects {
    /// Creates the file with its header.
    pub(super) async fn begin(ctx: &Ctx) -> Result<Self, TaskError> {
        let path = ctx.work_folder().await?.join(NAME);
        let file = ctx.budget().create(&path).map_err(|error| TaskError::io(writing(), &error))?;
        let mut rejects = Self::of(ctx, path, file, 0);
        rejects.out.write_record(["line", "reason", "record"]).map_err(failed)?;
        Ok(rejects)
    }

    /// Continues the file of an earlier attempt at a position; `None` if it is gone.
    pub(super) async fn continue_at(ctx: &Ctx, mark: RejectsPosition) -> Result<Option<Self>, TaskError> {
        let path = ctx.work_folder().await?.join(NAME);
        let cut = || -> io::Result<Option<File>> {
            let mut file = File::options().write(true).open(&path)?;
            if file.metadata()?.len() < mark.length {
                return Ok(None);
            }
            file.set_len(mark.length)?;
            file.seek(SeekFrom::Start(mark.length))?;
            Ok(Some(file))
        };
        match cut() {
            Ok(file) => Ok(file.map(|file| Self::of(ctx, path.clone(), ctx.budget().of(file), mark.count))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TaskError::io(writing(), &error)),
        }
    }

    fn of(ctx: &Ctx, path: PathBuf, file: BudgetFile, count: u64) -> Self {
        Self { ctx: ctx.clone(), path, out: csv::Writer::from_writer(BufWriter::new(file)), count }
    }

    /// Adds a record. Invalid UTF-8 is replaced, since a CSV file has one encoding.
    pub(super) fn add(&mut self, line: u64, reason: &str, raw: &[u8]) -> Result<(), TaskError> {
        self.count += 1;
        if self.count <= MAX_WARNINGS {
            self.ctx.warn(format!("line {line}: {reason}"));
        }
        let record = String::from_utf8_lossy(&raw[..raw.len().min(MAX_KEPT)]);
        self.out.write_record([&*line.to_string(), &*escape_cell(reason), &*escape_cell(&record)]).map_err(failed)
    }

    /// Flushes the file and returns its position.
    pub(super) fn mark(&mut self) -> Result<RejectsPosition, TaskError> {
        let position = self.out.flush().and_then(|()| {
            let mut file = self.out.get_ref().get_ref().as_file();
            file.stream_position()
        });
        let length = position.map_err(|error| TaskError::io(writing(), &error))?;
        Ok(RejectsPosition { count: self.count, length })
    }

    /// Publishes the artifact. Returns the number of records.
    pub(super) async fn finish(mut self) -> Result<u64, TaskError> {
        let RejectsPosition { count, .. } = self.mark()?;
        let artifact = self.ctx.artifact(NAME).await?;
        let (from, to) = (self.path, artifact.path().to_owned());
        let budget = self.ctx.budget().clone();
        let copy = move || {
            let copied =
                fs::metadata(&from).and_then(|about| budget.check(about.len())).and_then(|()| fs::copy(from, to));
            copied.map(drop).map_err(|error| TaskError::io(writing(), &error))
        };
        self.ctx.blocking(copy).await?;
        artifact.finish().await?;
        Ok(count)
    }
}

/// Logs one warning for the records without their own. Runs after the last checkpoint; a later attempt repeats it.
pub(super) fn warn_about_rest(ctx: &Ctx, rejected: u64) {
    if rejected > MAX_WARNINGS {
        ctx.warn(format!("and {} more rejected records; {NAME} lists all", count(rejected - MAX_WARNINGS)));
    }
}

fn writing() -> String {
    format!("writing {NAME}")
}

fn failed(error: csv::Error) -> TaskError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => TaskError::io(writing(), &error),
        other => TaskError::fatal("io", format!("{}: {other:?}", writing())),
    }
}
