//! One lock file per living process: whoever can take a process's lock knows that it is dead.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    path::PathBuf,
};

use crate::{DataDir, Error, Result, store::BootId};

/// This process's own lock. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct NodeLock {
    path: PathBuf,
    _held: File,
}

impl NodeLock {
    /// Takes the lock of `boot`, which is new.
    pub(crate) fn take(data: &DataDir, boot: &BootId) -> Result<Self> {
        let path = path_of(data, boot);
        let taken = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.try_lock().map_err(std::io::Error::from)?;
            // For people who look: the lock counts, not the number.
            writeln!(file, "{}", std::process::id())?;
            Ok(file)
        };
        let held = taken().map_err(|source| Error::of_io(format!("locking {}", path.display()), source))?;
        Ok(Self { path, _held: held })
    }
}

impl Drop for NodeLock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the lock file stays; it is harmless");
        }
    }
}

/// Whether the process is certainly dead: its lock is gone, or can be taken.
pub(crate) fn is_dead(data: &DataDir, boot: &BootId) -> bool {
    let path = path_of(data, boot);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => return error.kind() == ErrorKind::NotFound,
    };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(path = %path.display(), %error, "cannot tell whether a process lives; taken as living");
            false
        }
    }
}

/// Removes the lock file of a dead process once its jobs are settled.
pub(crate) fn bury(data: &DataDir, boot: &BootId) {
    let _ = fs::remove_file(path_of(data, boot));
}

fn path_of(data: &DataDir, boot: &BootId) -> PathBuf {
    data.nodes().join(format!("{}.lock", boot.0))
}
