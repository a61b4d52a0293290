//! The members of a tar archive, one after the other, whatever is in it: what a member says about itself is read into
//! 1 MiB at most, its content only in pieces, so that memory is bounded and a job can stop at any time. That is why the
//! iterator of the `tar` crate is not used, but its headers are. Formats: ustar, GNU and pax (POSIX.1-2001, "pax").

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

/// What all of an archive is cut into.
pub(crate) const BLOCK: usize = 512;
/// The most that a member says about itself at once, bytes: long names, times, attributes.
const LONGEST_DESCRIPTION: u64 = 1 << 20;
/// The most that it says altogether, and where the holes of a sparse file are, bytes.
const LONGEST_DESCRIPTIONS: u64 = 16 << 20;

/// Reads them.
pub(crate) struct Members<R> {
    input: R,
    /// What is still to be read of the present member: its content, and what fills its last block.
    content: u64,
    filling: u64,
    /// Whether anything has been an archive's so far.
    begun: bool,
    /// Whether its end has been read.
    ended: bool,
}

/// One of them, as far as the archive describes it.
#[derive(Debug)]
pub(crate) struct Member {
    /// As it is written there, whatever that is.
    pub(crate) path: Vec<u8>,
    /// Where a link leads.
    pub(crate) target: Vec<u8>,
    pub(crate) kind: MemberKind,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// Permissions.
    pub(crate) mode: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    Folder,
    SymbolicLink,
    /// Another name of a file that came before.
    HardLink,
    /// A file of which the archive leaves out the zeros, in one of the ways of GNU tar.
    Sparse,
    /// A device, a pipe, or something nobody knows.
    Special,
}

/// What precedes a member and belongs to it.
#[derive(Default)]
struct Described {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    sparse: bool,
}

impl<R: Read> Members<R> {
    /// Reads what `input` holds, unpacked.
    pub(crate) fn new(input: R) -> Self {
        Self { input, content: 0, filling: 0, begun: false, ended: false }
    }

    /// The next member; `None` after the last. What was not read of the one before is passed over.
    ///
    /// # Errors
    /// Of the input; `InvalidData` and `UnexpectedEof` where it is no archive, or not a whole one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut described = Described::default();
        let mut left = LONGEST_DESCRIPTIONS;
        while !self.ended {
            self.pass_over()?;
            let mut block = [0; BLOCK];
            let length = fill(&mut self.input, &mut block)?;
            if length < BLOCK {
                let none = || io::Error::new(ErrorKind::UnexpectedEof, "this is not a tar archive");
                return Err(if self.begun { broken_off() } else { none() });
            }
            if block == [0; BLOCK] {
                self.ended = true;
                break;
            }
            let header = Header::from_byte_slice(&block);
            if !is_sound(header) {
                let damaged = "the archive is damaged: a header does not match its checksum";
                return Err(invalid(if self.begun { damaged } else { "this is not a tar archive" }));
            }
            self.begun = true;
            let size = header.entry_size()?;
            if is_description(header.entry_type()) {
                left = left.checked_sub(size.saturating_add(BLOCK as u64)).ok_or_else(too_long)?;
            }
            match header.entry_type() {
                EntryType::GNULongName => described.path = Some(self.name(size)?),
                EntryType::GNULongLink => described.target = Some(self.name(size)?),
                EntryType::XHeader => described.take(&self.description(size)?)?,
                // What it says holds for all members, and none of it is needed.
                EntryType::XGlobalHeader => drop(self.description(size)?),
                EntryType::GNUSparse => {
                    self.pass_over_holes(header, left)?;
                    return self.member(header, described).map(Some);
                }
                _ => return self.member(header, described).map(Some),
            }
        }
        Ok(None)
    }

    /// Reads of the present member's content; 0 at its end.
    pub(crate) fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let wanted = chunk.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
        let length = fill(&mut self.input, &mut chunk[..wanted])?;
        if length < wanted {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the archive breaks off in the middle of a file"));
        }
        self.content -= length as u64;
        Ok(length)
    }

    /// What the archive is read from.
    pub(crate) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// Ends the reading.
    pub(crate) fn into_input(self) -> R {
        self.input
    }

    fn member(&mut self, header: &Header, described: Described) -> io::Result<Member> {
        let mut member = Member {
            path: described.path.unwrap_or_else(|| header.path_bytes().into_owned()),
            target: described.target.or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default(),
            kind: kind_of(header.entry_type()),
            size: described.size.map_or_else(|| header.entry_size(), Ok)?,
            mode: header.mode().unwrap_or(0o644),
            modified: described.modified.or_else(|| header.mtime().ok()?.try_into().ok()).unwrap_or_default(),
        };
        if described.sparse {
            member.kind = MemberKind::Sparse;
        }
        // As archives of the seventh Unix say it.
        if member.kind == MemberKind::File && member.path.ends_with(b"/") {
            member.kind = MemberKind::Folder;
        }
        self.content = member.size;
        self.filling = filling(member.size);
        Ok(member)
    }

    fn description(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > LONGEST_DESCRIPTION {
            return Err(too_long());
        }
        let mut bytes = vec![0; size as usize];
        if fill(&mut self.input, &mut bytes)? < bytes.len() {
            return Err(broken_off());
        }
        self.filling = filling(size);
        Ok(bytes)
    }

    /// Passes over the blocks behind a header that say where the holes of a sparse file are.
    fn pass_over_holes(&mut self, header: &Header, mut left: u64) -> io::Result<()> {
        let mut more = header.as_gnu().is_some_and(GnuHeader::is_extended);
        while more {
            left = left.checked_sub(BLOCK as u64).ok_or_else(too_long)?;
            let mut holes = GnuExtSparseHeader::new();
            if fill(&mut self.input, holes.as_mut_bytes())? < BLOCK {
                return Err(broken_off());
            }
            more = holes.is_extended();
        }
        Ok(())
    }

    fn name(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut name = self.description(size)?;
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        Ok(name)
    }

    fn pass_over(&mut self) -> io::Result<()> {
        let rest = self.content.saturating_add(self.filling);
        (self.content, self.filling) = (0, 0);
        if io::copy(&mut self.input.by_ref().take(rest), &mut io::sink())? < rest {
            return Err(broken_off());
        }
        Ok(())
    }
}

impl Described {
    /// Takes what a pax header says.
    fn take(&mut self, header: &[u8]) -> io::Result<()> {
        let mut rest = header;
        while !rest.is_empty() {
            let (key, value, after) =
                record(rest).ok_or_else(|| invalid("the archive is damaged: a pax header has no records"))?;
            rest = after;
            let number = || std::str::from_utf8(value).ok();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => {
                    let size = number().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or_else(|| invalid("the archive is damaged: a size is no number"))?);
                }
                // With a fraction, which is of no account.
                b"mtime" => self.modified = number().and_then(|text| text.split('.').next()?.parse().ok()),
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }
}

/// The first record of a pax header, `LENGTH KEY=VALUE` and a line break, as key, value, and what follows. The length is
/// that of all of it, since a value may hold anything (POSIX.1-2017, pax, "pax Header Block"). The reader of the crate `tar`
/// takes each line break for an end.
fn record(header: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&header[..space]).ok()?.parse().ok()?;
    let (record, rest) = header.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// The zeros behind so many bytes, up to the next block.
pub(crate) const fn filling(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn is_sound(header: &Header) -> bool {
    let mut own = header.clone();
    own.set_cksum();
    matches!((header.cksum(), own.cksum()), (Ok(told), Ok(found)) if told == found)
}

/// Whether it is about the member that follows.
fn is_description(entry: EntryType) -> bool {
    matches!(entry, EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader)
}

fn kind_of(entry: EntryType) -> MemberKind {
    match entry {
        EntryType::Regular | EntryType::Continuous => MemberKind::File,
        EntryType::Directory => MemberKind::Folder,
        EntryType::Symlink => MemberKind::SymbolicLink,
        EntryType::Link => MemberKind::HardLink,
        EntryType::GNUSparse => MemberKind::Sparse,
        _ => MemberKind::Special,
    }
}

/// Reads until the buffer is full or there is no more; answers how much.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn broken_off() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the archive breaks off: its end is missing")
}

fn too_long() -> io::Error {
    invalid("the archive is damaged or hostile: it says more than 1 MiB about one member")
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pax_header_is_read_by_lengths_and_may_hold_anything() {
        let mut told = Described::default();
        told.take(b"34 SCHILY.xattr.user.a=\x00\n9 x=y\nzz\n12 path=a\nb\n10 size=7\n").expect("sound");
        assert_eq!((told.path.as_deref(), told.size), (Some(b"a\nb".as_slice()), Some(7)));
        for damaged in
            [b"path=a\n".as_slice(), b"99 path=a\n", b"0 path=a\n", b"9 path=a", b"7 patha\n", b" \n", b"10 size=x\n"]
        {
            assert!(Described::default().take(damaged).is_err(), "{damaged:?}");
        }
    }
}
