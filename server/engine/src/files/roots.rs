//! Roots: the folders that tasks may read, and the check that a path stays inside them.

use std::{
    ffi::OsStr,
    io::ErrorKind,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use model::{FolderEntry, FolderListing, PathKind, printable};
use rustix::fs::FileType;

use crate::{Error, Result, RootedFolder, files::rooted_folder::type_of_real_file};

/// Most folders, and most files, that [`Roots::list`] returns.
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

    /// The folders in `path` (the roots for `None`; an only root opens at once) and, where a field takes files, the
    /// files, sorted, for the path picker; at most 1,000 of each. Leaves out hidden entries, links to the outside, and
    /// names that are not UTF-8, which a form cannot send. The path of a file that can be chosen is that of its folder.
    ///
    /// # Errors
    /// `Error::Path` as for [`Roots::resolve`], or if `path` is not a readable folder.
    pub fn list(&self, path: Option<&str>, takes: PathKind) -> Result<FolderListing> {
        let real = match (path.filter(|path| !path.is_empty()), &*self.paths) {
            (Some(path), _) => self.folder_to_list(self.resolve(path)?, takes),
            (None, [only]) => only.clone(),
            (None, roots) => {
                let folders = roots.iter().map(|root| {
                    let path = root.display().to_string();
                    FolderEntry { name: path.clone(), path }
                });
                return Ok(FolderListing { folders: folders.collect(), ..FolderListing::default() });
            }
        };
        let shown = real.display().to_string();
        let (mut folders, mut choices, mut files) = (Entries::default(), Entries::default(), 0);
        let take = |name: &[u8], kind: FileType| {
            let path = real.join(OsStr::from_bytes(name));
            let Some(kind) = self.type_of_entry(&path, kind) else { return };
            files += u64::from(kind != FileType::Directory);
            let (Ok(name), Some(path)) = (str::from_utf8(name), path.to_str()) else { return };
            match kind {
                _ if name.starts_with('.') => {}
                FileType::Directory => folders.add(name, path),
                FileType::RegularFile if takes.has_files() => choices.add(name, path),
                _ => {}
            }
        };
        RootedFolder::open(&real)
            .and_then(|folder| folder.entries(b"", take))
            .map_err(|error| Error::Path(format!("the path {shown} cannot be listed: {error}")))?;
        let above = real.parent().filter(|parent| self.contain(parent)).map(|parent| parent.display().to_string());
        let (folders, choices) = (folders.sorted(), choices.sorted());
        Ok(FolderListing {
            path: Some(shown),
            parent: above.or_else(|| (self.paths.len() > 1).then(String::new)),
            truncated: folders.1 || choices.1,
            folders: folders.0,
            files,
            choices: choices.0,
            choosable: takes.has_folders(),
        })
    }

    /// The folder to show for a path: that of a file, if files can be chosen.
    fn folder_to_list(&self, real: PathBuf, takes: PathKind) -> PathBuf {
        let is_file = || type_of_real_file(&real).is_ok_and(|kind| kind == FileType::RegularFile);
        match real.parent().filter(|parent| takes.has_files() && self.contain(parent)) {
            Some(parent) if is_file() => parent.to_owned(),
            _ => real,
        }
    }

    /// The type of an entry, or of what a symbolic link leads to; `None` for a link that is broken or leads out of the
    /// roots.
    fn type_of_entry(&self, path: &Path, kind: FileType) -> Option<FileType> {
        if kind != FileType::Symlink {
            return Some(kind);
        }
        let real = path.canonicalize().ok().filter(|real| self.contain(real))?;
        type_of_real_file(&real).ok().filter(|kind| *kind != FileType::Symlink)
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

/// Entries of a listing: the first by name, in bounded memory.
#[derive(Default)]
struct Entries {
    list: Vec<FolderEntry>,
    truncated: bool,
}

impl Entries {
    fn add(&mut self, name: &str, path: &str) {
        self.list.push(FolderEntry { name: printable(name, &[]).into_owned(), path: path.to_owned() });
        if self.list.len() > 2 * LIST_LIMIT {
            self.cut();
        }
    }

    /// The entries, and whether some were left out.
    fn sorted(mut self) -> (Vec<FolderEntry>, bool) {
        self.cut();
        (self.list, self.truncated)
    }

    fn cut(&mut self) {
        self.list.sort_by_cached_key(|entry| (entry.name.to_lowercase(), entry.path.clone()));
        self.truncated |= self.list.len() > LIST_LIMIT;
        self.list.truncate(LIST_LIMIT);
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
