//! The report file of a run, `$MILEPOST_REPORT`: the program, or a command inside of it, appends JSON lines.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use output_parser::{Event, Format, Reader, Stream};
use serde_json::Value;
use wire::limits::{DATA_BYTES, MESSAGE_BYTES, UNIT_BYTES};

use super::output::{cut_message, reported_progress};
use crate::{journal::Journal, mask::Mask, report::Uploads};

/// Bytes that are read at once.
const CHUNK: u64 = 256 << 10;
/// Bytes of a line; a longer one is ignored.
const LONGEST: usize = 64 << 10;

/// The file, and how far it was read.
#[derive(Debug)]
pub(crate) struct ReportFile {
    path: PathBuf,
    file: File,
    /// A line without its end.
    rest: Vec<u8>,
}

impl ReportFile {
    /// Creates the file.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        (&file).seek(SeekFrom::Start(0))?;
        Ok(Self { path: path.to_owned(), file, rest: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reports the new lines.
    pub(crate) fn read(&mut self, journal: &Arc<Journal>, mask: &Mask, uploads: Option<&Uploads>) {
        let mut bytes = Vec::new();
        while (&self.file).take(CHUNK).read_to_end(&mut bytes).is_ok_and(|length| length > 0) {
            self.rest.append(&mut bytes);
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                report(&mask.text(&String::from_utf8_lossy(&line)), journal, uploads);
            }
            if self.rest.len() > LONGEST {
                self.rest.clear();
            }
        }
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn report(line: &str, journal: &Journal, uploads: Option<&Uploads>) {
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(line) else { return };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    for (key, level) in [("note", "info"), ("warn", "warn")] {
        if let Some(note) = text(key) {
            journal.log(note.lines().map(|line| (level.to_owned(), line.to_owned())));
        }
    }
    if let (Some(path), Some(uploads)) = (text("artifact"), uploads) {
        uploads.add(PathBuf::from(path));
    }
    // Numbers are read as in the output of programs.
    let mut reader = Reader::new(Format::Json);
    let found =
        reader.push(Stream::Out, format!("{}\n", line.trim_end()).as_bytes()).into_iter().find_map(
            |event| match event {
                Event::Progress(progress) => Some(reported_progress(progress)),
                Event::Line(_) | Event::Result(_) => None,
            },
        );
    let mut progress = found.unwrap_or_default();
    progress.stage = object.get("stage").and_then(Value::as_u64).map(|stage| stage as usize);
    progress.message = text("message").map(|message| cut_message(message.to_owned()));
    progress.tone =
        text("tone").filter(|tone| matches!(*tone, "info" | "success" | "warning" | "danger")).map(str::to_owned);
    if let Some(unit) = text("unit").filter(|unit| unit.len() <= UNIT_BYTES) {
        progress.unit = Some(unit.to_owned());
    }
    progress.data = object.get("data").filter(|data| data.is_object() && data.to_string().len() <= DATA_BYTES).cloned();
    debug_assert!(progress.message.as_ref().is_none_or(|message| message.len() <= MESSAGE_BYTES));
    if progress != wire::Progress::default() {
        journal.progress(progress);
    }
}
