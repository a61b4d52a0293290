//! Which names of an archive may go on: none that leads out of the folder it will be unpacked into, by itself or through a
//! link, and none twice.

use std::{borrow::Cow, collections::HashMap};

/// The longest path, bytes: that of Linux.
const LONGEST: usize = 4_096;

/// Why a member is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("its name is empty")]
    Empty,
    #[error("its path leads out of the archive")]
    Outside,
    #[error("its path is longer than 4,096 bytes")]
    TooLong,
    #[error("its name has a backslash or a control character, which other systems take for something else")]
    Odd,
    #[error("there is another one of its name before it")]
    Twice,
    #[error("what its path goes through is no folder")]
    Through,
    #[error("it is a link that leads out of the archive")]
    LinkOutside,
    #[error("it is another name of a file that is not in the archive before it")]
    LinkToNothing,
    #[error("it is a device, a socket or a pipe")]
    Special,
    #[error("it is a sparse file as GNU tar writes them, which is not understood here; pack it without -S")]
    Sparse,
}

/// The names taken so far, each by a hash of 16 bytes.
#[derive(Default)]
pub(super) struct Names(HashMap<[u8; 16], Taken>);

/// By what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A folder that is on the way to something, and may still come itself.
    Way,
    Folder,
    File,
    Link,
}

/// What wants a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Folder,
    File,
    Link,
}

/// A path as it goes on: without `.`, in UTF-8.
pub(crate) struct Name {
    pub(crate) path: String,
    /// Whether it had to be changed to be UTF-8.
    pub(super) changed: bool,
}

impl Names {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes a name, and those of the folders on the way to it.
    pub(super) fn take(&mut self, raw: &[u8], wanted: Wanted) -> Result<Name, Refused> {
        let name = clean(raw)?;
        for (at, _) in name.path.match_indices('/') {
            if matches!(self.0.get(&key(&name.path[..at])), Some(Taken::File | Taken::Link)) {
                return Err(Refused::Through);
            }
        }
        let taken = match wanted {
            Wanted::Folder => Taken::Folder,
            Wanted::File => Taken::File,
            Wanted::Link => Taken::Link,
        };
        match self.0.get(&key(&name.path)) {
            None => {}
            Some(Taken::Way) if wanted == Wanted::Folder => {}
            Some(_) => return Err(Refused::Twice),
        }
        for (at, _) in name.path.match_indices('/') {
            self.0.entry(key(&name.path[..at])).or_insert(Taken::Way);
        }
        self.0.insert(key(&name.path), taken);
        Ok(name)
    }

    /// The path of a file that came before, as a link beside `from` would name it.
    pub(super) fn relative(&self, target: &[u8], from: &[u8]) -> Result<String, Refused> {
        let (target, from) = (clean(target)?, clean(from)?);
        if self.0.get(&key(&target.path)) != Some(&Taken::File) {
            return Err(Refused::LinkToNothing);
        }
        Ok("../".repeat(from.path.matches('/').count()) + &target.path)
    }
}

/// Where a symbolic link at `from` leads, if it stays inside. It may go up first and then down, but not down and up again:
/// where down leads through another link, up may lead anywhere.
pub(super) fn inside(target: &[u8], from: &[u8]) -> Result<String, Refused> {
    let text = std::str::from_utf8(target).map_err(|_| Refused::Odd)?;
    let from = clean(from)?;
    if text.is_empty() || text.len() > LONGEST || text.contains(is_odd) {
        return Err(Refused::Odd);
    }
    let mut up = 0;
    let mut down = false;
    for part in text.split('/').filter(|part| *part != ".") {
        match part {
            ".." if down => return Err(Refused::LinkOutside),
            ".." => up += 1,
            // An absolute path begins with nothing.
            "" if !down && up == 0 => return Err(Refused::LinkOutside),
            "" => {}
            _ => down = true,
        }
    }
    if up > from.path.matches('/').count() { Err(Refused::LinkOutside) } else { Ok(text.to_owned()) }
}

pub(crate) fn clean(raw: &[u8]) -> Result<Name, Refused> {
    if raw.len() > LONGEST {
        return Err(Refused::TooLong);
    }
    if raw.starts_with(b"/") {
        return Err(Refused::Outside);
    }
    let text = String::from_utf8_lossy(raw);
    if text.contains(is_odd) {
        return Err(Refused::Odd);
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Refused::Outside),
            part => parts.push(part),
        }
    }
    match parts.first().map(|part| part.as_bytes()) {
        None => return Err(Refused::Empty),
        // A drive of Windows.
        Some([letter, b':', ..]) if letter.is_ascii_alphabetic() => return Err(Refused::Outside),
        Some(_) => {}
    }
    Ok(Name { path: parts.join("/"), changed: matches!(text, Cow::Owned(_)) })
}

fn is_odd(c: char) -> bool {
    c == '\\' || c.is_control()
}

/// BLAKE3 cut to 128 bits does not collide.
fn key(path: &str) -> [u8; 16] {
    *blake3::hash(path.as_bytes()).as_bytes().first_chunk().expect("a BLAKE3 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(names: &mut Names, path: &str, wanted: Wanted) -> Result<String, Refused> {
        names.take(path.as_bytes(), wanted).map(|name| name.path)
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let mut names = Names::default();
        for (path, refused) in [
            ("/etc/passwd", Refused::Outside),
            ("../x", Refused::Outside),
            ("a/../../x", Refused::Outside),
            ("a/..", Refused::Outside),
            ("", Refused::Empty),
            ("./", Refused::Empty),
            ("C:\\x", Refused::Odd),
            ("C:/x", Refused::Outside),
            ("a\nb", Refused::Odd),
        ] {
            assert_eq!(taken(&mut names, path, Wanted::File), Err(refused), "{path:?}");
        }
        assert_eq!(taken(&mut names, &"a/".repeat(2_049), Wanted::Folder), Err(Refused::TooLong));
        assert_eq!(names.count(), 0);
    }

    #[test]
    fn a_name_is_taken_once_and_nothing_lies_in_a_file_or_link() {
        let mut names = Names::default();
        assert_eq!(taken(&mut names, "./a//b", Wanted::File), Ok("a/b".to_owned()));
        assert_eq!(taken(&mut names, "a/b", Wanted::File), Err(Refused::Twice));
        assert_eq!(taken(&mut names, "a", Wanted::Link), Err(Refused::Twice), "files lie in it already");
        assert_eq!(taken(&mut names, "a/", Wanted::Folder), Ok("a".to_owned()));
        assert_eq!(taken(&mut names, "a", Wanted::Folder), Err(Refused::Twice));
        assert_eq!(taken(&mut names, "a/b/c", Wanted::File), Err(Refused::Through));
        assert_eq!(taken(&mut names, "out", Wanted::Link), Ok("out".to_owned()));
        assert_eq!(taken(&mut names, "out/x", Wanted::File), Err(Refused::Through));
    }

    #[test]
    fn what_is_not_utf_8_is_kept_under_a_name_that_is() {
        let name = Names::default().take(b"caf\xe9", Wanted::File).expect("it is kept");
        assert_eq!((name.path.as_str(), name.changed), ("caf\u{fffd}", true));
    }

    #[test]
    fn links_stay_inside() {
        for (target, from) in [("b", "a"), ("../b", "d/a"), ("./../../x/y", "d/e/a"), ("d/", "a")] {
            assert_eq!(inside(target.as_bytes(), from.as_bytes()), Ok(target.to_owned()), "{target} in {from}");
        }
        for (target, from) in [("/etc", "a"), ("..", "a"), ("../../b", "d/a"), ("b/../c", "d/a"), ("//", "a")] {
            assert_eq!(inside(target.as_bytes(), from.as_bytes()), Err(Refused::LinkOutside), "{target} in {from}");
        }
    }
}
