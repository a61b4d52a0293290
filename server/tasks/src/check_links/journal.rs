//! Journal of findings: one line of JSON for each checked link, in a file of the work folder. A checkpoint has its
//! length; a later attempt checks only the remaining links.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::{BudgetFile, Ctx, TaskError, WriteBudget};
use serde::{Deserialize, Serialize};

use super::probe::Finding;

/// File name in the work folder.
const NAME: &str = "findings";

pub(super) struct Journal(Mutex<JournalFile>);

struct JournalFile {
    file: BudgetFile,
    /// Written bytes.
    length: u64,
    /// Lines that could not be written yet.
    unwritten: Vec<u8>,
}

/// The content of a checkpoint.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    /// Length of the journal, bytes.
    length: u64,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<F> {
    /// Index of the target.
    pub(super) target: usize,
    pub(super) finding: F,
    /// Whether the checkpoint includes it. Its warning is then logged and counted.
    #[serde(skip)]
    pub(super) logged: bool,
}

impl Journal {
    /// Opens the journal of an earlier attempt, or creates one.
    ///
    /// Lines after the checkpoint count as well. Only the last can be incomplete; it is removed.
    pub(super) async fn begin(ctx: &Ctx) -> Result<(Self, Vec<Line<Finding>>), TaskError> {
        let mark: Option<Position> = ctx.restore().await?;
        let folder = ctx.work_folder().await?;
        let budget = ctx.budget().clone();
        ctx.blocking(move || {
            read_or_begin(&folder, mark, &budget)
                .map_err(|error| TaskError::io("opening the journal of the check", &error))
        })
        .await
    }

    /// Adds a finding. A write error is returned by the next [`Journal::mark`], since it is not the fault of the link.
    pub(super) fn add(&self, target: usize, finding: &Finding) {
        let mut open = self.open();
        let line = Line { target, finding, logged: false };
        serde_json::to_writer(&mut open.unwritten, &line).expect("numbers, texts and links are JSON");
        open.unwritten.push(b'\n');
        let _ = open.write();
    }

    /// Writes everything and returns the position.
    pub(super) fn mark(&self) -> Result<Position, TaskError> {
        let mut open = self.open();
        open.write().map_err(|error| TaskError::io("writing the journal of the check", &error))?;
        Ok(Position { length: open.length })
    }

    fn open(&self) -> MutexGuard<'_, JournalFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalFile {
    /// Writes the pending lines at their offset: a failed write may have left a part there.
    fn write(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.unwritten, self.length)?;
        self.length += self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }
}

fn read_or_begin(
    folder: &Path,
    mark: Option<Position>,
    budget: &WriteBudget,
) -> io::Result<(Journal, Vec<Line<Finding>>)> {
    let path = folder.join(NAME);
    let file = File::options().read(true).write(true).create(true).truncate(mark.is_none()).open(path)?;
    let (mut lines, mut length) = (Vec::new(), 0);
    let mut reader = BufReader::new(&file);
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text)? > 0 {
        let Ok(line) = serde_json::from_slice::<Line<Finding>>(&text) else { break };
        if !text.ends_with(b"\n") {
            break;
        }
        length += text.len() as u64;
        lines.push(Line { logged: mark.is_some_and(|mark| length <= mark.length), ..line });
        text.clear();
    }
    file.set_len(length)?;
    Ok((Journal(Mutex::new(JournalFile { file: budget.of(file), length, unwritten: Vec::new() })), lines))
}
