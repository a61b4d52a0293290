//! File locks in the data directory. The system releases them however the process ends.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use crate::{Error, Result};

/// A lock on one file, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes `DATA/serve.lock`, since only one server may use a data directory, and writes the process id into it for
    /// the error of a second one. Creates the directory if necessary. The second line is for [`server_address`].
    pub(crate) fn serve(data_dir: &Path) -> Result<Self> {
        // Files of jobs are private to this user.
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|source| Error::Io {
            what: format!("creating the data directory {}", data_dir.display()),
            source,
        })?;
        let path = data_dir.join("serve.lock");
        let mut lock = Self::open(&path)?;
        match lock.0.try_lock() {
            Ok(()) => lock.write_holder("").map_err(|source| lock_error(&path, source))?,
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                lock.0.read_to_string(&mut text).map_err(|source| lock_error(&path, source))?;
                let pid = text.lines().next().unwrap_or_default().to_owned();
                return Err(Error::InUse { data_dir: data_dir.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(lock_error(&path, source)),
        }
        Ok(lock)
    }

    /// Takes `DATA/migrate.lock` for a migration of the database. `None` if a worker holds it.
    pub(crate) fn migrate(data_dir: &Path) -> Result<Option<Self>> {
        let path = data_dir.join("migrate.lock");
        let lock = Self::open(&path)?;
        match lock.0.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(lock_error(&path, source)),
        }
    }

    /// Shares `DATA/migrate.lock`, for workers and account commands. Waits for a migration; `NotReady` if no server has
    /// created the file yet.
    pub(crate) fn work(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("migrate.lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message =
                    format!("no server has worked in {} yet; start `milepost serve` on it first", data_dir.display());
                return Err(engine::Error::NotReady(message).into());
            }
            Err(source) => return Err(lock_error(&path, source)),
        };
        file.lock_shared().map_err(|source| lock_error(&path, source))?;
        Ok(Self(file))
    }

    fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        file.map(Self).map_err(|source| lock_error(path, source))
    }

    /// Writes the process id and the address of the server.
    pub(crate) fn write_holder(&mut self, address: &str) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        match self.0.write_all(format!("{}\n{address}\n", std::process::id()).as_bytes()) {
            // They are only for messages.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            written => written,
        }
    }
}

/// The address of the server that uses a data directory, or used it last, without the last slash.
pub(crate) fn server_address(data_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(data_dir.join("serve.lock")).ok()?;
    text.lines().nth(1).filter(|address| !address.is_empty()).map(str::to_owned)
}

fn lock_error(path: &Path, source: io::Error) -> Error {
    Error::Io { what: format!("locking {}", path.display()), source }
}
