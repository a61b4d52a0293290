//! The Hash stage: as many workers as the pool has threads take one entry after the other.

use std::{
    fs::{self, File},
    io::{self, Read},
    ops::ControlFlow,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use engine::{Ctx, TaskError};
use futures_util::future::try_join_all;

use super::{
    digest::{Algorithm, Digest, Hasher},
    shown,
    spool::{Entry, EntryReader, Outcome, Outcomes},
    walk::beneath,
};
use crate::tasks::slices::in_slices;

/// How much is read before the next look at whether to stop.
const CHUNK: usize = 256 * 1024;

/// What all workers share.
pub(super) struct Work {
    /// Where the entries lie.
    pub(super) folder: PathBuf,
    pub(super) algorithm: Algorithm,
    /// The entries left, and the number of the next.
    pub(super) entries: Mutex<(EntryReader, u64)>,
    pub(super) outcomes: Outcomes,
    pub(super) counts: Counts,
}

/// What the workers met.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) hashed: AtomicU64,
    /// Bytes read of them.
    pub(super) bytes: AtomicU64,
    pub(super) changing: AtomicU64,
    pub(super) missing: AtomicU64,
    pub(super) unreadable: AtomicU64,
}

/// Hashes every entry. Advances by bytes, for each file exactly by the size that Scan saw, whatever it has now.
pub(super) async fn hash_all(ctx: &Ctx, work: &Arc<Work>) -> Result<(), TaskError> {
    let workers = (0..ctx.parallelism()).map(|_| {
        let worker = Worker { work: Arc::clone(work), ctx: ctx.clone(), file: None, chunk: vec![0; CHUNK] };
        in_slices(ctx, worker, Worker::step)
    });
    try_join_all(workers).await.map(drop)
}

struct Worker {
    work: Arc<Work>,
    ctx: Ctx,
    file: Option<InWork>,
    chunk: Vec<u8>,
}

/// A file that is being read.
struct InWork {
    index: u64,
    entry: Entry,
    file: File,
    hasher: Hasher,
    /// Its state when it was opened.
    before: Version,
    read: u64,
}

impl Worker {
    /// Opens the next file, or reads the next chunk of the open one.
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if let Some(file) = self.file.take() {
            self.read(file)?;
            return Ok(ControlFlow::Continue(()));
        }
        let next = {
            let mut entries = self.work.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let index = entries.1;
            entries.1 += 1;
            entries
                .0
                .read()
                .map_err(|error| TaskError::io("reading the list of files", &error))?
                .map(|entry| (index, entry))
        };
        let Some((index, entry)) = next else { return Ok(ControlFlow::Break(())) };
        match open_inside(&self.work.folder, &entry.path) {
            Ok((file, before)) => {
                let hasher = Hasher::new(self.work.algorithm);
                self.file = Some(InWork { index, entry, file, hasher, before, read: 0 });
            }
            Err(error) => self.give_up(index, &entry, 0, &error)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn read(&mut self, mut file: InWork) -> Result<(), TaskError> {
        match file.file.read(&mut self.chunk) {
            Ok(0) => self.close(file),
            Ok(length) => {
                file.hasher.update(&self.chunk[..length]);
                let expected = file.entry.size.saturating_sub(file.read);
                self.ctx.advance(expected.min(length as u64));
                file.read += length as u64;
                self.file = Some(file);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.file = Some(file);
                Ok(())
            }
            Err(error) => self.give_up(file.index, &file.entry, file.read, &error),
        }
    }

    fn close(&mut self, file: InWork) -> Result<(), TaskError> {
        let InWork { index, entry, file, hasher, before, read } = file;
        self.ctx.advance(entry.size.saturating_sub(read));
        let after = file.metadata().map(|meta| Version::of(&meta));
        let digest: Digest = hasher.finish();
        let counts = &self.work.counts;
        counts.hashed.fetch_add(1, Ordering::Relaxed);
        counts.bytes.fetch_add(read, Ordering::Relaxed);
        let outcome = if after.is_ok_and(|after| after == before) {
            Outcome::Hashed(digest)
        } else {
            counts.changing.fetch_add(1, Ordering::Relaxed);
            self.ctx.warn(format!("{}: was written to while it was being read", shown(&entry.path)));
            Outcome::Changing(digest)
        };
        self.put(index, outcome)
    }

    /// Warns of a file that could not be read, all of it or the rest after `read` bytes, and goes on without it.
    fn give_up(&mut self, index: u64, entry: &Entry, read: u64, error: &io::Error) -> Result<(), TaskError> {
        self.ctx.advance(entry.size.saturating_sub(read));
        self.ctx.warn(format!("{}: {error}", shown(&entry.path)));
        let missing = error.kind() == io::ErrorKind::NotFound;
        let counts = &self.work.counts;
        let counter = if missing { &counts.missing } else { &counts.unreadable };
        counter.fetch_add(1, Ordering::Relaxed);
        self.put(index, if missing { Outcome::Missing } else { Outcome::Unreadable })
    }

    fn put(&self, index: u64, outcome: Outcome) -> Result<(), TaskError> {
        self.work.outcomes.put(index, outcome).map_err(|error| TaskError::io("keeping a checksum", &error))
    }
}

/// What changes when a file is written to.
#[derive(PartialEq, Eq)]
struct Version {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// Opens a regular file below `folder`. A manifest may name a path through a symbolic link; one that leads out of the
/// folder is refused. Never waits for the other end of a pipe that took a file's place.
fn open_inside(folder: &Path, path: &[u8]) -> io::Result<(File, Version)> {
    let real = real_inside(folder, path)?;
    let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(real)?;
    let meta = file.metadata()?;
    if meta.is_file() {
        Ok((file, Version::of(&meta)))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The real path behind a path below `folder`, itself real.
pub(super) fn real_inside(folder: &Path, path: &[u8]) -> io::Result<PathBuf> {
    let real = fs::canonicalize(beneath(folder, path))?;
    if real.starts_with(folder) {
        Ok(real)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link on the way leads out of the folder"))
    }
}
