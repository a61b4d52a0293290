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
            // For people who look: the lock counts, not the number, for which a full disk may have no room.
            let _ = writeln!(file, "{}", std::process::id());
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

/// How a process's lock is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockState {
    /// Its owner lives, or that cannot be told.
    Held,
    /// It can be taken: its owner is dead.
    Free,
    /// There is no such file here.
    Missing,
}

/// Looks at the lock of a process.
pub(crate) fn state(data: &DataDir, boot: &BootId) -> LockState {
    let path = path_of(data, boot);
    let tried = File::open(&path).map_err(TryLockError::Error).and_then(|file| file.try_lock());
    match tried {
        Ok(()) => LockState::Free,
        Err(TryLockError::WouldBlock) => LockState::Held,
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::NotFound => LockState::Missing,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(path = %path.display(), %error, "cannot tell whether a process lives; taken as living");
            LockState::Held
        }
    }
}

/// The running kernel: no other has the same id, and after a new start it has another. Locks on files reach so far.
/// Empty where the system does not say.
pub(crate) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Removes the lock file of a dead process once its jobs are settled.
pub(crate) fn bury(data: &DataDir, boot: &BootId) {
    let _ = fs::remove_file(path_of(data, boot));
}

fn path_of(data: &DataDir, boot: &BootId) -> PathBuf {
    data.nodes().join(format!("{}.lock", boot.0))
}
