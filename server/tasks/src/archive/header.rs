//! Encoder of tar headers, with GNU long names. The `tar` crate writes a header only with content that it reads itself.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use tar::{EntryType, Header};

use super::tar_reader::padding;

/// Longest name in a header, bytes.
const NAME: usize = 100;

/// Encodes the headers of a member. `meta` has its permissions, owner and time; `size` is the length of its content.
pub(super) fn encode_header(meta: &Metadata, entry: EntryType, path: &[u8], target: &[u8], size: u64) -> Vec<u8> {
    let mut head = Vec::new();
    for (entry, name) in [(EntryType::GNULongLink, target), (EntryType::GNULongName, path)] {
        if name.len() > NAME {
            let mut header = Header::new_gnu();
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            // The name is followed by a zero.
            let length = name.len() as u64 + 1;
            head.extend_from_slice(&with_checksum(header, entry, b"././@LongLink", b"", length));
            head.extend_from_slice(name);
            head.resize(head.len() + 1 + padding(length) as usize, 0);
        }
    }
    let mut header = Header::new_gnu();
    header.set_metadata(meta);
    header.set_mode(meta.mode() & 0o7777);
    header.set_mtime(meta.mtime().try_into().unwrap_or(0));
    head.extend_from_slice(&with_checksum(header, entry, path, target, size));
    head
}

fn with_checksum(mut header: Header, entry: EntryType, path: &[u8], target: &[u8], size: u64) -> [u8; 512] {
    header.set_entry_type(entry);
    header.set_size(size);
    let names = header.as_old_mut();
    for (field, name) in [(&mut names.name, path), (&mut names.linkname, target)] {
        let length = name.len().min(NAME);
        field[..length].copy_from_slice(&name[..length]);
    }
    header.set_cksum();
    *header.as_bytes()
}
