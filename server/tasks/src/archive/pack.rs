//! The Pack stage: goes through the folder in the order of paths and adds one member after the other to the compressed
//! file; beside it grows the list of what went into it. An attempt can go on wherever a frame ends: between two members, or
//! in the middle of a large file.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::{self, ErrorKind, Read},
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
};

use engine::{Ctx, RootedFolder, TaskError};
use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::{
    CHUNK, Files,
    frames::Frames,
    head::head,
    members::{BLOCK, filling},
};
use crate::{
    checksum::{
        digest::{Algorithm, Hasher},
        spool::{Entry, EntryWriter},
    },
    file_version::{Version, open_unlinked},
    time_slices::{in_checkpointed_slices, in_time_slices},
    walk::{Found, Walk, shown},
};

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
    /// The file looked at last, where only a part of it is in the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) half: Option<Half>,
}

/// A file that is half packed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Half {
    version: Version,
    /// Its bytes, as its header in the archive says.
    size: u64,
    /// How many of them are packed; 0 where the file is to be packed from its beginning.
    pub(super) read: u64,
    start: Start,
}

/// Where a file begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Start {
    /// How long the compressed file was before it, bytes.
    archive: u64,
    /// Where the bar was, bytes.
    passed: u64,
}

/// What is to be packed, and how.
pub(super) struct Order<'a> {
    pub(super) folder: &'a RootedFolder,
    pub(super) files: &'a Files,
    /// Of compression.
    pub(super) level: i32,
    /// A frame ends once it holds so much, bytes.
    pub(super) frame: u64,
    /// Bytes of all files, as Scan saw them.
    pub(super) size: u64,
}

/// Packs the rest of the folder behind `mark`; `save` makes of a mark what a checkpoint holds.
pub(super) async fn pack<C: Serialize>(
    ctx: &Ctx,
    order: Order<'_>,
    mark: Mark,
    save: impl Fn(&Mark) -> C,
) -> Result<Mark, TaskError> {
    let file = match &mark.half {
        Some(half) => read_again(ctx, order.folder, &mark.at, half).await?,
        None => None,
    };
    let mut packer = Packer::open(ctx, order, mark, file)?;
    ctx.continue_at(packer.passed);
    packer.begin()?;
    let packer = in_checkpointed_slices(ctx, packer, Packer::step, |packer| {
        // The warnings of a checkpoint are those of its mark.
        if packer.warned {
            packer.keep()?;
        }
        Ok(save(&packer.mark))
    })
    .await?;
    Ok(packer.mark)
}

/// Reads once more what is packed of a file already, for its digest. `None` where it is to be packed from its beginning,
/// since it is not the same any more.
async fn read_again(ctx: &Ctx, folder: &RootedFolder, path: &[u8], half: &Half) -> Result<Option<InWork>, TaskError> {
    let Ok((file, before)) = open_unlinked(folder, path) else { return Ok(None) };
    let entry = Entry { size: half.size, expected: None, path: path.to_vec() };
    let hasher = Hasher::new(Algorithm::Blake3);
    let work = InWork { file, entry, hasher, before, read: 0, lost: None, start: Some(half.start) };
    let until = half.read;
    let (work, _) = in_time_slices(ctx, (work, vec![0; CHUNK]), move |(work, chunk)| {
        let wanted = (until - work.read).min(CHUNK as u64) as usize;
        match work.file.read(&mut chunk[..wanted]) {
            // Shorter than it was, or not to be read any more.
            Ok(0) => return Ok(ControlFlow::Break(())),
            Ok(length) => {
                work.hasher.update(&chunk[..length]);
                work.read += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    let same = work.before == half.version && work.is_unchanged() && work.read == until;
    Ok((same && until > 0).then_some(work))
}

fn writing(error: io::Error) -> TaskError {
    TaskError::io("writing the archive", &error)
}

struct Packer {
    ctx: Ctx,
    folder: RootedFolder,
    /// The folder's own name, and a slash: what all names in the archive begin with.
    top: Vec<u8>,
    walk: Walk,
    frames: Frames,
    frame: u64,
    list: EntryWriter,
    /// The file that is being read.
    file: Option<InWork>,
    /// By device and number, the files that have other names, and under which they are in the archive.
    linked: HashMap<(u64, u64), Vec<u8>>,
    chunk: Vec<u8>,
    counts: Counts,
    passed: u64,
    /// The most that the bar counts on, bytes.
    total: u64,
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
    /// Where it begins, if a frame does so there.
    start: Option<Start>,
}

impl InWork {
    fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| Version::of(&meta) == self.before)
    }
}

impl Packer {
    /// Goes to the mark; `file` is the one that is half packed there, unless it has changed since.
    fn open(ctx: &Ctx, order: Order<'_>, mut mark: Mark, file: Option<InWork>) -> Result<Self, TaskError> {
        let Order { folder, files, level, frame, size } = order;
        if let (None, Some(half)) = (&file, &mut mark.half) {
            half.read = 0;
            (mark.archive, mark.passed) = (half.start.archive, half.start.passed);
        }
        let root = folder.clone();
        let walk = if mark.at.is_empty() { Walk::new(root) } else { Walk::behind(&mark.at, root) };
        let list = if mark.list == 0 {
            EntryWriter::create(&files.list, ctx.budget())
        } else {
            EntryWriter::continue_at(mark.list, &files.list, ctx.budget())
        };
        Ok(Self {
            ctx: ctx.clone(),
            folder: folder.clone(),
            top: files.top.clone(),
            walk: walk.map_err(|error| TaskError::io("reading the folder", &error))?,
            frames: Frames::open(&files.archive, mark.archive, level, ctx.budget()).map_err(writing)?,
            frame,
            list: list.map_err(writing)?,
            file,
            linked: HashMap::new(),
            chunk: vec![0; CHUNK],
            counts: mark.counts.clone(),
            passed: mark.passed,
            total: size,
            mark,
            warned: false,
        })
    }

    /// Adds what the walk does not come across any more: the folder itself, or the file that has changed since it was
    /// half packed.
    fn begin(&mut self) -> Result<(), TaskError> {
        if self.mark.archive == 0 {
            let meta = self.folder.metadata().map_err(|error| TaskError::io("reading the folder", &error))?;
            return self.add(&meta, EntryType::Directory, Vec::new(), b"");
        }
        match (&self.file, &self.mark.half) {
            (None, Some(half)) => self.add_file(self.mark.at.clone(), half.size),
            (Some(_), _) | (None, None) => Ok(()),
        }
    }

    /// Reads the next chunk of the open file, or adds what comes next.
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if self.warned || self.frames.unpacked >= self.frame {
            self.keep()?;
        }
        if let Some(file) = self.file.take() {
            self.read(file)?;
            return Ok(ControlFlow::Continue(()));
        }
        match self.walk.next() {
            None => {
                self.frames.write(&[0; 2 * BLOCK]).map_err(writing)?;
                self.keep()?;
                return Ok(ControlFlow::Break(()));
            }
            Some(Found::Folder { path }) => match self.folder.metadata_of(&path) {
                Ok(meta) => {
                    self.counts.folders += 1;
                    self.add(&meta, EntryType::Directory, path, b"")?;
                }
                Err(error) => self.leave_out(&path, 0, &error),
            },
            Some(Found::Link { path }) => match self.folder.read_link(&path) {
                Ok((target, meta)) => {
                    self.counts.symbolic_links += 1;
                    self.add(&meta, EntryType::Symlink, path, &target)?;
                }
                Err(error) => self.leave_out(&path, 0, &error),
            },
            Some(Found::File { path, size }) => self.add_file(path, size)?,
            Some(Found::Special { path }) => {
                self.counts.specials += 1;
                self.warn(&path, "skipped: device, socket or pipe");
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

    /// Begins a file; `size` is what the bar counts on.
    fn add_file(&mut self, path: Vec<u8>, size: u64) -> Result<(), TaskError> {
        let opened = open_unlinked(&self.folder, &path).and_then(|(file, before)| Ok((file.metadata()?, file, before)));
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
        self.pass(size.saturating_sub(meta.len()));
        let start = if meta.len() > self.frame {
            Some(Start { archive: self.frames.end().map_err(writing)?, passed: self.passed })
        } else {
            None
        };
        let head = head(&meta, EntryType::Regular, &self.named(&path), b"", meta.len());
        self.frames.write(&head).map_err(writing)?;
        let entry = Entry { size: meta.len(), expected: None, path };
        let hasher = Hasher::new(Algorithm::Blake3);
        self.file = Some(InWork { file, entry, hasher, before, read: 0, lost: None, start });
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
        let changed = !work.is_unchanged();
        let InWork { mut entry, hasher, lost, .. } = work;
        self.frames.write(&[0; BLOCK][..filling(entry.size) as usize]).map_err(writing)?;
        entry.expected = Some(hasher.finish());
        self.list.write(&entry).map_err(writing)?;
        self.counts.files += 1;
        self.counts.bytes += entry.size;
        if let Some(lost) = lost {
            self.counts.incomplete += 1;
            self.warn(&entry.path, &format!("{lost}; the rest of it is zeros in the archive"));
        } else if changed {
            self.counts.incomplete += 1;
            self.warn(&entry.path, "changed while it was being read; the archive may hold a mixture");
        }
        Ok(())
    }

    /// Makes the mark of where everything is now, unless a small file is being read.
    fn keep(&mut self) -> Result<(), TaskError> {
        let half = match &self.file {
            None => None,
            // What is left of it is filled with zeros, for a reason that another attempt would not know.
            Some(InWork { start: None, .. } | InWork { lost: Some(_), .. }) => return Ok(()),
            Some(InWork { before, entry, read, start: Some(start), .. }) => {
                Some(Half { version: before.clone(), size: entry.size, read: *read, start: *start })
            }
        };
        self.mark = Mark {
            at: self.walk.place().to_vec(),
            archive: self.frames.end().map_err(writing)?,
            list: self.list.length().map_err(writing)?,
            passed: self.passed,
            counts: self.counts.clone(),
            half,
        };
        self.warned = false;
        Ok(())
    }

    fn pass(&mut self, size: u64) {
        self.passed += size;
        self.ctx.advance(size);
        if self.passed > self.total {
            // Files have grown or come since Scan.
            self.total = self.passed;
            self.ctx.total(self.total, "B");
        }
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
