//! Disk space of the data directory: the reserve for the database, and the write budget of jobs.
//!
//! [`RESERVE`] bytes stay free: uploads and files of jobs stop there, so that the database can continue. A file holds
//! part of the reserve. If even the database finds no space, that file is removed. From then on only writes that free
//! space or end something are accepted, until there is enough space to create the file again.

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
/// Size of the file that holds part of the reserve, bytes.
const HELD: u64 = 16 << 20;
/// Free bytes needed to create that file, so that some are left then.
const TO_HOLD: u64 = 2 * HELD;
/// A process that starts with less free space removes the file at once, bytes.
const TO_START: u64 = 4 << 20;
/// Bytes that a job writes between two checks of the free space.
const LOOK_EVERY: u64 = 1 << 20;

/// The disk of a data directory.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    /// The file that holds a part of the reserve.
    held: PathBuf,
}

impl Disk {
    /// The disk of `data`; changes nothing.
    pub fn new(data: &DataDir) -> Self {
        Self { folder: data.path().to_owned(), held: data.reserve() }
    }

    /// Whether `more` bytes fit without the reserve.
    pub(crate) fn has_room(&self, more: u64) -> io::Result<bool> {
        let kept = if self.is_held() { RESERVE - HELD } else { RESERVE };
        Ok(self.free()? >= more.saturating_add(kept))
    }

    /// Fails if `more` bytes do not fit without the reserve.
    ///
    /// # Errors
    /// `Error::Full`, `Error::Io`.
    pub(crate) fn check(&self, more: u64) -> Result<()> {
        let asking = |error| Error::of_io("asking for the free space of the data directory", error);
        if self.has_room(more).map_err(asking)? { Ok(()) } else { Err(Error::Full) }
    }

    /// Bytes that can be written without the reserve.
    pub(crate) fn room(&self) -> io::Result<u64> {
        let kept = if self.is_held() { RESERVE - HELD } else { RESERVE };
        Ok(self.free()?.saturating_sub(kept))
    }

    /// Frees the part of the reserve that the file holds.
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

    /// Frees the reserve if there is hardly any space at the start.
    pub(crate) fn make_room_to_start(&self) {
        if self.free().is_ok_and(|free| free < TO_START) {
            self.let_go();
        }
    }

    /// Whether the disk is so full that only writes that end or remove something are accepted. Creates the reserve file
    /// again if there is space for it.
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
            // Unknown; the database will find out.
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
            // The file system cannot allocate in advance.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                let zeros = vec![0; LOOK_EVERY as usize];
                (0..HELD / LOOK_EVERY).try_for_each(|_| file.write_all(&zeros))?;
                file.sync_all()
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that this user may still write.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let about = statvfs(&self.folder)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }
}

/// Bytes that one attempt may write to the disk. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WriteBudget(Arc<Spent>);

#[derive(Debug)]
struct Spent {
    disk: Arc<Disk>,
    limit: u64,
    /// Bytes written so far.
    written: AtomicU64,
    /// Bytes written since the last check of the free space.
    unseen: AtomicU64,
}

impl WriteBudget {
    pub(crate) fn new(disk: Arc<Disk>, limit: u64) -> Self {
        Self(Arc::new(Spent { disk, limit, written: AtomicU64::new(0), unseen: AtomicU64::new(LOOK_EVERY) }))
    }

    /// Takes `bytes` from the budget before they are written.
    ///
    /// # Errors
    /// `StorageFull` if they do not fit without the database's reserve, `FileTooLarge` if the attempt would exceed the
    /// limit of a job.
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

    /// Checks that `bytes` fit, without counting them.
    ///
    /// # Errors
    /// `StorageFull`.
    pub fn check(&self, more: u64) -> io::Result<()> {
        if self.0.disk.has_room(more)? { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
    }

    /// Bytes that fit on the disk without the database's reserve.
    ///
    /// # Errors
    /// The error of the system.
    pub fn room(&self) -> io::Result<u64> {
        self.0.disk.room()
    }

    /// Creates or truncates a file whose bytes count.
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

/// The write limit of a job is exceeded.
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
    /// The underlying file, for everything but writing.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Writes at an offset, as [`FileExt::write_all_at`].
    ///
    /// # Errors
    /// As [`WriteBudget::take`] and [`FileExt::write_all_at`].
    pub fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.budget.take(bytes.len() as u64)?;
        self.file.write_all_at(bytes, at)
    }

    /// Another handle of the same file.
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
