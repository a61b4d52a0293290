//! Adds a colour profile to a WebP file, which the encoder does not do. The container is RIFF (WebP Container
//! Specification, "Extended File Format"): a header chunk with feature flags, the profile, then the image as encoded.

/// Feature flag of the header chunk: the file has a profile.
const PROFILE: u8 = 0x20;
/// Bytes of the RIFF header, with the form type `WEBP`.
const HEAD: usize = 12;

/// Adds the profile. A file in another form is returned unchanged.
pub(super) fn with_profile(file: Vec<u8>, profile: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let Some(chunks) = file.get(HEAD..).filter(|_| file.starts_with(b"RIFF")) else { return file };
    let mut header = [0; 10];
    let rest = match chunks {
        // An image with transparency is in the extended format already.
        [b'V', b'P', b'8', b'X', _, _, _, _, known @ ..] if known.len() >= header.len() => {
            let (known, rest) = known.split_at(header.len());
            header.copy_from_slice(known);
            rest
        }
        chunks => {
            header[4..7].copy_from_slice(&(width - 1).to_le_bytes()[..3]);
            header[7..].copy_from_slice(&(height - 1).to_le_bytes()[..3]);
            chunks
        }
    };
    header[0] |= PROFILE;
    let mut body = b"WEBP".to_vec();
    put(&mut body, *b"VP8X", &header);
    put(&mut body, *b"ICCP", profile);
    body.extend_from_slice(rest);
    let mut whole = Vec::new();
    put(&mut whole, *b"RIFF", &body);
    whole
}

/// Appends a chunk: name, length, content, and a zero after an odd length.
fn put(to: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    to.extend_from_slice(&name);
    to.extend_from_slice(&(content.len() as u32).to_le_bytes());
    to.extend_from_slice(content);
    if !content.len().is_multiple_of(2) {
        to.push(0);
    }
}
