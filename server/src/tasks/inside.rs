//! Files below a folder, opened so that nothing leads out of it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use engine::{Ctx, RootedPath, TaskError};
use serde::{Deserialize, Serialize};

use super::walk::beneath;

/// What changes when a file is written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// The real folder behind what somebody chose, who is told where it is none.
pub(super) fn real_folder(ctx: &Ctx, chosen: &RootedPath) -> Result<PathBuf, TaskError> {
    let real = ctx.resolve(chosen)?;
    if real.is_dir() {
        return Ok(real);
    }
    let message = format!("{} is not a folder; choose the folder it lies in", chosen.0);
    Err(TaskError::fatal("not_a_folder", message))
}

/// Opens a regular file below `folder`. The path may go through a symbolic link, unless it leads out of the folder. Never
/// waits for the other end of a pipe that took a file's place.
pub(super) fn open_inside(folder: &Path, path: &[u8]) -> io::Result<(File, Version)> {
    let real = real_inside(folder, path)?;
    let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(real)?;
    let meta = file.metadata()?;
    if meta.is_file() {
        Ok((file, Version::of(&meta)))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The real path behind a path below `folder`, itself real.
pub(super) fn real_inside(folder: &Path, path: &[u8]) -> io::Result<PathBuf> {
    let real = fs::canonicalize(beneath(folder, path))?;
    if real.starts_with(folder) {
        Ok(real)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link on the way leads out of the folder"))
    }
}
