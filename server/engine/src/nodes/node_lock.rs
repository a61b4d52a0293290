//! Lock files of nodes, one per living process. A process whose lock can be taken is dead. The file also lists the
//! kinds that the process runs.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Write},
    path::PathBuf,
};

use crate::{DataDir, Error, Result, store::WorkerId};

/// Prefix of the line with the kinds. Kinds contain no spaces.
const KINDS: &str = "kinds:";
/// Bytes read of the file at most; it is always shorter.
const LONGEST: u64 = 1 << 20;

/// The lock of this process. The system releases it when the process ends, in any way.
#[derive(Debug)]
pub(crate) struct NodeLock {
    path: PathBuf,
    _held: File,
}

impl NodeLock {
    /// Takes the lock of `worker`, which is new, and writes the kinds of its jobs.
    pub(crate) fn take(data: &DataDir, worker: &WorkerId, kinds: &[&str]) -> Result<Self> {
        let kinds = kinds.join(" ");
        let path = path_of(data, worker);
        let taken = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.try_lock().map_err(std::io::Error::from)?;
            // Only the lock matters; a full disk may have no space for the text. The process id is for users.
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
            tracing::debug!(path = %self.path.display(), %error, "cannot remove the lock file; this does no harm");
        }
    }
}

/// State of a process's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockState {
    /// Its owner is alive, or the check failed.
    Held,
    /// Its owner is dead.
    Free,
    /// There is no such file on this host.
    Missing,
}

/// Checks the lock of a process.
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

/// The kinds that a process runs; `None` if its file is missing or incomplete.
pub(crate) fn kinds(data: &DataDir, worker: &WorkerId) -> Option<Vec<String>> {
    let mut text = String::new();
    File::open(path_of(data, worker)).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).ok()?;
    // A line cut by a full disk does not count.
    let kinds = text.strip_suffix('\n')?.lines().find_map(|line| line.strip_prefix(KINDS))?;
    Some(kinds.split_whitespace().map(str::to_owned).collect())
}

/// Boot id of this host, new at each boot. File locks are valid only within one boot. Empty if the system has none.
pub(crate) fn host_boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Removes the lock file of a dead process once its jobs are settled.
pub(crate) fn remove_lock_file(data: &DataDir, worker: &WorkerId) {
    let _ = fs::remove_file(path_of(data, worker));
}

fn path_of(data: &DataDir, worker: &WorkerId) -> PathBuf {
    data.nodes().join(format!("{}.lock", worker.0))
}
