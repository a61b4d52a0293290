//! A folder's files in the order of their paths.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    vec,
};

/// What a walk came across. Paths are relative to the folder it began in.
pub(super) enum Found {
    /// A regular file, with its size in bytes.
    File { path: Vec<u8>, size: u64 },
    /// A symbolic link. It is not followed.
    Link,
    /// A device, socket or pipe. Reading one could wait for ever.
    Special,
    /// A file or folder that cannot be looked at.
    Unreadable { path: Vec<u8>, error: io::Error },
}

/// Goes through all files below a folder, in the bytewise order of whole paths, so that a manifest needs no sorting
/// afterwards. Holds the names of one folder per level and nothing else: a million files in one folder cost about
/// 50 MB, spread over many folders next to nothing.
pub(super) struct Walk {
    root: PathBuf,
    /// Path of the entry looked at last.
    path: Vec<u8>,
    levels: Vec<Level>,
}

struct Level {
    /// Those still to come. A folder's name carries its slash, which puts `a-b` before `a/b`, as in whole paths.
    names: vec::IntoIter<Box<[u8]>>,
    /// How much of [`Walk::path`] is the folder itself.
    prefix: usize,
}

impl Walk {
    /// Begins in `root`, which must be readable.
    pub(super) fn new(root: PathBuf) -> io::Result<Self> {
        let (names, error) = names(&root);
        match error {
            Some(error) => Err(error),
            None => Ok(Self { root, path: Vec::new(), levels: vec![Level { names, prefix: 0 }] }),
        }
    }

    /// Enters the folder at the current path.
    fn descend(&mut self) -> Option<Found> {
        let (names, error) = names(&beneath(&self.root, &self.path));
        self.levels.push(Level { names, prefix: self.path.len() });
        let shown = &self.path[..self.path.len() - 1];
        error.map(|error| Found::Unreadable { path: shown.to_vec(), error })
    }

    fn look(&self) -> Found {
        let path = self.path.clone();
        match fs::symlink_metadata(beneath(&self.root, &path)) {
            Ok(meta) if meta.is_file() => Found::File { path, size: meta.len() },
            Ok(meta) if meta.is_symlink() => Found::Link,
            Ok(_) => Found::Special,
            Err(error) => Found::Unreadable { path, error },
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let level = self.levels.last_mut()?;
            self.path.truncate(level.prefix);
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            self.path.extend_from_slice(&name);
            if name.ends_with(b"/") {
                if let Some(unreadable) = self.descend() {
                    return Some(unreadable);
                }
            } else {
                return Some(self.look());
            }
        }
    }
}

/// A relative path of bytes, under `root`.
pub(super) fn beneath(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// The sorted names in a folder, as many as can be read, and why there are no more.
fn names(folder: &Path) -> (vec::IntoIter<Box<[u8]>>, Option<io::Error>) {
    let mut names = Vec::new();
    let result = fs::read_dir(folder).and_then(|entries| {
        for entry in entries {
            let entry = entry?;
            let mut name = entry.file_name().into_vec();
            if entry.file_type()?.is_dir() {
                name.push(b'/');
            }
            names.push(name.into_boxed_slice());
        }
        Ok(())
    });
    names.sort_unstable();
    (names.into_iter(), result.err())
}
