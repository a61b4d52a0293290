//! The folders that tasks may read, and the guard in front of them.

use std::path::PathBuf;

use crate::{Result, RootedPath};

/// The configured roots, canonical.
#[derive(Clone, Debug)]
pub struct Roots {}

impl Roots {
    /// Checks that each is a readable folder, and makes it canonical.
    pub fn new(paths: &[PathBuf]) -> Result<Self> {
        let _ = paths;
        unimplemented!()
    }

    /// The roots.
    pub fn paths(&self) -> &[PathBuf] {
        unimplemented!()
    }

    /// The real path, symlinks resolved; `Error::Path` unless it exists and lies inside a root.
    pub fn resolve(&self, path: &RootedPath) -> Result<PathBuf> {
        let _ = path;
        unimplemented!()
    }

    /// The folders in `path` (the roots themselves for `None`), sorted, for the picker; at most 1,000.
    pub fn list(&self, path: Option<&str>) -> Result<FolderListing> {
        let _ = path;
        unimplemented!()
    }
}

/// What the picker shows.
#[derive(Clone, Debug)]
pub struct FolderListing {
    /// The folder shown; `None` for the list of roots.
    pub path: Option<String>,
    /// Its parent, if that is still inside a root.
    pub parent: Option<String>,
    /// Sub-folders.
    pub folders: Vec<FolderEntry>,
    /// How many files lie directly in it.
    pub files: u64,
    /// Whether some folders were left out.
    pub truncated: bool,
}

/// A folder in the picker.
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Its path, as an input field takes it.
    pub path: String,
}
