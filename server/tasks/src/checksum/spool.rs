//! Spool files in the work folder: lists of files and their outcomes, shared by stages and attempts. A million names
//! are kept on disk instead of in memory.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use engine::{BudgetFile, WriteBudget};

use super::digest::Digest;

/// A file to hash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Size in Scan, bytes; 0 if unreadable.
    pub(crate) size: u64,
    /// Digest in the manifest.
    pub(crate) expected: Option<Digest>,
    /// Relative to the folder.
    pub(crate) path: Vec<u8>,
}

pub(crate) struct EntryWriter(BufWriter<BudgetFile>);

impl EntryWriter {
    pub(crate) fn create(path: &Path, budget: &WriteBudget) -> io::Result<Self> {
        budget.create(path).map(|file| Self(BufWriter::new(file)))
    }

    /// Truncates the list to `length` bytes and continues there.
    pub(crate) fn continue_at(length: u64, path: &Path, budget: &WriteBudget) -> io::Result<Self> {
        let mut file = File::options().write(true).open(path)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self(BufWriter::new(budget.of(file))))
    }

    pub(crate) fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let length = u32::try_from(entry.path.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
        self.0.write_all(&entry.size.to_le_bytes())?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&[u8::from(entry.expected.is_some())])?;
        self.0.write_all(&entry.path)?;
        entry.expected.as_ref().map_or(Ok(()), |digest| self.0.write_all(&digest.0))
    }

    /// Flushes. Returns the length of the list in bytes.
    pub(crate) fn length(&mut self) -> io::Result<u64> {
        self.0.flush()?;
        self.0.stream_position()
    }
}

pub(crate) struct EntryReader(BufReader<File>);

impl EntryReader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(|file| Self(BufReader::new(file)))
    }

    /// Reads the next entry; `None` after the last.
    pub(crate) fn read(&mut self) -> io::Result<Option<Entry>> {
        let mut size = [0; 8];
        match self.0.read_exact(&mut size) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let (mut length, mut has_digest) = ([0; 4], [0]);
        self.0.read_exact(&mut length)?;
        self.0.read_exact(&mut has_digest)?;
        let mut path = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut path)?;
        let mut expected = None;
        if has_digest != [0] {
            let Digest(digest) = expected.insert(Digest([0; 32]));
            self.0.read_exact(digest)?;
        }
        Ok(Some(Entry { size: u64::from_le_bytes(size), expected, path }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Read to its end.
    Hashed(Digest),
    /// Read to its end, but changed while it was read: the digest may match no version of the file.
    Changing(Digest),
    /// Not there.
    Missing,
    /// Present, but not readable.
    Unreadable,
}

/// Outcomes by index of entry: workers finish in any order.
pub(crate) struct Outcomes(BudgetFile);

impl Outcomes {
    const RECORD: usize = 33;

    /// Creates the file; with `keep_existing` keeps the outcomes of an earlier attempt.
    pub(crate) fn open(path: &Path, keep_existing: bool, budget: &WriteBudget) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(!keep_existing).open(path)?;
        Ok(Self(budget.of(file)))
    }

    pub(crate) fn put(&self, index: u64, outcome: Outcome) -> io::Result<()> {
        let (tag, digest) = match outcome {
            Outcome::Hashed(digest) => (0, digest.0),
            Outcome::Changing(digest) => (1, digest.0),
            Outcome::Missing => (2, [0; 32]),
            Outcome::Unreadable => (3, [0; 32]),
        };
        let mut record = [0; Self::RECORD];
        record[0] = tag;
        record[1..].copy_from_slice(&digest);
        self.0.write_all_at(&record, index * Self::RECORD as u64)
    }

    /// Least length of a file with this many outcomes, bytes.
    pub(crate) const fn least_length(outcomes: u64) -> u64 {
        outcomes * Self::RECORD as u64
    }

    /// Reads all outcomes in the order of the entries.
    pub(crate) fn read(&self) -> io::Result<impl FnMut() -> io::Result<Outcome> + Send + use<>> {
        let mut file = self.0.as_file().try_clone()?;
        file.rewind()?;
        let mut records = BufReader::new(file);
        Ok(move || {
            let (mut tag, mut digest) = ([0], [0; 32]);
            records.read_exact(&mut tag)?;
            records.read_exact(&mut digest)?;
            Ok(match tag {
                [0] => Outcome::Hashed(Digest(digest)),
                [1] => Outcome::Changing(Digest(digest)),
                [2] => Outcome::Missing,
                _ => Outcome::Unreadable,
            })
        })
    }
}
