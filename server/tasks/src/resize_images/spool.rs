//! Spool of results: a file of images and a file of records. Both are append-only, so a checkpoint has their lengths.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use engine::{BudgetFile, WriteBudget};
use serde::{Deserialize, Serialize};

use super::resize::{Extension, Image};

/// Bytes of a record: number, offset and length, extension.
const RECORD: usize = 25;
/// Extension of a broken image.
const FAILED: u8 = u8::MAX;

pub(super) struct Spool {
    pictures: BudgetFile,
    records: BudgetFile,
    pub(super) mark: Position,
}

/// Lengths of the two files.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// Bytes of images.
    pub(super) bytes: u64,
    /// Images done, with broken ones.
    pub(super) done: u64,
    /// Broken images.
    pub(super) failed: u64,
}

/// Position and type of a resized image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) at: u64,
    pub(super) length: u64,
    /// `None` for a broken image.
    pub(super) extension: Option<Extension>,
}

impl Spool {
    /// Creates the files, or truncates them to a position and continues there; `None` if they are shorter.
    pub(super) fn open(folder: &Path, mark: Position, budget: &WriteBudget) -> io::Result<Option<Self>> {
        let open = |name: &str, length: u64| -> io::Result<Option<BudgetFile>> {
            let path = folder.join(name);
            let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            if file.metadata()?.len() < length {
                return Ok(None);
            }
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(Some(budget.of(file)))
        };
        let pictures = open("pictures", mark.bytes)?;
        let records = open("records", mark.done * RECORD as u64)?;
        Ok(pictures.zip(records).map(|(pictures, records)| Self { pictures, records, mark }))
    }

    /// Appends the result of an image.
    pub(super) fn put(&mut self, number: usize, picture: Option<&Image>) -> io::Result<()> {
        let length = picture.map_or(0, |picture| picture.bytes.len() as u64);
        if let Some(picture) = picture {
            self.pictures.write_all(&picture.bytes)?;
        }
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&(number as u64).to_le_bytes());
        record[8..16].copy_from_slice(&self.mark.bytes.to_le_bytes());
        record[16..24].copy_from_slice(&length.to_le_bytes());
        record[24] = picture.map_or(FAILED, |picture| picture.extension as u8);
        self.records.write_all(&record)?;
        self.mark.bytes += length;
        self.mark.done += 1;
        self.mark.failed += u64::from(picture.is_none());
        Ok(())
    }

    /// All records sorted by number, and the file of images.
    pub(super) fn read(&self) -> io::Result<(Vec<Record>, File)> {
        let mut file = self.records.as_file().try_clone()?;
        file.rewind()?;
        let mut bytes = Vec::new();
        file.take(self.mark.done * RECORD as u64).read_to_end(&mut bytes)?;
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mut records: Vec<Record> = bytes
            .chunks_exact(RECORD)
            .map(|record| Record {
                number: number(&record[..8]),
                at: number(&record[8..16]),
                length: number(&record[16..24]),
                extension: Extension::ALL.get(usize::from(record[24])).copied(),
            })
            .collect();
        records.sort_unstable_by_key(|record| record.number);
        Ok((records, self.pictures.as_file().try_clone()?))
    }
}
