//! The Hash stage: one worker for each thread of the pool hashes entries. A checkpoint has the finished entries; a file
//! that was open is read again from its start.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::{Ctx, RootedFolder, TaskError};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    digest::{Algorithm, Digest, Hasher},
    spool::{Entry, EntryReader, Outcome, Outcomes},
};
use crate::{
    file_version::{Version, open_linked},
    time_slices::in_time_slices,
    walk::printable_path,
};

/// Bytes that are read between two checks for a cancel.
const CHUNK: usize = 256 * 1024;

/// Shared by all workers.
pub(super) struct Work {
    pub(super) folder: RootedFolder,
    pub(super) algorithm: Algorithm,
    pub(super) outcomes: Outcomes,
    queue: Mutex<Queue>,
}

struct Queue {
    entries: EntryReader,
    /// The number of the entry that `entries` reads next.
    next: u64,
    /// Entries below this number may be done by an earlier attempt.
    known: u64,
    done: Done,
}

/// The progress of Hash. With the outcomes it is enough for a later attempt to continue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Done {
    /// Entries below this number have been taken …
    taken: u64,
    /// … and all but these are done.
    open: BTreeSet<u64>,
    /// Bytes of the done entries, counted by Scan.
    pub(super) size: u64,
    pub(super) counts: Counts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) hashed: u64,
    /// Bytes read from them.
    pub(super) bytes: u64,
    pub(super) changing: u64,
    pub(super) missing: u64,
    pub(super) unreadable: u64,
}

impl Done {
    /// Number of entries that are done.
    pub(super) fn entries(&self) -> u64 {
        self.taken - self.open.len() as u64
    }
}

impl Work {
    /// Prepares the work on `entries`, of which some may be `done`.
    pub(super) fn new(
        folder: RootedFolder,
        algorithm: Algorithm,
        entries: EntryReader,
        outcomes: Outcomes,
        done: Done,
    ) -> Arc<Self> {
        let queue = Mutex::new(Queue { entries, next: 0, known: done.taken, done });
        Arc::new(Self { folder, algorithm, outcomes, queue })
    }

    /// Calls `look` with the progress, under the lock of the queue.
    pub(super) fn with_done<T>(&self, look: impl FnOnce(&Done) -> T) -> T {
        look(&self.queue().done)
    }

    pub(super) fn counts(&self) -> Counts {
        self.queue().done.counts.clone()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Takes the next entry that is not done, with its number.
    fn take(&mut self) -> io::Result<Option<(u64, Entry)>> {
        while let Some(entry) = self.entries.read()? {
            let index = self.next;
            self.next += 1;
            if index >= self.known {
                self.done.taken = self.next;
                self.done.open.insert(index);
            }
            if self.done.open.contains(&index) {
                return Ok(Some((index, entry)));
            }
        }
        Ok(None)
    }
}

/// Hashes all entries that are not done. Advances by bytes, for each file exactly by its size in Scan.
pub(super) async fn hash_all(ctx: &Ctx, work: &Arc<Work>) -> Result<(), TaskError> {
    let workers = (0..ctx.parallelism()).map(|_| {
        let worker = Worker { work: Arc::clone(work), ctx: ctx.clone(), file: None, chunk: vec![0; CHUNK] };
        in_time_slices(ctx, worker, Worker::step)
    });
    try_join_all(workers).await.map(drop)
}

struct Worker {
    work: Arc<Work>,
    ctx: Ctx,
    file: Option<OpenFile>,
    chunk: Vec<u8>,
}

/// A file that is being read.
struct OpenFile {
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
        let next = self.work.queue().take().map_err(|error| TaskError::io("reading the list of files", &error))?;
        let Some((index, entry)) = next else { return Ok(ControlFlow::Break(())) };
        match open_linked(&self.work.folder, &entry.path) {
            Ok((file, before)) => {
                let hasher = Hasher::new(self.work.algorithm);
                self.file = Some(OpenFile { index, entry, file, hasher, before, read: 0 });
            }
            Err(error) => self.skip_file(index, &entry, 0, &error)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn read(&mut self, mut file: OpenFile) -> Result<(), TaskError> {
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
            Err(error) => self.skip_file(file.index, &file.entry, file.read, &error),
        }
    }

    fn close(&mut self, file: OpenFile) -> Result<(), TaskError> {
        let OpenFile { index, entry, file, hasher, before, read } = file;
        self.ctx.advance(entry.size.saturating_sub(read));
        let after = file.metadata().map(|meta| Version::of(&meta));
        let digest: Digest = hasher.finish();
        let whole = after.is_ok_and(|after| after == before);
        self.finish(index, &entry, if whole { Outcome::Hashed(digest) } else { Outcome::Changing(digest) }, |counts| {
            counts.hashed += 1;
            counts.bytes += read;
            counts.changing += u64::from(!whole);
            (!whole).then(|| "changed while it was being read".to_owned())
        })
    }

    /// Skips a file that could not be read to its end, with a warning.
    fn skip_file(&mut self, index: u64, entry: &Entry, read: u64, error: &io::Error) -> Result<(), TaskError> {
        self.ctx.advance(entry.size.saturating_sub(read));
        let missing = error.kind() == io::ErrorKind::NotFound;
        self.finish(index, entry, if missing { Outcome::Missing } else { Outcome::Unreadable }, |counts| {
            *(if missing { &mut counts.missing } else { &mut counts.unreadable }) += 1;
            Some(error.to_string())
        })
    }

    /// Stores the outcome of an entry. `count` updates the counts and returns a warning, if any.
    fn finish(
        &self,
        index: u64,
        entry: &Entry,
        outcome: Outcome,
        count: impl FnOnce(&mut Counts) -> Option<String>,
    ) -> Result<(), TaskError> {
        self.work.outcomes.put(index, outcome).map_err(|error| TaskError::io("storing a checksum", &error))?;
        // Under one lock, so that a checkpoint is consistent.
        let mut queue = self.work.queue();
        let done = &mut queue.done;
        done.open.remove(&index);
        done.size += entry.size;
        if let Some(warning) = count(&mut done.counts) {
            self.ctx.warn(format!("{}: {warning}", printable_path(&entry.path)));
        }
        Ok(())
    }
}
