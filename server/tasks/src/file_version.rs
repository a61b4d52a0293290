//! File version: detects whether a file changed while it was read.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
};

use engine::RootedFolder;
use serde::{Deserialize, Serialize};

/// Size, and times that change with every write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    pub(crate) fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// Opens a regular file without following symbolic links.
pub(crate) fn open_unlinked(folder: &RootedFolder, path: &[u8]) -> io::Result<(File, Version)> {
    with_version(folder.open_file(path))
}

/// Opens a regular file, also through symbolic links that stay in the folder.
pub(crate) fn open_linked(folder: &RootedFolder, path: &[u8]) -> io::Result<(File, Version)> {
    with_version(folder.open_linked_file(path))
}

fn with_version(opened: io::Result<File>) -> io::Result<(File, Version)> {
    let file = opened?;
    let version = Version::of(&file.metadata()?);
    Ok((file, version))
}
