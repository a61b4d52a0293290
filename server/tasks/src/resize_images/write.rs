//! The Write stage: all images in one zip file, ordered and stored without compression. Times are fixed, so the same
//! images make the same file.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs::File,
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::Path,
};

use engine::{BudgetFile, Ctx, TaskError};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{source::Item, spool::Record};
use crate::{time_slices::in_time_slices, unpack::names::clean};

/// Bytes copied between two checks for a cancel.
const CHUNK: usize = 256 << 10;

struct Writer {
    ctx: Ctx,
    zip: Box<ZipWriter<BufWriter<BudgetFile>>>,
    records: std::vec::IntoIter<Record>,
    items: Vec<Item>,
    names: Names,
    pictures: File,
    /// Offset and length of the rest of the image being copied.
    left: (u64, u64),
    chunk: Vec<u8>,
}

/// Writes the zip file. Advances by bytes.
pub(super) async fn write(
    ctx: &Ctx,
    items: Vec<Item>,
    records: Vec<Record>,
    pictures: File,
    to: &Path,
) -> Result<(), TaskError> {
    let out = ctx.budget().create(to).map_err(|error| failed(error.into()))?;
    let writer = Writer {
        ctx: ctx.clone(),
        zip: Box::new(ZipWriter::new(BufWriter::new(out))),
        records: records.into_iter(),
        items,
        names: Names::default(),
        pictures,
        left: (0, 0),
        chunk: vec![0; CHUNK],
    };
    let writer = in_time_slices(ctx, writer, Writer::step).await?;
    ctx.blocking(move || writer.zip.finish().and_then(|mut file| Ok(file.flush()?)).map_err(failed)).await
}

impl Writer {
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        let (at, left) = self.left;
        if left > 0 {
            let chunk = &mut self.chunk[..left.min(CHUNK as u64) as usize];
            self.pictures.read_exact_at(chunk, at).map_err(|error| failed(error.into()))?;
            self.zip.write_all(chunk).map_err(|error| failed(error.into()))?;
            let length = chunk.len() as u64;
            self.left = (at + length, left - length);
            self.ctx.advance(length);
            return Ok(ControlFlow::Continue(()));
        }
        let Some(record) = self.records.next() else { return Ok(ControlFlow::Break(())) };
        let item = self.items.get(record.number as usize);
        let (Some(extension), Some(item)) = (record.extension, item) else { return Ok(ControlFlow::Continue(())) };
        let name = self.names.take(item, extension.as_str());
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        self.zip.start_file(name, options).map_err(failed)?;
        self.left = (record.at, record.length);
        Ok(ControlFlow::Continue(()))
    }
}

/// Names in the zip file in lower case, since some systems ignore case, with the last number appended to each.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// A unique name with the new extension: a number is appended to a duplicate.
    fn take(&mut self, item: &Item, extension: &str) -> String {
        let path = clean(&item.path).map_or_else(|_| format!("picture-{}", item.number + 1), |name| name.path);
        let folder = path.rfind('/').map_or(0, |slash| slash + 1);
        // The only dot may be the first character.
        let stem = path.rfind('.').filter(|dot| *dot > folder).map_or(path.as_str(), |dot| &path[..dot]);
        let plain = format!("{stem}.{extension}");
        let key = plain.to_lowercase();
        let Some(taken) = self.0.get(&key) else {
            self.0.insert(key, 1);
            return plain;
        };
        let mut number = *taken;
        let name = loop {
            number += 1;
            let name = format!("{stem}-{number}.{extension}");
            if let Entry::Vacant(free) = self.0.entry(name.to_lowercase()) {
                free.insert(1);
                break name;
            }
        };
        self.0.insert(key, number);
        name
    }
}

fn failed(error: ZipError) -> TaskError {
    match error {
        ZipError::Io(error) => writing(&error),
        other => writing(&io::Error::other(other)),
    }
}

fn writing(error: &io::Error) -> TaskError {
    TaskError::io("writing the zip file", error)
}
