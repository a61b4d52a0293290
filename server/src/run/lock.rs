//! Locks in the data directory. The system frees them however the process ends.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use crate::{Error, Result};

/// A lock on one file, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// One `serve` for each data directory: takes `DATA/serve.lock` and writes this process down in it, for the second
    /// one to name. The directory is created if need be.
    pub(crate) fn serve(data_dir: &Path) -> Result<Self> {
        // What jobs read and make is nobody else's on this machine.
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|source| Error::Io {
            what: format!("creating the data directory {}", data_dir.display()),
            source,
        })?;
        let path = data_dir.join("serve.lock");
        let mut lock = Self::open(&path)?;
        match lock.0.try_lock() {
            Ok(()) => lock.sign().map_err(|source| locking(&path, source))?,
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                lock.0.read_to_string(&mut pid).map_err(|source| locking(&path, source))?;
                return Err(Error::InUse { data_dir: data_dir.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(locking(&path, source)),
        }
        Ok(lock)
    }

    /// `DATA/migrate.lock`, to be held while the database is brought up to this version, so that no other process opens it
    /// half-way. `None` where a worker holds it: then nothing may be changed.
    pub(crate) fn migrate(data_dir: &Path) -> Result<Option<Self>> {
        let path = data_dir.join("migrate.lock");
        let lock = Self::open(&path)?;
        match lock.0.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(locking(&path, source)),
        }
    }

    /// The same lock, shared by all who work on the data beside a server, for as long as they do. Waits while a server
    /// migrates; `NotReady` where none has been there yet.
    pub(crate) fn work(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("migrate.lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message =
                    format!("no server has worked in {} yet; start `milepost serve` on it first", data_dir.display());
                return Err(engine::Error::NotReady(message).into());
            }
            Err(source) => return Err(locking(&path, source)),
        };
        file.lock_shared().map_err(|source| locking(&path, source))?;
        Ok(Self(file))
    }

    fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        file.map(Self).map_err(|source| locking(path, source))
    }

    fn sign(&mut self) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        match writeln!(self.0, "{}", std::process::id()) {
            // The lock counts; the number is for people.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            written => written,
        }
    }
}

fn locking(path: &Path, source: io::Error) -> Error {
    Error::Io { what: format!("locking {}", path.display()), source }
}
