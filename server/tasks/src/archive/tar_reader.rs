//! Streaming tar reader for untrusted archives. Metadata of a member is limited to 1 MiB a record and content is read
//! in chunks, so that memory is bounded and a job can stop at any time. The iterator of the `tar` crate allows neither;
//! only its headers are used. Formats: ustar, GNU and pax (POSIX.1-2001, "pax").

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

/// Block size of a tar archive.
pub(crate) const BLOCK: usize = 512;
/// Most bytes of one metadata record: long names, times, attributes.
const MAX_METADATA: u64 = 1 << 20;
/// Most bytes of all metadata of a member, including its sparse map.
const MAX_METADATA_TOTAL: u64 = 16 << 20;

pub(crate) struct TarReader<R> {
    input: R,
    /// Unread bytes of the current member: its content and the padding of its last block.
    content: u64,
    padding: u64,
    /// Whether a valid header has been read.
    begun: bool,
    /// Whether the end of the archive has been read.
    ended: bool,
}

/// A member, as the archive describes it.
#[derive(Debug)]
pub(crate) struct Member {
    /// Unchecked path, as in the archive.
    pub(crate) path: Vec<u8>,
    /// The target of a link.
    pub(crate) target: Vec<u8>,
    pub(crate) kind: MemberKind,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// Permissions.
    pub(crate) mode: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    Folder,
    SymbolicLink,
    /// Another name of an earlier file.
    HardLink,
    /// A sparse file of GNU tar, stored without its holes.
    Sparse,
    /// A device, a pipe or an unknown type.
    Special,
}

/// Metadata records before a member.
#[derive(Default)]
struct ExtendedHeader {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    sparse: bool,
}

impl<R: Read> TarReader<R> {
    /// Reads an uncompressed archive.
    pub(crate) fn new(input: R) -> Self {
        Self { input, content: 0, padding: 0, begun: false, ended: false }
    }

    /// The next member; `None` after the last. Skips unread content of the previous one.
    ///
    /// # Errors
    /// Errors of the input; `InvalidData` and `UnexpectedEof` if it is not a complete archive.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut described = ExtendedHeader::default();
        let mut left = MAX_METADATA_TOTAL;
        while !self.ended {
            self.skip()?;
            let mut block = [0; BLOCK];
            let length = fill(&mut self.input, &mut block)?;
            if length < BLOCK {
                let none = || io::Error::new(ErrorKind::UnexpectedEof, "this is not a tar archive");
                return Err(if self.begun { truncated() } else { none() });
            }
            if block == [0; BLOCK] {
                self.ended = true;
                break;
            }
            let header = Header::from_byte_slice(&block);
            if !has_valid_checksum(header) {
                let damaged = "the archive is damaged: a header does not match its checksum";
                return Err(invalid(if self.begun { damaged } else { "this is not a tar archive" }));
            }
            self.begun = true;
            let size = header.entry_size()?;
            if is_metadata(header.entry_type()) {
                left = left.checked_sub(size.saturating_add(BLOCK as u64)).ok_or_else(too_long)?;
            }
            match header.entry_type() {
                EntryType::GNULongName => described.path = Some(self.name(size)?),
                EntryType::GNULongLink => described.target = Some(self.name(size)?),
                EntryType::XHeader => described.take(&self.description(size)?)?,
                // Applies to all members; none of it is needed.
                EntryType::XGlobalHeader => drop(self.description(size)?),
                EntryType::GNUSparse => {
                    self.skip_sparse_map(header, left)?;
                    return self.member(header, described).map(Some);
                }
                _ => return self.member(header, described).map(Some),
            }
        }
        Ok(None)
    }

    /// Reads content of the current member; 0 at its end.
    pub(crate) fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let wanted = chunk.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
        let length = fill(&mut self.input, &mut chunk[..wanted])?;
        if length < wanted {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the archive breaks off in the middle of a file"));
        }
        self.content -= length as u64;
        Ok(length)
    }

    /// The input of the reader.
    pub(crate) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    fn member(&mut self, header: &Header, described: ExtendedHeader) -> io::Result<Member> {
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
        // Unix V7 marks folders only by a trailing slash.
        if member.kind == MemberKind::File && member.path.ends_with(b"/") {
            member.kind = MemberKind::Folder;
        }
        self.content = member.size;
        self.padding = padding(member.size);
        Ok(member)
    }

    fn description(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_METADATA {
            return Err(too_long());
        }
        let mut bytes = vec![0; size as usize];
        if fill(&mut self.input, &mut bytes)? < bytes.len() {
            return Err(truncated());
        }
        self.padding = padding(size);
        Ok(bytes)
    }

    /// Skips the blocks of the sparse map after a header.
    fn skip_sparse_map(&mut self, header: &Header, mut left: u64) -> io::Result<()> {
        let mut more = header.as_gnu().is_some_and(GnuHeader::is_extended);
        while more {
            left = left.checked_sub(BLOCK as u64).ok_or_else(too_long)?;
            let mut holes = GnuExtSparseHeader::new();
            if fill(&mut self.input, holes.as_mut_bytes())? < BLOCK {
                return Err(truncated());
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

    fn skip(&mut self) -> io::Result<()> {
        let rest = self.content.saturating_add(self.padding);
        (self.content, self.padding) = (0, 0);
        if io::copy(&mut self.input.by_ref().take(rest), &mut io::sink())? < rest {
            return Err(truncated());
        }
        Ok(())
    }
}

impl ExtendedHeader {
    /// Parses a pax header.
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
                    self.size = Some(size.ok_or_else(|| invalid("the archive is damaged: a size is not a number"))?);
                }
                // The fraction is ignored.
                b"mtime" => self.modified = number().and_then(|text| text.split('.').next()?.parse().ok()),
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }
}

/// Splits off the first record of a pax header, `LENGTH KEY=VALUE` and a line break. Returns key, value and rest. The
/// length covers the whole record, since a value may contain any byte (POSIX.1-2017, pax, "pax Header Block"). The
/// `tar` crate ends a record at each line break.
fn record(header: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&header[..space]).ok()?.parse().ok()?;
    let (record, rest) = header.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// Bytes of padding after `size` bytes, up to the next block.
pub(crate) const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn has_valid_checksum(header: &Header) -> bool {
    let mut own = header.clone();
    own.set_cksum();
    matches!((header.cksum(), own.cksum()), (Ok(told), Ok(found)) if told == found)
}

/// Whether the record describes the member after it.
fn is_metadata(entry: EntryType) -> bool {
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

/// Reads until the buffer is full or the input ends. Returns the number of bytes.
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

fn truncated() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the archive breaks off: its end is missing")
}

fn too_long() -> io::Error {
    invalid("the archive is damaged or hostile: a member has more than 1 MiB of metadata")
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_header_is_parsed_by_lengths() {
        let mut told = ExtendedHeader::default();
        told.take(b"34 SCHILY.xattr.user.a=\x00\n9 x=y\nzz\n12 path=a\nb\n10 size=7\n").expect("sound");
        assert_eq!((told.path.as_deref(), told.size), (Some(b"a\nb".as_slice()), Some(7)));
        for damaged in
            [b"path=a\n".as_slice(), b"99 path=a\n", b"0 path=a\n", b"9 path=a", b"7 patha\n", b" \n", b"10 size=x\n"]
        {
            assert!(ExtendedHeader::default().take(damaged).is_err(), "{damaged:?}");
        }
    }
}
