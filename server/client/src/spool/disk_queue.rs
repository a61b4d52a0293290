//! The entries of one run on disk: appended at the end, read from any place, deleted by segments.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use super::RunFiles;
use crate::queue::ReadLimits;

/// The size at which a new segment begins.
const SEGMENT_BYTES: u64 = 4 << 20;
/// The size from which a segment is deleted although entries will follow.
const SPARE_BYTES: u64 = 32 << 10;

/// A queue on disk.
#[derive(Debug)]
pub(crate) struct DiskQueue {
    files: RunFiles,
    segments: Vec<Segment>,
    writer: Option<File>,
    dirty: bool,
    /// The number of the last entry.
    last: u64,
    cursor: Cursor,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    first: u64,
    bytes: u64,
}

/// A place between two entries, where the last read ended.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    segment: u64,
    offset: u64,
    next: u64,
}

impl DiskQueue {
    /// Opens the queue of a run, new or left behind. A torn last line is dropped.
    pub(crate) fn open(files: RunFiles) -> io::Result<Self> {
        let mut segments = Vec::new();
        let mut last = files.acknowledged().acked;
        for first in files.segments()? {
            let text = fs::read(files.segment(first))?;
            let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                OpenOptions::new().write(true).open(files.segment(first))?.set_len(whole as u64)?;
            }
            let count = text[..whole].split_inclusive(|byte| *byte == b'\n').count() as u64;
            last = last.max(first + count - 1);
            segments.push(Segment { first, bytes: whole as u64 });
        }
        Ok(Self { files, segments, writer: None, dirty: false, last, cursor: Cursor::default() })
    }

    pub(crate) fn files(&self) -> &RunFiles {
        &self.files
    }

    /// Returns the number of the last entry.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Returns the bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Returns the bytes on disk of a run that is not opened.
    pub(crate) fn bytes_of(files: &RunFiles) -> u64 {
        let segments = files.segments().unwrap_or_default();
        segments
            .iter()
            .filter_map(|first| fs::metadata(files.segment(*first)).ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Appends an entry. After an error, the disk holds what it held before.
    pub(crate) fn append(&mut self, entry: &str) -> io::Result<()> {
        if self.writer.is_none() || self.segments.last().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES) {
            self.sync()?;
            let first = self.last + 1;
            let path = self.files.segment(first);
            self.writer = Some(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?);
            self.segments.push(Segment { first, bytes: 0 });
        }
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.last_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut line = Vec::with_capacity(entry.len() + 1);
        line.extend_from_slice(entry.as_bytes());
        line.push(b'\n');
        if let Err(error) = writer.write_all(&line) {
            let _ = writer.set_len(segment.bytes);
            return Err(error);
        }
        segment.bytes += line.len() as u64;
        self.last += 1;
        self.dirty = true;
        Ok(())
    }

    /// Writes the appended entries to the disk, so that they survive a power cut.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if let Some(file) = self.writer_to_sync() {
            file?.sync_data()?;
        }
        Ok(())
    }

    /// Returns a handle for a sync outside a lock, if there is something to sync.
    pub(crate) fn writer_to_sync(&mut self) -> Option<io::Result<File>> {
        std::mem::take(&mut self.dirty).then_some(self.writer.as_ref()?).map(File::try_clone)
    }

    /// Reads entries from number `next` on.
    pub(crate) fn read(&mut self, next: u64, limits: ReadLimits) -> io::Result<Vec<String>> {
        let mut entries = Vec::new();
        let mut budget = limits;
        let segments = self.segments.clone();
        let begin = segments.iter().rposition(|segment| segment.first <= next).unwrap_or(segments.len());
        for segment in &segments[begin..] {
            let mut at = Cursor { segment: segment.first, offset: 0, next: segment.first };
            if self.cursor.segment == segment.first && self.cursor.next <= next {
                at = self.cursor;
            }
            let mut file = File::open(self.files.segment(segment.first))?;
            file.seek(SeekFrom::Start(at.offset))?;
            let mut reader = BufReader::new(file);
            let mut line = String::new();
            while at.offset < segment.bytes {
                line.clear();
                let length = reader.read_line(&mut line)?;
                if length == 0 {
                    break;
                }
                if at.next >= next {
                    let entry = line.trim_end_matches('\n');
                    if !budget.admit(entry, entries.is_empty()) {
                        self.cursor = at;
                        return Ok(entries);
                    }
                    entries.push(entry.to_owned());
                }
                at.offset += length as u64;
                at.next += 1;
            }
            self.cursor = at;
        }
        Ok(entries)
    }

    /// Deletes the segments that the server has.
    pub(crate) fn delete_until(&mut self, acked: u64) {
        while let [segment, following, ..] = self.segments[..] {
            if following.first > acked + 1 {
                break;
            }
            let _ = fs::remove_file(self.files.segment(segment.first));
            self.segments.remove(0);
        }
        if acked >= self.last && self.bytes() > SPARE_BYTES {
            for segment in self.segments.drain(..) {
                let _ = fs::remove_file(self.files.segment(segment.first));
            }
            self.writer = None;
            self.dirty = false;
        }
    }
}
