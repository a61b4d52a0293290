//! Safe entry names: no path leads out of the folder, directly or through a link, and no name occurs twice.

use std::{borrow::Cow, collections::HashMap};

/// Longest path on Linux, bytes.
const MAX_PATH: usize = 4_096;

/// Reason that a member is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("its name is empty")]
    Empty,
    #[error("its path leads out of the archive")]
    Outside,
    #[error("its path is longer than 4,096 bytes")]
    TooLong,
    #[error("its name has a backslash or a control character, which is special on other systems")]
    Unportable,
    #[error("there is another one of its name before it")]
    Twice,
    #[error("its path leads through a name that is no folder")]
    Through,
    #[error("it is a link that leads out of the archive")]
    LinkOutside,
    #[error("it is a hard link to a file that is not in the archive before it")]
    LinkToNothing,
    #[error("it is a device, a socket or a pipe")]
    Special,
    #[error("it is a sparse file of GNU tar, which is not supported; pack it without -S")]
    Sparse,
}

/// Names in use, as hashes of 16 bytes.
#[derive(Default)]
pub(super) struct Names(HashMap<[u8; 16], Taken>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A parent folder, which may still follow as an entry.
    Parent,
    Folder,
    File,
    Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Folder,
    File,
    Link,
}

/// A safe path in UTF-8, without `.` components.
pub(crate) struct Name {
    pub(crate) path: String,
    /// Whether the name was changed to be UTF-8.
    pub(super) changed: bool,
}

impl Names {
    /// Number of names.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Reserves a name and those of its parent folders.
    pub(super) fn take(&mut self, raw: &[u8], kind: EntryKind) -> Result<Name, Rejected> {
        let name = clean(raw)?;
        for (at, _) in name.path.match_indices('/') {
            if matches!(self.0.get(&key(&name.path[..at])), Some(Taken::File | Taken::Link)) {
                return Err(Rejected::Through);
            }
        }
        let taken = match kind {
            EntryKind::Folder => Taken::Folder,
            EntryKind::File => Taken::File,
            EntryKind::Link => Taken::Link,
        };
        match self.0.get(&key(&name.path)) {
            None => {}
            Some(Taken::Parent) if kind == EntryKind::Folder => {}
            Some(_) => return Err(Rejected::Twice),
        }
        for (at, _) in name.path.match_indices('/') {
            self.0.entry(key(&name.path[..at])).or_insert(Taken::Parent);
        }
        self.0.insert(key(&name.path), taken);
        Ok(name)
    }

    /// Path of an earlier file, relative to `from`.
    pub(super) fn relative(&self, target: &[u8], from: &[u8]) -> Result<String, Rejected> {
        let (target, from) = (clean(target)?, clean(from)?);
        if self.0.get(&key(&target.path)) != Some(&Taken::File) {
            return Err(Rejected::LinkToNothing);
        }
        Ok("../".repeat(from.path.matches('/').count()) + &target.path)
    }
}

/// The target of a symbolic link at `from`, if it stays inside. It may go up and then down, but not down and up again:
/// the way down may pass another link, and going up from there may lead anywhere.
pub(super) fn inside(target: &[u8], from: &[u8]) -> Result<String, Rejected> {
    let text = std::str::from_utf8(target).map_err(|_| Rejected::Unportable)?;
    let from = clean(from)?;
    if text.is_empty() || text.len() > MAX_PATH || text.contains(is_unportable) {
        return Err(Rejected::Unportable);
    }
    let mut up = 0;
    let mut down = false;
    for part in text.split('/').filter(|part| *part != ".") {
        match part {
            ".." if down => return Err(Rejected::LinkOutside),
            ".." => up += 1,
            // Absolute path.
            "" if !down && up == 0 => return Err(Rejected::LinkOutside),
            "" => {}
            _ => down = true,
        }
    }
    if up > from.path.matches('/').count() { Err(Rejected::LinkOutside) } else { Ok(text.to_owned()) }
}

pub(crate) fn clean(raw: &[u8]) -> Result<Name, Rejected> {
    if raw.len() > MAX_PATH {
        return Err(Rejected::TooLong);
    }
    if raw.starts_with(b"/") {
        return Err(Rejected::Outside);
    }
    let text = String::from_utf8_lossy(raw);
    if text.contains(is_unportable) {
        return Err(Rejected::Unportable);
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Rejected::Outside),
            part => parts.push(part),
        }
    }
    match parts.first().map(|part| part.as_bytes()) {
        None => return Err(Rejected::Empty),
        // Windows drive.
        Some([letter, b':', ..]) if letter.is_ascii_alphabetic() => return Err(Rejected::Outside),
        Some(_) => {}
    }
    Ok(Name { path: parts.join("/"), changed: matches!(text, Cow::Owned(_)) })
}

fn is_unportable(c: char) -> bool {
    c == '\\' || c.is_control()
}

/// BLAKE3 truncated to 128 bits does not collide.
fn key(path: &str) -> [u8; 16] {
    *blake3::hash(path.as_bytes()).as_bytes().first_chunk().expect("a BLAKE3 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(names: &mut Names, path: &str, kind: EntryKind) -> Result<String, Rejected> {
        names.take(path.as_bytes(), kind).map(|name| name.path)
    }

    #[test]
    fn name_outside_the_archive_is_rejected() {
        let mut names = Names::default();
        for (path, refused) in [
            ("/etc/passwd", Rejected::Outside),
            ("../x", Rejected::Outside),
            ("a/../../x", Rejected::Outside),
            ("a/..", Rejected::Outside),
            ("", Rejected::Empty),
            ("./", Rejected::Empty),
            ("C:\\x", Rejected::Unportable),
            ("C:/x", Rejected::Outside),
            ("a\nb", Rejected::Unportable),
        ] {
            assert_eq!(taken(&mut names, path, EntryKind::File), Err(refused), "{path:?}");
        }
        assert_eq!(taken(&mut names, &"a/".repeat(2_049), EntryKind::Folder), Err(Rejected::TooLong));
        assert_eq!(names.count(), 0);
    }

    #[test]
    fn name_is_used_once_and_files_have_no_children() {
        let mut names = Names::default();
        assert_eq!(taken(&mut names, "./a//b", EntryKind::File), Ok("a/b".to_owned()));
        assert_eq!(taken(&mut names, "a/b", EntryKind::File), Err(Rejected::Twice));
        assert_eq!(taken(&mut names, "a", EntryKind::Link), Err(Rejected::Twice), "files lie in it already");
        assert_eq!(taken(&mut names, "a/", EntryKind::Folder), Ok("a".to_owned()));
        assert_eq!(taken(&mut names, "a", EntryKind::Folder), Err(Rejected::Twice));
        assert_eq!(taken(&mut names, "a/b/c", EntryKind::File), Err(Rejected::Through));
        assert_eq!(taken(&mut names, "out", EntryKind::Link), Ok("out".to_owned()));
        assert_eq!(taken(&mut names, "out/x", EntryKind::File), Err(Rejected::Through));
    }

    #[test]
    fn name_that_is_not_utf_8_is_replaced() {
        let name = Names::default().take(b"caf\xe9", EntryKind::File).expect("it is kept");
        assert_eq!((name.path.as_str(), name.changed), ("caf\u{fffd}", true));
    }

    #[test]
    fn link_target_outside_is_rejected() {
        for (target, from) in [("b", "a"), ("../b", "d/a"), ("./../../x/y", "d/e/a"), ("d/", "a")] {
            assert_eq!(inside(target.as_bytes(), from.as_bytes()), Ok(target.to_owned()), "{target} in {from}");
        }
        for (target, from) in [("/etc", "a"), ("..", "a"), ("../../b", "d/a"), ("b/../c", "d/a"), ("//", "a")] {
            assert_eq!(inside(target.as_bytes(), from.as_bytes()), Err(Rejected::LinkOutside), "{target} in {from}");
        }
    }
}
