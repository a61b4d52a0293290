//! What is known of the links so far, as a file: one line of JSON for each link that has been asked. A checkpoint says how
//! long it is; with that an attempt that continues asks no link again of which the answer is known.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::{BudgetFile, Ctx, TaskError, WriteBudget};
use serde::{Deserialize, Serialize};

use super::probe::Finding;

/// Its name in the work folder.
const NAME: &str = "findings";

/// A journal to write to.
pub(super) struct Journal(Mutex<Open>);

struct Open {
    file: BudgetFile,
    /// How much of it is written, bytes.
    length: u64,
    /// Lines behind that, which could not be written yet.
    waiting: Vec<u8>,
}

/// What a checkpoint holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Length of the journal, bytes.
    length: u64,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<F> {
    /// The target's place among all targets.
    pub(super) target: usize,
    pub(super) finding: F,
    /// Whether the checkpoint includes it: what was said of it then is in the log, and counted.
    #[serde(skip)]
    pub(super) told: bool,
}

impl Journal {
    /// Goes on with the journal of an earlier attempt, or begins one.
    ///
    /// Lines behind the mark count as well: each was written whole after its link had been asked. Only the last can have
    /// been cut off, and is cut away.
    pub(super) async fn begin(ctx: &Ctx) -> Result<(Self, Vec<Line<Finding>>), TaskError> {
        let mark: Option<Mark> = ctx.restore().await?;
        let folder = ctx.work_folder().await?;
        let budget = ctx.budget().clone();
        ctx.blocking(move || {
            read_or_begin(&folder, mark, &budget)
                .map_err(|error| TaskError::io("opening the journal of the check", &error))
        })
        .await
    }

    /// Adds what came of a link. Where that fails the next [`Journal::mark`] says so: it is no fault of the link.
    pub(super) fn add(&self, target: usize, finding: &Finding) {
        let mut open = self.open();
        let line = Line { target, finding, told: false };
        serde_json::to_writer(&mut open.waiting, &line).expect("numbers, texts and links are JSON");
        open.waiting.push(b'\n');
        let _ = open.write();
    }

    /// How far it is.
    pub(super) fn mark(&self) -> Result<Mark, TaskError> {
        let mut open = self.open();
        open.write().map_err(|error| TaskError::io("writing the journal of the check", &error))?;
        Ok(Mark { length: open.length })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Writes what waits, where it belongs: half of it may be there from the last time.
    fn write(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.waiting, self.length)?;
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

fn read_or_begin(folder: &Path, mark: Option<Mark>, budget: &WriteBudget) -> io::Result<(Journal, Vec<Line<Finding>>)> {
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
        lines.push(Line { told: mark.is_some_and(|mark| length <= mark.length), ..line });
        text.clear();
    }
    file.set_len(length)?;
    Ok((Journal(Mutex::new(Open { file: budget.of(file), length, waiting: Vec::new() })), lines))
}
