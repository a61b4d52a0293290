//! Lock files of nodes, one per living process. A process whose lock can be taken is dead. The file also lists the
//! kinds that the process runs.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Write},
    path::PathBuf,
};

use crate::{DataDir, Error, Result, store::WorkerId};

/// What the line with the kinds begins with; none of them has a space in it.
const KINDS: &str = "kinds:";
/// More than the line is ever long, bytes.
const LONGEST: u64 = 1 << 20;

/// This process's own lock. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct NodeLock {
    path: PathBuf,
    _held: File,
}

impl NodeLock {
    /// Takes the lock of `worker`, which is new, and notes the kinds of its jobs.
    pub(crate) fn take(data: &DataDir, worker: &WorkerId, kinds: &[&str]) -> Result<Self> {
        let kinds = kinds.join(" ");
        let path = path_of(data, worker);
        let taken = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.try_lock().map_err(std::io::Error::from)?;
            // The lock counts, not what is in the file, for which a full disk may have no room. The number is for
            // users who look.
            let _ = writeln!(file, "{}\n{KINDS} {kinds}", std::process::id());
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
pub(crate) fn state(data: &DataDir, worker: &WorkerId) -> LockState {
    let path = path_of(data, worker);
    let tried = File::open(&path).map_err(TryLockError::Error).and_then(|file| file.try_lock());
    match tried {
        Ok(()) => LockState::Free,
        Err(TryLockError::WouldBlock) => LockState::Held,
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::NotFound => LockState::Missing,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(path = %path.display(), %error, "cannot check whether a process is alive; treated as alive");
            LockState::Held
        }
    }
}

/// The kinds that a process runs; `None` where its file is elsewhere, or does not hold all of them.
pub(crate) fn kinds(data: &DataDir, worker: &WorkerId) -> Option<Vec<String>> {
    let mut text = String::new();
    File::open(path_of(data, worker)).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).ok()?;
    // Not one that a full disk has cut.
    let kinds = text.strip_suffix('\n')?.lines().find_map(|line| line.strip_prefix(KINDS))?;
    Some(kinds.split_whitespace().map(str::to_owned).collect())
}

/// The running kernel: no other has the same id, and after a new start it has another. Locks on files reach so far.
/// Empty where the system does not say.
pub(crate) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Removes the lock file of a dead process once its jobs are settled.
pub(crate) fn remove_lock_file(data: &DataDir, worker: &WorkerId) {
    let _ = fs::remove_file(path_of(data, worker));
}

fn path_of(data: &DataDir, worker: &WorkerId) -> PathBuf {
    data.nodes().join(format!("{}.lock", worker.0))
}
