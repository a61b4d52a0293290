//! The Pack stage: goes through the folder in the order of paths and adds one member after the other to the compressed
//! file; beside it grows the list of what went into it. A checkpoint is made between two members, where a frame ends.

use std::{
    collections::HashMap,
    fs::{self, File, Metadata},
    io::{self, ErrorKind, Read},
    ops::ControlFlow,
    os::unix::{ffi::OsStringExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use engine::{Ctx, TaskError};
use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::{
    CHUNK, Files,
    frames::Frames,
    head::head,
    members::{BLOCK, filling},
};
use crate::tasks::{
    checksum::{
        digest::{Algorithm, Hasher},
        spool::{Entry, EntryWriter},
    },
    inside::{Version, open_inside},
    slices::in_saved_slices,
    walk::{Found, Walk, beneath, shown},
};

/// A frame ends once it holds so much, bytes: often enough to go on from, seldom enough to compress as well as one.
const FRAME: u64 = 16 << 20;
/// Of how many files it is remembered that they have another name somewhere. What is more is packed once more.
const MOST_LINKED: usize = 50_000;

/// What is in the archive so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) files: u64,
    /// Bytes of them.
    pub(super) bytes: u64,
    pub(super) folders: u64,
    pub(super) symbolic_links: u64,
    pub(super) hard_links: u64,
    /// Written to while they were read, or readable in part only.
    pub(super) incomplete: u64,
    pub(super) unreadable: u64,
    pub(super) specials: u64,
}

/// Up to where all is in the two files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The path looked at last.
    at: Vec<u8>,
    /// How long the compressed file is, bytes.
    pub(super) archive: u64,
    /// How long the list is, bytes.
    pub(super) list: u64,
    /// The bar, bytes.
    pub(super) passed: u64,
    pub(super) counts: Counts,
}

/// Packs the rest of the folder behind `mark`; `save` makes of a mark what a checkpoint holds.
pub(super) async fn pack<C: Serialize>(
    ctx: &Ctx,
    folder: &Path,
    files: &Files,
    level: i32,
    mark: Mark,
    save: impl Fn(&Mark) -> C,
) -> Result<Mark, TaskError> {
    let root = folder.to_owned();
    let walk = if mark.at.is_empty() { Walk::new(root) } else { Walk::behind(&mark.at, root) };
    let list = if mark.list == 0 {
        EntryWriter::create(&files.list)
    } else {
        EntryWriter::continue_at(mark.list, &files.list)
    };
    let packer = Packer {
        ctx: ctx.clone(),
        folder: folder.to_owned(),
        top: files.top.clone(),
        walk: walk.map_err(|error| TaskError::io("reading the folder", &error))?,
        frames: Frames::open(&files.archive, mark.archive, level).map_err(writing)?,
        list: list.map_err(writing)?,
        file: None,
        linked: HashMap::new(),
        chunk: vec![0; CHUNK],
        counts: mark.counts.clone(),
        passed: mark.passed,
        mark,
        warned: false,
    };
    let packer = in_saved_slices(ctx, packer, Packer::step, |packer| {
        packer.keep()?;
        Ok(save(&packer.mark))
    })
    .await?;
    Ok(packer.mark)
}

fn writing(error: io::Error) -> TaskError {
    TaskError::io("writing the archive", &error)
}

struct Packer {
    ctx: Ctx,
    folder: PathBuf,
    /// The folder's own name, and a slash: what all names in the archive begin with.
    top: Vec<u8>,
    walk: Walk,
    frames: Frames,
    list: EntryWriter,
    /// The file that is being read.
    file: Option<InWork>,
    /// By device and number, the files that have other names, and under which they are in the archive.
    linked: HashMap<(u64, u64), Vec<u8>>,
    chunk: Vec<u8>,
    counts: Counts,
    passed: u64,
    mark: Mark,
    /// Whether there was a warning since the mark: it is to be counted with it, neither before nor twice.
    warned: bool,
}

struct InWork {
    file: File,
    entry: Entry,
    hasher: Hasher,
    before: Version,
    read: u64,
    /// Why the rest is filled with zeros, where it is.
    lost: Option<String>,
}

impl Packer {
    /// Reads the next chunk of the open file, or adds what comes next.
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if let Some(file) = self.file.take() {
            self.read(file)?;
            return Ok(ControlFlow::Continue(()));
        }
        if self.warned || self.frames.unpacked >= FRAME {
            self.keep()?;
        }
        match self.walk.next() {
            None => {
                self.frames.write(&[0; 2 * BLOCK]).map_err(writing)?;
                self.keep()?;
                return Ok(ControlFlow::Break(()));
            }
            Some(Found::Folder { path }) => match fs::symlink_metadata(beneath(&self.folder, &path)) {
                Ok(meta) => {
                    self.counts.folders += 1;
                    self.add(&meta, EntryType::Directory, path, b"")?;
                }
                Err(error) => self.leave_out(&path, 0, &error),
            },
            Some(Found::Link { path }) => {
                let real = beneath(&self.folder, &path);
                match fs::read_link(&real).and_then(|target| Ok((target, fs::symlink_metadata(&real)?))) {
                    Ok((target, meta)) => {
                        self.counts.symbolic_links += 1;
                        self.add(&meta, EntryType::Symlink, path, &target.into_os_string().into_vec())?;
                    }
                    Err(error) => self.leave_out(&path, 0, &error),
                }
            }
            Some(Found::File { path, size }) => self.open(path, size)?,
            Some(Found::Special { path }) => {
                self.counts.specials += 1;
                self.warn(&path, "left out: it is a device, a socket or a pipe");
            }
            Some(Found::Unreadable { path, error }) => self.leave_out(&path, 0, &error),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Adds what has no content.
    fn add(&mut self, meta: &Metadata, entry: EntryType, path: Vec<u8>, target: &[u8]) -> Result<(), TaskError> {
        let head = head(meta, entry, &self.named(&path), target, 0);
        self.frames.write(&head).map_err(writing)?;
        self.list.write(&Entry { size: 0, expected: None, path }).map_err(writing)
    }

    fn open(&mut self, path: Vec<u8>, size: u64) -> Result<(), TaskError> {
        let opened = open_inside(&self.folder, &path).and_then(|(file, before)| Ok((file.metadata()?, file, before)));
        let (meta, file, before) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.leave_out(&path, size, &error);
                return Ok(());
            }
        };
        if meta.nlink() > 1 {
            if let Some(first) = self.linked.get(&(meta.dev(), meta.ino())).cloned() {
                self.counts.hard_links += 1;
                self.pass(size);
                return self.add(&meta, EntryType::Link, path, &first);
            }
            if self.linked.len() < MOST_LINKED {
                self.linked.insert((meta.dev(), meta.ino()), self.named(&path));
            }
        }
        let head = head(&meta, EntryType::Regular, &self.named(&path), b"", meta.len());
        self.frames.write(&head).map_err(writing)?;
        let entry = Entry { size: meta.len(), expected: None, path };
        // What Scan saw is what the bar counts on.
        let hasher = Hasher::new(Algorithm::Blake3);
        self.pass(size.saturating_sub(meta.len()));
        self.file = Some(InWork { file, entry, hasher, before, read: 0, lost: None });
        Ok(())
    }

    /// Packs as much as the header said, whatever has become of the file.
    fn read(&mut self, mut work: InWork) -> Result<(), TaskError> {
        let left = work.entry.size - work.read;
        if left == 0 {
            return self.close(work);
        }
        let wanted = left.min(self.chunk.len() as u64) as usize;
        let chunk = &mut self.chunk[..wanted];
        let length = if work.lost.is_some() {
            chunk.fill(0);
            wanted
        } else {
            match work.file.read(chunk) {
                Ok(0) => {
                    work.lost = Some(format!("was cut short after {} B while it was being read", work.read));
                    0
                }
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) => {
                    work.lost = Some(format!("could be read up to {} B only: {error}", work.read));
                    0
                }
            }
        };
        let chunk = &self.chunk[..length];
        work.hasher.update(chunk);
        self.frames.write(chunk).map_err(writing)?;
        work.read += length as u64;
        self.pass(length as u64);
        self.file = Some(work);
        Ok(())
    }

    fn close(&mut self, work: InWork) -> Result<(), TaskError> {
        let InWork { file, mut entry, hasher, before, lost, .. } = work;
        self.frames.write(&[0; BLOCK][..filling(entry.size) as usize]).map_err(writing)?;
        entry.expected = Some(hasher.finish());
        self.list.write(&entry).map_err(writing)?;
        self.counts.files += 1;
        self.counts.bytes += entry.size;
        let changed = file.metadata().map_or(true, |meta| Version::of(&meta) != before);
        if let Some(lost) = lost {
            self.counts.incomplete += 1;
            self.warn(&entry.path, &format!("{lost}; the rest of it is zeros in the archive"));
        } else if changed {
            self.counts.incomplete += 1;
            self.warn(&entry.path, "was written to while it was being read; the archive may hold a mixture");
        }
        Ok(())
    }

    /// Makes the mark of where everything is now; between two members only.
    fn keep(&mut self) -> Result<(), TaskError> {
        if self.file.is_none() {
            self.mark = Mark {
                at: self.walk.place().to_vec(),
                archive: self.frames.end().map_err(writing)?,
                list: self.list.length().map_err(writing)?,
                passed: self.passed,
                counts: self.counts.clone(),
            };
            self.warned = false;
        }
        Ok(())
    }

    fn pass(&mut self, size: u64) {
        self.passed += size;
        self.ctx.advance(size);
    }

    fn leave_out(&mut self, path: &[u8], size: u64, error: &io::Error) {
        self.counts.unreadable += 1;
        self.pass(size);
        self.warn(path, &format!("left out: {error}"));
    }

    fn warn(&mut self, path: &[u8], text: &str) {
        self.ctx.warn(format!("{}: {text}", shown(path)));
        self.warned = true;
    }

    fn named(&self, path: &[u8]) -> Vec<u8> {
        [&self.top, path].concat()
    }
}
