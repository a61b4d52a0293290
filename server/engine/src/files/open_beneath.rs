//! Opens files below a folder without following symbolic links, so that a concurrent rename cannot lead outside.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::{Errno, Result},
};

/// Flags of a descriptor that only names a file. The file is not opened, so a pipe or device does not block.
pub(crate) const NAME_ONLY: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Attempts to open while renames interrupt the call (`EAGAIN`, openat2(2)).
const TRIES: u32 = 16;

/// The folder `/`, where absolute paths begin.
pub(crate) fn file_system() -> Result<OwnedFd> {
    openat(CWD, "/", NAME_ONLY | OFlags::DIRECTORY, Mode::empty())
}

/// Opens the relative `path` below `folder`.
///
/// # Errors
/// `ELOOP` if a component is a symbolic link, unless it is the last one and `flags` has `PATH | NOFOLLOW`; `EXDEV` if
/// the path leads upwards.
pub(crate) fn open(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    if path.as_os_str().is_empty() {
        return openat(folder, ".", flags, Mode::empty());
    }
    match by_kernel(folder, path, flags) {
        // Linux before 5.6, or a sandbox that rejects the call.
        Err(Errno::NOSYS | Errno::PERM) => by_components(folder, path, flags),
        opened => opened,
    }
}

fn by_kernel(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let mut opened = openat2(folder, path, flags, Mode::empty(), resolve);
    for _ in 1..TRIES {
        match opened {
            Err(Errno::AGAIN | Errno::INTR) => opened = openat2(folder, path, flags, Mode::empty(), resolve),
            done => return done,
        }
    }
    opened
}

/// Fallback with one `openat` for each component.
fn by_components(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let mut parent: Option<OwnedFd> = None;
    let mut components = path.components().filter(|component| *component != Component::CurDir).peekable();
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else { return Err(Errno::XDEV) };
        let within = parent.as_ref().map_or(folder, AsFd::as_fd);
        let named = openat(within, name, NAME_ONLY | OFlags::NOFOLLOW, Mode::empty())?;
        let is_last = components.peek().is_none();
        match FileType::from_raw_mode(fstat(&named)?.st_mode) {
            FileType::Symlink if is_last && flags.contains(OFlags::PATH | OFlags::NOFOLLOW) => return Ok(named),
            FileType::Symlink => return Err(Errno::LOOP),
            FileType::Directory => {}
            _ if is_last && !flags.contains(OFlags::DIRECTORY) => {}
            _ => return Err(Errno::NOTDIR),
        }
        if is_last {
            return openat(within, name, flags | OFlags::NOFOLLOW, Mode::empty());
        }
        parent = Some(named);
    }
    openat(folder, ".", flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::mknodat;
    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, OwnedFd) {
        let folder = TempDir::new().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("a/b")).expect("it can be made");
        fs::write(at("a/b/file"), "words").expect("it can be written");
        symlink("a", at("to-a")).expect("it can be linked");
        symlink("b/file", at("a/to-file")).expect("it can be linked");
        symlink("/etc", at("a/out")).expect("it can be linked");
        mknodat(CWD, at("a/pipe"), FileType::Fifo, Mode::RWXU, 0).expect("it can be made");
        let opened = openat(CWD, folder.path(), NAME_ONLY | OFlags::DIRECTORY, Mode::empty()).expect("it is there");
        (folder, opened)
    }

    #[test]
    fn kernel_and_fallback_resolve_alike() {
        let (_folder, opened) = folder();
        let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let all = [
            NAME_ONLY,
            NAME_ONLY | OFlags::NOFOLLOW,
            NAME_ONLY | OFlags::DIRECTORY,
            read,
            read | OFlags::DIRECTORY,
            read | OFlags::NOFOLLOW,
        ];
        let paths = [
            "a",
            "a/",
            "./a",
            "a/b/file",
            "a/b/file/x",
            "a/none",
            "to-a",
            "to-a/b",
            "a/to-file",
            "a/out",
            "a/out/passwd",
            "a/pipe",
            "..",
            "a/../a",
            "/etc",
            "a/b/../../..",
        ];
        for path in paths {
            for flags in all {
                let [one, other] = [by_kernel, by_components]
                    .map(|open| open(opened.as_fd(), Path::new(path), flags).and_then(fstat).map(|stat| stat.st_ino));
                // The fallback rejects every `..`, the kernel only those that lead out of the folder.
                if path != "a/../a" {
                    assert_eq!(one, other, "{path} with {flags:?}");
                }
            }
        }
    }

    #[test]
    fn symbolic_links_are_not_followed() {
        let (_folder, opened) = folder();
        for path in ["to-a/b/file", "a/to-file", "a/out/passwd"] {
            assert_eq!(open(opened.as_fd(), Path::new(path), OFlags::RDONLY).err(), Some(Errno::LOOP), "{path}");
        }
        open(opened.as_fd(), Path::new("a/b/file"), OFlags::RDONLY).expect("a plain path");
    }
}
