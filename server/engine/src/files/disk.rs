//! Disk space of the data directory: the reserve for the database, and the write budget of jobs.
//!
//! [`RESERVE`] bytes stay free: uploads and the files of jobs stop there, so that the database can go on. A part of
//! them is held by a file. When even the database finds no room, it removes that file, and what it writes from then on
//! is only what makes room or ends something, until there is enough room to hold the file again.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use model::bytes;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::{DataDir, Error, Result};

/// Bytes that uploads and jobs leave free on the disk of the data directory.
pub const RESERVE: u64 = 64 << 20;
/// How much of the reserve a file holds, bytes.
const HELD: u64 = 16 << 20;
/// What must be free for the file to be made, bytes: some of it is left then.
const TO_HOLD: u64 = 2 * HELD;
/// With less than this at its start, a process lets go of the file at once, bytes.
const TO_START: u64 = 4 << 20;
/// How much a job writes between two looks at the free space, bytes.
const LOOK_EVERY: u64 = 1 << 20;

/// The disk of a data directory.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    /// The file that holds a part of the reserve.
    held: PathBuf,
}

impl Disk {
    /// Names it; changes nothing.
    pub fn new(data: &DataDir) -> Self {
        Self { folder: data.path().to_owned(), held: data.reserve() }
    }

    /// Whether `more` bytes have room beside the reserve.
    pub(crate) fn has_room(&self, more: u64) -> io::Result<bool> {
        let kept = if self.is_held() { RESERVE - HELD } else { RESERVE };
        Ok(self.free()? >= more.saturating_add(kept))
    }

    /// Refuses what has no room beside the reserve.
    ///
    /// # Errors
    /// `Error::Full`, `Error::Io`.
    pub(crate) fn check(&self, more: u64) -> Result<()> {
        let asking = |error| Error::of_io("asking for the free space of the data directory", error);
        if self.has_room(more).map_err(asking)? { Ok(()) } else { Err(Error::Full) }
    }

    /// How many bytes may still be written beside the reserve.
    pub(crate) fn room(&self) -> io::Result<u64> {
        let kept = if self.is_held() { RESERVE - HELD } else { RESERVE };
        Ok(self.free()?.saturating_sub(kept))
    }

    /// Gives the database the part of the reserve that is held.
    pub(crate) fn let_go(&self) {
        match fs::remove_file(&self.held) {
            Ok(()) => {
                tracing::warn!(
                    "the disk is full: using the database's reserve; nothing new starts until there is room"
                );
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::error!(file = %self.held.display(), %error, "cannot use the database's reserve"),
        }
    }

    /// Lets go where there is hardly any room to start with.
    pub(crate) fn make_room_to_start(&self) {
        if self.free().is_ok_and(|free| free < TO_START) {
            self.let_go();
        }
    }

    /// Whether the disk is so full that only what ends or removes something is written. Holds the file again where
    /// there is room for it.
    pub(crate) fn is_short(&self) -> bool {
        if self.is_held() {
            return false;
        }
        match self.free() {
            Ok(free) if free < TO_HOLD => true,
            Ok(_) => match self.hold() {
                Ok(()) => false,
                Err(error) => {
                    let _ = fs::remove_file(&self.held);
                    tracing::debug!(file = %self.held.display(), %error, "cannot hold the database's reserve");
                    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
                }
            },
            // Unknown. The database finds out.
            Err(_) => false,
        }
    }

    fn is_held(&self) -> bool {
        fs::metadata(&self.held).is_ok_and(|about| about.len() >= HELD)
    }

    fn hold(&self) -> io::Result<()> {
        let mut file = File::create(&self.held)?;
        match fallocate(&file, FallocateFlags::empty(), 0, HELD) {
            Ok(()) => Ok(()),
            // A file system that cannot allocate ahead.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                let zeros = vec![0; LOOK_EVERY as usize];
                (0..HELD / LOOK_EVERY).try_for_each(|_| file.write_all(&zeros))?;
                file.sync_all()
            }
            Err(error) => Err(error.into()),
        }
    }

    fn free(&self) -> io::Result<u64> {
        let about = statvfs(&self.folder)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }
}

/// What one attempt may write to the disk. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WriteBudget(Arc<Spent>);

#[derive(Debug)]
struct Spent {
    disk: Arc<Disk>,
    limit: u64,
    /// Bytes written so far.
    written: AtomicU64,
    /// Bytes written since the last look at the free space.
    unseen: AtomicU64,
}

impl WriteBudget {
    pub(crate) fn new(disk: Arc<Disk>, limit: u64) -> Self {
        Self(Arc::new(Spent { disk, limit, written: AtomicU64::new(0), unseen: AtomicU64::new(LOOK_EVERY) }))
    }

    /// Takes `bytes` from the budget, before they are written.
    ///
    /// # Errors
    /// `StorageFull` where the disk has no room for them beside the database's reserve, `FileTooLarge` where the
    /// attempt would write more than a job may.
    pub fn take(&self, more: u64) -> io::Result<()> {
        let written = self.0.written.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if written > self.0.limit {
            return Err(io::Error::new(ErrorKind::FileTooLarge, OverLimit(self.0.limit)));
        }
        let unseen = self.0.unseen.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if unseen < LOOK_EVERY {
            return Ok(());
        }
        self.0.unseen.store(0, Ordering::Relaxed);
        self.check(more)
    }

    /// Checks that `bytes` have room, without counting them.
    ///
    /// # Errors
    /// `StorageFull`.
    pub fn check(&self, more: u64) -> io::Result<()> {
        if self.0.disk.has_room(more)? { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
    }

    /// How many bytes have room on the disk beside the database's reserve.
    ///
    /// # Errors
    /// What the system says.
    pub fn room(&self) -> io::Result<u64> {
        self.0.disk.room()
    }

    /// Creates a file, empty if it is there, whose bytes count.
    ///
    /// # Errors
    /// As [`WriteBudget::take`] and [`File::create`].
    pub fn create(&self, path: &Path) -> io::Result<BudgetFile> {
        self.check(0)?;
        File::create(path).map(|file| self.of(file))
    }

    /// A file whose bytes count from now on.
    pub fn of(&self, file: File) -> BudgetFile {
        BudgetFile { file, budget: self.clone() }
    }
}

/// Why a job may not write more.
#[derive(Debug, thiserror::Error)]
#[error("the job would write more than {}, the most that one job may (--job-write-limit)", bytes(*.0))]
pub(crate) struct OverLimit(u64);

/// A file that an attempt writes within its budget.
#[derive(Debug)]
pub struct BudgetFile {
    file: File,
    budget: WriteBudget,
}

impl BudgetFile {
    /// The file itself, for all but writing.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Writes at a place, as [`FileExt::write_all_at`].
    ///
    /// # Errors
    /// As [`WriteBudget::take`] and [`FileExt::write_all_at`].
    pub fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.budget.take(bytes.len() as u64)?;
        self.file.write_all_at(bytes, at)
    }

    /// The same file once more.
    ///
    /// # Errors
    /// As [`File::try_clone`].
    pub fn try_clone(&self) -> io::Result<Self> {
        self.file.try_clone().map(|file| self.budget.of(file))
    }
}

impl Write for BudgetFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.budget.take(bytes.len() as u64)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for BudgetFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for BudgetFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
