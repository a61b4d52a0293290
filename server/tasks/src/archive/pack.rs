//! The Pack stage: walks the folder in the order of paths and appends a member for each entry to the compressed file
//! and to a list for Verify. A later attempt can continue after each frame: between two members, or inside a large
//! file.

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
    frame_writer::FrameWriter,
    header::encode_header,
    tar_reader::{BLOCK, padding},
};
use crate::{
    checksum::{
        digest::{Algorithm, Hasher},
        spool::{Entry, EntryWriter},
    },
    file_version::{Version, open_unlinked},
    time_slices::{in_checkpointed_slices, in_time_slices},
    walk::{Found, Walk, printable_path},
};

/// Most files whose hard links are recognised. Further links are packed as files.
const MAX_HARD_LINKS: usize = 50_000;

/// Counts of what is in the archive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) files: u64,
    /// Their size, bytes.
    pub(super) bytes: u64,
    pub(super) folders: u64,
    pub(super) symbolic_links: u64,
    pub(super) hard_links: u64,
    /// Changed while they were read, or readable only in part.
    pub(super) incomplete: u64,
    pub(super) unreadable: u64,
    pub(super) specials: u64,
}

/// A position at which both files are complete.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// Last path of the walk.
    at: Vec<u8>,
    /// Length of the compressed file, bytes.
    pub(super) archive: u64,
    /// Length of the list, bytes.
    pub(super) list: u64,
    /// Progress, bytes.
    pub(super) passed: u64,
    pub(super) counts: Counts,
    /// The last file, if it is only partly in the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) half: Option<PartialFile>,
}

/// A partly packed file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartialFile {
    version: Version,
    /// Size in its header, bytes.
    size: u64,
    /// Packed bytes; 0 if the file must be packed from its start.
    pub(super) read: u64,
    start: FileStart,
}

/// The position before a file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct FileStart {
    /// Length of the compressed file, bytes.
    archive: u64,
    /// Progress, bytes.
    passed: u64,
}

pub(super) struct PackOptions<'a> {
    pub(super) folder: &'a RootedFolder,
    pub(super) files: &'a Files,
    /// Compression level.
    pub(super) level: i32,
    /// Least uncompressed bytes of a frame.
    pub(super) frame: u64,
    /// Bytes of all files, counted by Scan.
    pub(super) size: u64,
}

/// Packs the rest of the folder after `mark`; `save` makes the content of a checkpoint from a mark.
pub(super) async fn pack<C: Serialize>(
    ctx: &Ctx,
    order: PackOptions<'_>,
    mark: Position,
    save: impl Fn(&Position) -> C,
) -> Result<Position, TaskError> {
    let file = match &mark.half {
        Some(half) => rehash(ctx, order.folder, &mark.at, half).await?,
        None => None,
    };
    let mut packer = Packer::open(ctx, order, mark, file)?;
    ctx.continue_at(packer.passed);
    packer.begin()?;
    let packer = in_checkpointed_slices(ctx, packer, Packer::step, |packer| {
        // A checkpoint must count exactly the warnings before its mark.
        if packer.warned {
            packer.save_position()?;
        }
        Ok(save(&packer.mark))
    })
    .await?;
    Ok(packer.mark)
}

/// Hashes the packed part of a file again. `None` if the file has changed and must be packed from its start.
async fn rehash(
    ctx: &Ctx,
    folder: &RootedFolder,
    path: &[u8],
    half: &PartialFile,
) -> Result<Option<OpenFile>, TaskError> {
    let Ok((file, before)) = open_unlinked(folder, path) else { return Ok(None) };
    let entry = Entry { size: half.size, expected: None, path: path.to_vec() };
    let hasher = Hasher::new(Algorithm::Blake3);
    let work = OpenFile { file, entry, hasher, before, read: 0, lost: None, start: Some(half.start) };
    let until = half.read;
    let (work, _) = in_time_slices(ctx, (work, vec![0; CHUNK]), move |(work, chunk)| {
        let wanted = (until - work.read).min(CHUNK as u64) as usize;
        match work.file.read(&mut chunk[..wanted]) {
            // The file became shorter or unreadable.
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
    /// Name of the folder and a slash: the prefix of all names in the archive.
    top: Vec<u8>,
    walk: Walk,
    frames: FrameWriter,
    frame: u64,
    list: EntryWriter,
    /// The open file.
    file: Option<OpenFile>,
    /// Files with hard links: their names in the archive by device and inode.
    linked: HashMap<(u64, u64), Vec<u8>>,
    chunk: Vec<u8>,
    counts: Counts,
    passed: u64,
    /// Total of the progress, bytes.
    total: u64,
    mark: Position,
    /// Whether there was a warning after the mark. It must be counted with the next mark, exactly once.
    warned: bool,
}

struct OpenFile {
    file: File,
    entry: Entry,
    hasher: Hasher,
    before: Version,
    read: u64,
    /// The read error after which the rest is filled with zeros.
    lost: Option<String>,
    /// Position before the file, if a frame begins there.
    start: Option<FileStart>,
}

impl OpenFile {
    fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| Version::of(&meta) == self.before)
    }
}

impl Packer {
    /// Continues at the mark. `file` is the file that is partly packed there, unless it has changed.
    fn open(ctx: &Ctx, order: PackOptions<'_>, mut mark: Position, file: Option<OpenFile>) -> Result<Self, TaskError> {
        let PackOptions { folder, files, level, frame, size } = order;
        if let (None, Some(half)) = (&file, &mut mark.half) {
            half.read = 0;
            (mark.archive, mark.passed) = (half.start.archive, half.start.passed);
        }
        let root = folder.clone();
        let walk = if mark.at.is_empty() { Walk::new(root) } else { Walk::resume_after(&mark.at, root) };
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
            frames: FrameWriter::open(&files.archive, mark.archive, level, ctx.budget()).map_err(writing)?,
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

    /// Adds what the walk no longer returns: the folder itself, or a partly packed file that has changed.
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

    /// Reads the next chunk of the open file, or adds the next entry.
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if self.warned || self.frames.unpacked >= self.frame {
            self.save_position()?;
        }
        if let Some(file) = self.file.take() {
            self.read(file)?;
            return Ok(ControlFlow::Continue(()));
        }
        match self.walk.next() {
            None => {
                self.frames.write(&[0; 2 * BLOCK]).map_err(writing)?;
                self.save_position()?;
                return Ok(ControlFlow::Break(()));
            }
            Some(Found::Folder { path }) => match self.folder.metadata_of(&path) {
                Ok(meta) => {
                    self.counts.folders += 1;
                    self.add(&meta, EntryType::Directory, path, b"")?;
                }
                Err(error) => self.skip_unreadable(&path, 0, &error),
            },
            Some(Found::Link { path }) => match self.folder.read_link(&path) {
                Ok((target, meta)) => {
                    self.counts.symbolic_links += 1;
                    self.add(&meta, EntryType::Symlink, path, &target)?;
                }
                Err(error) => self.skip_unreadable(&path, 0, &error),
            },
            Some(Found::File { path, size }) => self.add_file(path, size)?,
            Some(Found::Special { path }) => {
                self.counts.specials += 1;
                self.warn(&path, "skipped: device, socket or pipe");
            }
            Some(Found::Unreadable { path, error }) => self.skip_unreadable(&path, 0, &error),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Adds a member without content.
    fn add(&mut self, meta: &Metadata, entry: EntryType, path: Vec<u8>, target: &[u8]) -> Result<(), TaskError> {
        let head = encode_header(meta, entry, &self.member_name(&path), target, 0);
        self.frames.write(&head).map_err(writing)?;
        self.list.write(&Entry { size: 0, expected: None, path }).map_err(writing)
    }

    /// Begins a file; `size` is its part of the progress.
    fn add_file(&mut self, path: Vec<u8>, size: u64) -> Result<(), TaskError> {
        let opened = open_unlinked(&self.folder, &path).and_then(|(file, before)| Ok((file.metadata()?, file, before)));
        let (meta, file, before) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.skip_unreadable(&path, size, &error);
                return Ok(());
            }
        };
        if meta.nlink() > 1 {
            if let Some(first) = self.linked.get(&(meta.dev(), meta.ino())).cloned() {
                self.counts.hard_links += 1;
                self.advance(size);
                return self.add(&meta, EntryType::Link, path, &first);
            }
            if self.linked.len() < MAX_HARD_LINKS {
                self.linked.insert((meta.dev(), meta.ino()), self.member_name(&path));
            }
        }
        self.advance(size.saturating_sub(meta.len()));
        let start = if meta.len() > self.frame {
            Some(FileStart { archive: self.frames.end().map_err(writing)?, passed: self.passed })
        } else {
            None
        };
        let head = encode_header(&meta, EntryType::Regular, &self.member_name(&path), b"", meta.len());
        self.frames.write(&head).map_err(writing)?;
        let entry = Entry { size: meta.len(), expected: None, path };
        let hasher = Hasher::new(Algorithm::Blake3);
        self.file = Some(OpenFile { file, entry, hasher, before, read: 0, lost: None, start });
        Ok(())
    }

    /// Packs as many bytes as the header declares, even if the file has changed.
    fn read(&mut self, mut work: OpenFile) -> Result<(), TaskError> {
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
        self.advance(length as u64);
        self.file = Some(work);
        Ok(())
    }

    fn close(&mut self, work: OpenFile) -> Result<(), TaskError> {
        let changed = !work.is_unchanged();
        let OpenFile { mut entry, hasher, lost, .. } = work;
        self.frames.write(&[0; BLOCK][..padding(entry.size) as usize]).map_err(writing)?;
        entry.expected = Some(hasher.finish());
        self.list.write(&entry).map_err(writing)?;
        self.counts.files += 1;
        self.counts.bytes += entry.size;
        if let Some(lost) = lost {
            self.counts.incomplete += 1;
            self.warn(&entry.path, &format!("{lost}; the rest is zeros in the archive"));
        } else if changed {
            self.counts.incomplete += 1;
            self.warn(&entry.path, "changed while it was being read; the archive may hold a mixture");
        }
        Ok(())
    }

    /// Moves the mark to the current position, unless a small file is being read.
    fn save_position(&mut self) -> Result<(), TaskError> {
        let half = match &self.file {
            None => None,
            // The rest is filled with zeros; a later attempt would not know why.
            Some(OpenFile { start: None, .. } | OpenFile { lost: Some(_), .. }) => return Ok(()),
            Some(OpenFile { before, entry, read, start: Some(start), .. }) => {
                Some(PartialFile { version: before.clone(), size: entry.size, read: *read, start: *start })
            }
        };
        self.mark = Position {
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

    fn advance(&mut self, size: u64) {
        self.passed += size;
        self.ctx.advance(size);
        if self.passed > self.total {
            // Files were added or have grown since Scan.
            self.total = self.passed;
            self.ctx.total(self.total, "B");
        }
    }

    fn skip_unreadable(&mut self, path: &[u8], size: u64, error: &io::Error) {
        self.counts.unreadable += 1;
        self.advance(size);
        self.warn(path, &format!("left out: {error}"));
    }

    fn warn(&mut self, path: &[u8], text: &str) {
        self.ctx.warn(format!("{}: {text}", printable_path(path)));
        self.warned = true;
    }

    fn member_name(&self, path: &[u8]) -> Vec<u8> {
        [&self.top, path].concat()
    }
}
