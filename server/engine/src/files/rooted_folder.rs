//! A folder below a root, held open by its descriptor. Files in it are reached without following symbolic links, so a
//! rename cannot make a task read outside the roots.

use std::{
    ffi::OsStr,
    fs::{File, Metadata},
    io::{Error, ErrorKind, Result},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, OFlags, fcntl_setfl, fstat, readlinkat, statat},
    io::Errno,
};

use crate::files::open_beneath::{self, NAME_ONLY};

/// Flags for files that another user may replace at any time: the call does not wait for the other end of a pipe, and a
/// terminal does not become that of the process.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// A folder that stays the same even if its path changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RootedFolder {
    folder: Arc<OwnedFd>,
    path: Arc<Path>,
}

impl RootedFolder {
    /// Opens a folder by its real path, without symbolic links.
    ///
    /// # Errors
    /// Those of the system; `ELOOP` if the path has a symbolic link after all.
    pub fn open(real: &Path) -> Result<Self> {
        let folder =
            open_beneath::open(open_beneath::file_system()?.as_fd(), relative(real)?, NAME_ONLY | OFlags::DIRECTORY)?;
        Ok(Self { folder: Arc::new(folder), path: real.into() })
    }

    /// Its path when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Metadata of the folder itself.
    ///
    /// # Errors
    /// Those of the system.
    pub fn metadata(&self) -> Result<Metadata> {
        File::from(self.folder.try_clone()?).metadata()
    }

    /// Metadata of a file, a folder or a symbolic link in it.
    ///
    /// # Errors
    /// Those of the system; `ELOOP` if a parent is a symbolic link.
    pub fn metadata_of(&self, path: &[u8]) -> Result<Metadata> {
        File::from(self.named(path)?).metadata()
    }

    /// Target and metadata of a symbolic link in it.
    ///
    /// # Errors
    /// Those of the system; `ELOOP` if a parent is a symbolic link.
    pub fn read_link(&self, path: &[u8]) -> Result<(Vec<u8>, Metadata)> {
        let link = self.named(path)?;
        let target = readlinkat(&link, "", Vec::new())?;
        Ok((target.into_bytes(), File::from(link).metadata()?))
    }

    /// Opens a regular file in it.
    ///
    /// # Errors
    /// Those of the system; `ELOOP` for a symbolic link; `InvalidInput` for a pipe, a device or a folder.
    pub fn open_file(&self, path: &[u8]) -> Result<File> {
        regular(open_beneath::open(self.folder.as_fd(), of_bytes(path), READ | OFlags::NOFOLLOW)?)
    }

    /// Opens a regular file in it. Follows symbolic links that lead to a file in the folder.
    ///
    /// # Errors
    /// As [`RootedFolder::open_file`]; `PermissionDenied` if a link leads out of the folder.
    pub fn open_linked_file(&self, path: &[u8]) -> Result<File> {
        match open_beneath::open(self.folder.as_fd(), of_bytes(path), READ) {
            Err(Errno::LOOP) => {}
            opened => return regular(opened?),
        }
        // The real path is only a hint: its target is opened again without links.
        let real = self.path.join(of_bytes(path)).canonicalize()?;
        let Ok(within) = real.strip_prefix(&self.path) else {
            return Err(Error::new(ErrorKind::PermissionDenied, "a symbolic link on the way leads out of the folder"));
        };
        regular(open_beneath::open(self.folder.as_fd(), within, READ)?)
    }

    /// Calls `take` with each name in a subfolder, in no order, and whether it is a folder. An empty path is the folder
    /// itself.
    ///
    /// # Errors
    /// Those of the system; `take` may have been called before.
    pub fn names(&self, path: &[u8], mut take: impl FnMut(&[u8], bool)) -> Result<()> {
        self.entries(path, |name, kind| take(name, kind == FileType::Directory))
    }

    /// As [`RootedFolder::names`], with the kind of each entry.
    pub(crate) fn entries(&self, path: &[u8], mut take: impl FnMut(&[u8], FileType)) -> Result<()> {
        let opened = open_beneath::open(self.folder.as_fd(), of_bytes(path), READ | OFlags::DIRECTORY)?;
        let mut entries = Dir::read_from(&opened)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let kind = match entry.file_type() {
                // Some file systems do not report the kind.
                FileType::Unknown => {
                    let stat = statat(&opened, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                take(name, kind);
            }
        }
        Ok(())
    }

    /// A descriptor that names an entry, also a symbolic link.
    fn named(&self, path: &[u8]) -> Result<OwnedFd> {
        Ok(open_beneath::open(self.folder.as_fd(), of_bytes(path), NAME_ONLY | OFlags::NOFOLLOW)?)
    }
}

/// Opens a regular file by its real path, without symbolic links.
///
/// # Errors
/// As [`RootedFolder::open_file`].
pub(crate) fn open_real_file(real: &Path) -> Result<File> {
    regular(open_beneath::open(open_beneath::file_system()?.as_fd(), relative(real)?, READ | OFlags::NOFOLLOW)?)
}

/// The type of a file by its real path, without symbolic links and without opening it.
///
/// # Errors
/// Those of the system; `ELOOP` if a parent is a symbolic link after all.
pub(crate) fn type_of_real_file(real: &Path) -> Result<FileType> {
    let named =
        open_beneath::open(open_beneath::file_system()?.as_fd(), relative(real)?, NAME_ONLY | OFlags::NOFOLLOW)?;
    Ok(FileType::from_raw_mode(fstat(named)?.st_mode))
}

fn regular(opened: OwnedFd) -> Result<File> {
    let file = File::from(opened);
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

fn relative(real: &Path) -> Result<&Path> {
    real.strip_prefix("/").map_err(|_| ErrorKind::InvalidInput.into())
}

fn of_bytes(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
