//! The Inspect stage: reads the whole file once to determine delimiter, header and types. A checkpoint has the result
//! so far and the position of the next record.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::Path,
};

use engine::{Ctx, TaskError};
use model::{Level, count};
use serde::{Deserialize, Serialize};

use super::{
    Column, Delimiter, Header, Input, OnError,
    records::{Malformed, Next, RecordPosition, Records, Row},
    rejects::Rejects,
    sniff,
    types::TypeGuess,
};
use crate::time_slices::in_checkpointed_slices;

/// The input of Load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Offset of the text, after a byte order mark.
    pub(super) start: u64,
    pub(super) delimiter: u8,
    /// Whether the first record is the header.
    pub(super) header: bool,
    pub(super) columns: Vec<Column>,
    /// Records in UTF-8 with the right number of fields.
    pub(super) good: u64,
}

/// Reason to reject a record regardless of its values.
pub(super) enum RowError {
    NotUtf8,
    Width { found: usize, expected: usize },
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8; save the file as UTF-8"),
            Self::Width { found, expected } => write!(f, "expected {expected} fields, found {found}"),
        }
    }
}

/// The fields of a record, if their number is right.
pub(super) fn fields(row: &Row, width: usize) -> Result<impl Iterator<Item = &str>, RowError> {
    if row.len() != width {
        return Err(RowError::Width { found: row.len(), expected: width });
    }
    row.fields().ok_or(RowError::NotUtf8)
}

/// The error of a job that stops at its first invalid record.
pub(super) fn stopped(line: u64, reason: &str) -> TaskError {
    let message = format!("Line {line}: {reason}. Nothing was imported. Fix the file, or skip invalid rows.");
    TaskError::fatal("bad_record", message)
}

/// Opens the file at a byte offset.
pub(super) fn open(path: &Path, position: u64) -> io::Result<File> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(position))?;
    Ok(file)
}

/// Results so far; the content of a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InspectCheckpoint {
    plan: Plan,
    /// One per column; empty before the first record.
    guesses: Vec<TypeGuess>,
    broken: u64,
    /// Number of records that are not UTF-8, and the line of the first.
    not_utf8: Option<(u64, u64)>,
    /// Position of the next record, from the start of the text.
    place: RecordPosition,
}

impl InspectCheckpoint {
    /// Detects the format from the start of the file.
    fn at_start(file: &mut File, input: &Input) -> Result<Self, TaskError> {
        let mut sample = Vec::new();
        let sampled = file.take(sniff::SAMPLE as u64).read_to_end(&mut sample);
        sampled.map_err(|error| TaskError::io("reading the file", &error))?;
        let mark = sniff::bom_length(&sample);
        let sample = &sample[mark..];
        sniff::reject_other_files(sample)?;
        let delimiter = input.delimiter.byte().unwrap_or_else(|| sniff::delimiter(sample));
        let plan = Plan { start: mark as u64, delimiter, header: false, columns: Vec::new(), good: 0 };
        Ok(Self { plan, guesses: Vec::new(), broken: 0, not_utf8: None, place: RecordPosition::START })
    }
}

/// Reads the file, or the rest after an `earlier` attempt, and plans the load. Advances by bytes.
pub(super) async fn inspect(
    ctx: &Ctx,
    path: &Path,
    input: &Input,
    rejects: Rejects,
    earlier: Option<InspectCheckpoint>,
) -> Result<(Plan, Rejects), TaskError> {
    let reading = |error| TaskError::io("reading the file", &error);
    let mut file = File::open(path).map_err(reading)?;
    ctx.total(file.metadata().map_err(reading)?.len(), "B");
    let progress = match earlier {
        Some(earlier) => earlier,
        None => InspectCheckpoint::at_start(&mut file, input)?,
    };
    let InspectCheckpoint { plan: Plan { start, delimiter, .. }, place, .. } = progress;
    ctx.continue_at(place.position);
    if place != RecordPosition::START {
        ctx.log(Level::Info, format!("continues after line {}", count(place.line - 1)));
    }
    let source = open(path, start + place.position).map_err(reading)?;
    let inspection = Inspection {
        ctx: ctx.clone(),
        records: Records::continue_at(place, source, delimiter),
        row: Row::default(),
        header: input.header,
        stop: matches!(input.on_error, OnError::Stop),
        rejects,
        progress,
        stopped: None,
    };
    let save = |inspection: &mut Inspection| {
        inspection.progress.place = inspection.records.place();
        Ok(inspection.progress.clone())
    };
    let inspection = in_checkpointed_slices(ctx, inspection, Inspection::step, save).await?;
    if let Some(stopped) = inspection.stopped {
        inspection.rejects.finish().await?;
        return Err(stopped);
    }
    ctx.set(inspection.records.position() + start);
    inspection.finish()
}

struct Inspection {
    ctx: Ctx,
    records: Records<File>,
    row: Row,
    header: Header,
    stop: bool,
    rejects: Rejects,
    progress: InspectCheckpoint,
    /// The error that ended it.
    stopped: Option<TaskError>,
}

/// Records between two progress reports; one takes less than a microsecond.
const BATCH: usize = 512;

impl Inspection {
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        for _ in 0..BATCH {
            match self.records.read(&mut self.row).map_err(|error| TaskError::io("reading the file", &error))? {
                Next::End => return Ok(ControlFlow::Break(())),
                Next::Malformed(Malformed { line, error, raw }) => self.reject(line, &error.to_string(), &raw)?,
                Next::Row if self.progress.guesses.is_empty() => self.first()?,
                Next::Row => self.inspect_row()?,
            }
            // Stop at once: a checkpoint after this record would make the next attempt skip it.
            if self.stopped.is_some() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.ctx.set(self.records.position());
        Ok(ControlFlow::Continue(()))
    }

    /// Takes the number of columns, and perhaps their names, from the first record.
    fn first(&mut self) -> Result<(), TaskError> {
        let Some(fields) = self.row.fields().map(Iterator::collect::<Vec<_>>) else {
            return Err(not_utf8(self.row.line()));
        };
        let progress = &mut self.progress;
        progress.plan.header = match self.header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => sniff::is_header(&fields),
        };
        let names = sniff::column_names(progress.plan.header.then_some(&fields), fields.len())?;
        progress.guesses = vec![TypeGuess::NEW; names.len()];
        let kind = TypeGuess::NEW.column_type();
        progress.plan.columns = names.into_iter().map(|name| Column { name, kind }).collect();
        if progress.plan.header { Ok(()) } else { self.inspect_row() }
    }

    fn inspect_row(&mut self) -> Result<(), TaskError> {
        let progress = &mut self.progress;
        let error = match fields(&self.row, progress.guesses.len()) {
            Ok(fields) => {
                progress.guesses.iter_mut().zip(fields).for_each(|(guess, field)| guess.observe(field));
                progress.plan.good += 1;
                return Ok(());
            }
            Err(error) => error,
        };
        let line = self.row.line();
        if matches!(error, RowError::NotUtf8) {
            let (many, first) = progress.not_utf8.unwrap_or((0, line));
            progress.not_utf8 = Some((many + 1, first));
        }
        let raw = self.records.raw().to_vec();
        self.reject(line, &error.to_string(), &raw)
    }

    /// Counts an invalid record. Load lists it, unless it stops the job here.
    fn reject(&mut self, line: u64, reason: &str, raw: &[u8]) -> Result<(), TaskError> {
        self.progress.broken += 1;
        if self.stop {
            self.rejects.add(line, reason, raw)?;
            self.stopped = Some(stopped(line, reason));
        }
        Ok(())
    }

    fn finish(self) -> Result<(Plan, Rejects), TaskError> {
        let InspectCheckpoint { mut plan, guesses, broken, not_utf8: invalid, .. } = self.progress;
        match invalid {
            // A few bad records are rejected; many mean that the whole file has another encoding.
            Some((many, first)) if many * 100 > plan.good => return Err(not_utf8(first)),
            Some(_) | None => {}
        }
        if plan.good == 0 && broken > 0 {
            let delimiter = Delimiter::name_of(plan.delimiter);
            let message = format!(
                "none of the {} records has the {} fields of the first line, with {delimiter} between them; check the \
                 delimiter",
                count(broken),
                count(plan.columns.len() as u64)
            );
            return Err(TaskError::fatal("bad_csv", message));
        }
        if plan.columns.is_empty() {
            return Err(TaskError::fatal("empty_file", "The file contains only empty lines."));
        }
        for (column, guess) in plan.columns.iter_mut().zip(guesses) {
            column.kind = guess.column_type();
        }
        Ok((plan, self.rejects))
    }
}

/// Most likely an older Western encoding: UTF-16 was detected before.
fn not_utf8(line: u64) -> TaskError {
    let message = format!(
        "line {line} is not UTF-8; the file is probably in Windows-1252 or Latin-1. Save it as UTF-8, for example with \
         iconv -f WINDOWS-1252 -t UTF-8 file.csv > new.csv"
    );
    TaskError::fatal("not_utf8", message)
}
