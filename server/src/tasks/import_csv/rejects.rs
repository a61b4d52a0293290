//! The records left out, as an artifact.

use std::{fs::File, io::BufWriter};

use engine::{ArtifactWriter, Ctx, TaskError};
use model::count;

use crate::tasks::table::cell;

/// The artifact's name.
pub(super) const NAME: &str = "rejected.csv";
/// How many rejected records get a warning each; the rest share one.
const NAMED: u64 = 100;
/// How much of a record is kept, bytes.
const KEPT: usize = 64 << 10;

/// Writes `rejected.csv`: line, reason and the record as it stands in the file.
pub(super) struct Rejects {
    ctx: Ctx,
    artifact: ArtifactWriter,
    out: csv::Writer<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    /// Begins it with its header, so that it is well-formed whatever comes.
    pub(super) async fn begin(ctx: &Ctx) -> Result<Self, TaskError> {
        let artifact = ctx.artifact(NAME).await?;
        let file = File::create(artifact.path()).map_err(|error| TaskError::io(writing(), &error))?;
        let mut out = csv::Writer::from_writer(BufWriter::new(file));
        out.write_record(["line", "reason", "record"]).map_err(failed)?;
        Ok(Self { ctx: ctx.clone(), artifact, out, count: 0 })
    }

    /// Takes one. What is not UTF-8 in it is replaced, as a CSV file is of one encoding.
    pub(super) fn add(&mut self, line: u64, reason: &str, raw: &[u8]) -> Result<(), TaskError> {
        self.count += 1;
        if self.count <= NAMED {
            self.ctx.warn(format!("line {line}: {reason}"));
        }
        let record = String::from_utf8_lossy(&raw[..raw.len().min(KEPT)]);
        self.out.write_record([&line.to_string(), reason, &cell(&record)]).map_err(failed)
    }

    /// Makes the artifact; answers how many there were.
    pub(super) async fn finish(mut self) -> Result<u64, TaskError> {
        if self.count > NAMED {
            self.ctx.warn(format!("and {} more rejected records; {NAME} has them all", count(self.count - NAMED)));
        }
        self.out.flush().map_err(|error| TaskError::io(writing(), &error))?;
        self.artifact.finish().await?;
        Ok(self.count)
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
