//! Roots: the folders that tasks may read, and the check that a path stays inside them.

use std::{
    ffi::OsStr,
    io::ErrorKind,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use model::{FolderEntry, FolderListing, PathKind};
use rustix::fs::FileType;

use crate::{Error, Result, RootedFolder, files::rooted_folder::type_of_real_file};

/// Most folders that [`Roots::list`] returns.
const LIST_LIMIT: usize = 1_000;

/// The configured roots, canonical.
#[derive(Clone, Debug)]
pub struct Roots {
    paths: Arc<[PathBuf]>,
}

impl Roots {
    /// Checks that each is a readable folder, and makes it canonical.
    ///
    /// # Errors
    /// `Error::Path` names the one that is not.
    pub fn new(paths: &[PathBuf]) -> Result<Self> {
        let canonical = paths.iter().map(|path| {
            let unusable = |error| Error::Path(format!("the root {} cannot be used: {error}", path.display()));
            let real = path.canonicalize().map_err(unusable)?;
            std::fs::read_dir(&real).map_err(unusable)?;
            Ok(real)
        });
        let mut paths = canonical.collect::<Result<Vec<_>>>()?;
        let mut seen = std::collections::HashSet::new();
        paths.retain(|path| seen.insert(path.clone()));
        Ok(Self { paths: paths.into() })
    }

    /// The roots.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns the real path, symlinks resolved; `Error::Path` unless it exists inside a root. Only a hint, because the
    /// entry may be replaced at once. To read it, use [`RootedFolder::open`], which follows no links.
    ///
    /// # Errors
    /// `Error::Path`: a sentence that names the path and the roots. Paths outside the roots and missing paths get the
    /// same message, so that a user cannot probe the disk.
    pub fn resolve(&self, path: &str) -> Result<PathBuf> {
        let given = Path::new(path);
        if path.is_empty() {
            return Err(Error::Path(format!("no folder is named; choose one under {}", self.names())));
        }
        if path.contains('\0') {
            return Err(Error::Path("a path has no NUL characters in it".to_owned()));
        }
        if given.components().any(|part| part == Component::ParentDir) {
            return Err(Error::Path(format!("the path {path} has `..` in it; write it without")));
        }
        let mut broken = None;
        for candidate in self.candidates(given) {
            match candidate.canonicalize() {
                Ok(real) if self.contain(&real) => return Ok(real),
                Ok(_) => return Err(self.outside(path)),
                // The reason is only given below a root.
                Err(error) if self.contain(&candidate) && error.kind() != ErrorKind::NotFound => broken = Some(error),
                Err(_) => {}
            }
        }
        if let Some(error) = broken {
            return Err(Error::Path(format!("the path {path} cannot be read: {error}")));
        }
        if given.is_absolute() && !self.contain(given) {
            return Err(self.outside(path));
        }
        Err(Error::Path(format!("the path {path} does not exist under {}", self.names())))
    }

    /// Checks that a path leads to what a field takes. Only a hint, as [`Roots::resolve`].
    ///
    /// # Errors
    /// `Error::Path` as for [`Roots::resolve`], or if the path leads to something else.
    pub(crate) fn check(&self, path: &str, takes: PathKind) -> Result<()> {
        let real = self.resolve(path)?;
        let found = type_of_real_file(&real)
            .map_err(|error| Error::Path(format!("the path {path} cannot be read: {error}")))?;
        match takes {
            PathKind::Folder if found != FileType::Directory => Err(Error::Path(not_a_folder(path))),
            PathKind::File if found != FileType::RegularFile => Err(Error::Path(not_a_file(path))),
            PathKind::Folder | PathKind::File | PathKind::Any => Ok(()),
        }
    }

    /// The folders in `path` (the roots for `None`), sorted, for the folder picker; at most 1,000. Leaves out hidden
    /// folders and links to the outside.
    ///
    /// # Errors
    /// `Error::Path` as for [`Roots::resolve`], or if `path` is not a readable folder.
    pub fn list(&self, path: Option<&str>) -> Result<FolderListing> {
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            let folders = self.paths.iter().map(|root| {
                let path = root.display().to_string();
                FolderEntry { name: path.clone(), path }
            });
            return Ok(FolderListing {
                path: None,
                parent: None,
                folders: folders.collect(),
                files: 0,
                truncated: false,
            });
        };
        let real = self.resolve(path)?;
        let unreadable = |error| Error::Path(format!("the path {path} cannot be listed: {error}"));
        let mut folders = Vec::new();
        let mut files = 0;
        let take = |name: &[u8], kind: FileType| {
            let path = real.join(OsStr::from_bytes(name));
            // Names that are not UTF-8 cannot be sent by a form.
            match (self.is_folder(&path, kind), str::from_utf8(name), path.to_str()) {
                (Some(true), Ok(name), Some(path)) if !name.starts_with('.') => {
                    folders.push(FolderEntry { name: name.to_owned(), path: path.to_owned() });
                }
                (Some(false), ..) => files += 1,
                (Some(true) | None, ..) => {}
            }
        };
        RootedFolder::open(&real).and_then(|folder| folder.entries(b"", take)).map_err(unreadable)?;
        folders.sort_by_cached_key(|folder| (folder.name.to_lowercase(), folder.name.clone()));
        let truncated = folders.len() > LIST_LIMIT;
        folders.truncate(LIST_LIMIT);
        let parent = real.parent().filter(|parent| self.contain(parent)).map(|parent| parent.display().to_string());
        Ok(FolderListing { path: Some(real.display().to_string()), parent, folders, files, truncated })
    }

    /// Whether an entry is a folder, or a symbolic link to one; `None` for a link that is broken or leads out of the
    /// roots.
    fn is_folder(&self, path: &Path, kind: FileType) -> Option<bool> {
        if kind != FileType::Symlink {
            return Some(kind == FileType::Directory);
        }
        let real = path.canonicalize().ok().filter(|real| self.contain(real))?;
        type_of_real_file(&real).ok().map(|kind| kind == FileType::Directory)
    }

    fn candidates(&self, given: &Path) -> Vec<PathBuf> {
        if given.is_absolute() {
            vec![given.to_owned()]
        } else {
            self.paths.iter().map(|root| root.join(given)).collect()
        }
    }

    /// Compares whole components: `/data-old` is not in `/data`.
    fn contain(&self, path: &Path) -> bool {
        self.paths.iter().any(|root| path.starts_with(root))
    }

    fn outside(&self, path: &str) -> Error {
        Error::Path(format!("the path {path} is not under {}", self.names()))
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.paths.iter().map(|path| path.as_os_str().to_string_lossy()).collect();
        names.join(" or ")
    }
}

/// What is wrong with the path of a file where a folder is needed.
pub(crate) fn not_a_folder(path: &str) -> String {
    format!("the path {path} is not a folder; choose the folder it lies in")
}

/// What is wrong with the path of anything else where a file is needed.
pub(crate) fn not_a_file(path: &str) -> String {
    format!("the path {path} is not a regular file; name the file itself")
}
