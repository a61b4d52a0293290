//! One `serve` for each data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::{Error, Result};

/// Held while the server lives. The system frees it however the process ends.
#[derive(Debug)]
pub(crate) struct ServeLock(#[expect(dead_code, reason = "held, never read")] File);

impl ServeLock {
    /// Takes `DATA/serve.lock` and writes this process down in it. The directory is created if need be.
    pub(crate) fn take(data_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(data_dir).map_err(|source| Error::Io {
            what: format!("creating the data directory {}", data_dir.display()),
            source,
        })?;
        let path = data_dir.join("serve.lock");
        let io = |source| Error::Io { what: format!("locking {}", path.display()), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(io)?;
                return Err(Error::InUse { data_dir: data_dir.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self(file))
    }
}
