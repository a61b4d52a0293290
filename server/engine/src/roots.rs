//! The folders that tasks may read, and the guard in front of them.

use std::path::PathBuf;

pub use model::{FolderEntry, FolderListing};

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
