//! Recursive walk of a folder, in the order of paths.

use std::{io, vec};

use engine::RootedFolder;
use model::is_unprintable;

/// An entry of the walk. Paths are relative to its folder.
pub(crate) enum Found {
    /// A folder, before its content. Its path ends in a slash.
    Folder { path: Vec<u8> },
    /// A regular file, with its size in bytes.
    File { path: Vec<u8>, size: u64 },
    /// A symbolic link. It is not followed.
    Link { path: Vec<u8> },
    /// A device, socket or pipe. Reading one could wait for ever.
    Special { path: Vec<u8> },
    /// A file or folder that cannot be read.
    Unreadable { path: Vec<u8>, error: io::Error },
}

/// Walks everything below a folder in the bytewise order of whole paths, so that a manifest needs no sorting. Memory
/// holds the names of one folder for each level: a million files in one folder cost about 50 MB.
pub(crate) struct Walk {
    root: RootedFolder,
    /// Path of the last entry.
    path: Vec<u8>,
    levels: Vec<Level>,
    /// Folders of an earlier walk that can no longer be read.
    lost: Vec<Found>,
}

struct Level {
    /// Remaining names. Names of folders end with a slash, which sorts `a-b` before `a/b`, as in whole paths.
    names: vec::IntoIter<Box<[u8]>>,
    /// Length of the folder in [`Walk::path`].
    prefix: usize,
}

impl Walk {
    /// `root` must be readable.
    pub(crate) fn new(root: RootedFolder) -> io::Result<Self> {
        let (names, error) = names(&root, b"");
        match error {
            Some(error) => Err(error),
            None => Ok(Self { root, path: Vec::new(), levels: vec![Level { names, prefix: 0 }], lost: Vec::new() }),
        }
    }

    /// Continues after the [place](Self::place) of an earlier walk of `root`.
    pub(crate) fn resume_after(place: &[u8], root: RootedFolder) -> io::Result<Self> {
        let mut walk = Self::new(root)?;
        for name in place.split_inclusive(|byte| *byte == b'/') {
            if let Some(level) = walk.levels.last_mut() {
                let passed = level.names.as_slice().partition_point(|other| **other <= *name);
                level.names.by_ref().take(passed).for_each(drop);
            }
            walk.path.extend_from_slice(name);
            if name.ends_with(b"/") {
                let lost = walk.descend();
                // The earlier walk has reported its last folder.
                walk.lost.extend(lost.filter(|_| walk.path.len() < place.len()));
            }
        }
        Ok(walk)
    }

    /// The position after the last entry.
    pub(crate) fn place(&self) -> &[u8] {
        &self.path
    }

    /// Enters the folder at the current path.
    fn descend(&mut self) -> Option<Found> {
        let (names, error) = names(&self.root, &self.path);
        self.levels.push(Level { names, prefix: self.path.len() });
        let shown = &self.path[..self.path.len() - 1];
        error.map(|error| Found::Unreadable { path: shown.to_vec(), error })
    }

    fn look(&self) -> Found {
        let path = self.path.clone();
        match self.root.metadata_of(&path) {
            Ok(meta) if meta.is_file() => Found::File { path, size: meta.len() },
            Ok(meta) if meta.is_symlink() => Found::Link { path },
            Ok(_) => Found::Special { path },
            Err(error) => Found::Unreadable { path, error },
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(lost) = self.lost.pop() {
            return Some(lost);
        }
        loop {
            let level = self.levels.last_mut()?;
            self.path.truncate(level.prefix);
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            self.path.extend_from_slice(&name);
            if name.ends_with(b"/") {
                return Some(self.descend().unwrap_or_else(|| Found::Folder { path: self.path.clone() }));
            }
            return Some(self.look());
        }
    }
}

/// Formats a path for messages, on one line.
pub(crate) fn printable_path(path: &[u8]) -> String {
    let mut text = String::new();
    for char in String::from_utf8_lossy(path).chars() {
        if is_unprintable(char) { text.extend(char.escape_default()) } else { text.push(char) }
    }
    text
}

/// Lists a folder. Returns its sorted names as far as they are readable, and the error.
fn names(root: &RootedFolder, folder: &[u8]) -> (vec::IntoIter<Box<[u8]>>, Option<io::Error>) {
    let mut names = Vec::new();
    let result = root.names(folder, |name, is_folder| {
        let slash: &[u8] = if is_folder { b"/" } else { b"" };
        names.push([name, slash].concat().into_boxed_slice());
    });
    names.sort_unstable();
    (names.into_iter(), result.err())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const PATHS: [&str; 9] = ["a-b", "a/b", "a/c/d", "a/c/e", "a/c-d", "a0", "b/c", "b/d/e/f", "c"];

    fn paths(walk: Walk) -> Vec<Vec<u8>> {
        walk.map(|found| match found {
            Found::Folder { path } | Found::File { path, .. } | Found::Unreadable { path, .. } => path,
            Found::Link { .. } | Found::Special { .. } => b"left out".to_vec(),
        })
        .collect()
    }

    fn root(folder: &TempDir) -> RootedFolder {
        let real = folder.path().canonicalize().expect("it is there");
        RootedFolder::open(&real).expect("it can be opened")
    }

    fn folder() -> TempDir {
        let folder = TempDir::new().expect("a folder");
        for path in PATHS {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("it can be made");
            fs::write(path, "").expect("it can be written");
        }
        std::os::unix::fs::symlink("c", folder.path().join("a/link")).expect("it can be linked");
        folder
    }

    #[test]
    fn resumed_walk_finds_the_rest() {
        let folder = folder();
        let all = paths(Walk::new(root(&folder)).expect("it is there"));
        let folders = ["a/", "a/c/", "b/", "b/d/", "b/d/e/"];
        assert!(folders.iter().all(|folder| all.contains(&folder.as_bytes().to_vec())));
        assert!(
            all.len() == PATHS.len() + folders.len() + 1 && all.iter().filter(|path| *path != b"left out").is_sorted()
        );
        let mut earlier = Walk::new(root(&folder)).expect("it is there");
        for found in 0..=all.len() {
            let rest = paths(Walk::resume_after(earlier.place(), root(&folder)).expect("it is there"));
            assert_eq!(rest, all[found..], "behind {}", String::from_utf8_lossy(earlier.place()));
            earlier.next();
        }
    }

    #[test]
    fn folder_lost_before_resume_is_reported_once() {
        let folder = folder();
        fs::remove_dir_all(folder.path().join("a/c")).expect("it can be removed");
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        let rest = ["left out", "a0", "b/", "b/c", "b/d/", "b/d/e/", "b/d/e/f", "c"];
        let lost = paths(Walk::resume_after(b"a/c/d", root(&folder)).expect("it is there"));
        assert_eq!(lost, words(&[&["a/c"][..], &rest].concat()));
        assert_eq!(paths(Walk::resume_after(b"a/c/", root(&folder)).expect("it is there")), words(&rest));
    }
}
