//! Manifest format of `sha256sum` and `b3sum`.
//!
//! A line is the digest in hexadecimal, two spaces (or a space and `*`), and the path. A path with a backslash, line
//! feed or carriage return is escaped, and the line then begins with a backslash (GNU coreutils manual, "md5sum
//! invocation"). Paths are bytes and stay as they are. The tagged BSD form, `SHA256 (path) = digest`, is read too.

use std::io::{self, Write};

use super::digest::{Algorithm, Digest};

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The algorithm, if the line has its tag.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) digest: Digest,
    /// Relative to the folder, without a leading `./`.
    pub(crate) path: Vec<u8>,
}

/// Reason that a line is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("expected `digest  path`")]
    Form,
    #[error("its digest does not have 64 hexadecimal digits")]
    Digest,
    #[error("its path has an unknown escape")]
    Escape,
    #[error("its path leads out of the folder")]
    Outside,
}

/// Writes the line of one file.
pub(crate) fn write_line(out: &mut impl Write, digest: &Digest, path: &[u8]) -> io::Result<()> {
    if needs_escape(path) {
        out.write_all(b"\\")?;
    }
    write!(out, "{digest}  ")?;
    if path == b"-" {
        // `sha256sum` reads a path of `-` as standard input.
        out.write_all(b"./")?;
    }
    write_escaped(out, path)?;
    out.write_all(b"\n")
}

/// Writes an escaped path, without the mark at the start of the line.
pub(crate) fn write_escaped(out: &mut impl Write, path: &[u8]) -> io::Result<()> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| escape_of(*byte).is_some()) {
        out.write_all(&rest[..at])?;
        let letter = escape_of(rest[at]).expect("found by the same function");
        out.write_all(&[b'\\', letter])?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)
}

/// Parses a line without its line feed. `None` for an empty line and a comment.
pub(crate) fn parse_line(line: &[u8]) -> Result<Option<Line>, ParseError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line[0] == b'#' {
        return Ok(None);
    }
    let (escaped, body) = match line.strip_prefix(b"\\") {
        Some(body) => (true, body),
        None => (false, line),
    };
    let (algorithm, digest, path) = match tagged(body) {
        Some((algorithm, digest, path)) => (Some(algorithm), digest, path),
        None => plain(body).map(|(digest, path)| (None, digest, path))?,
    };
    let digest = Digest::from_hex(digest).ok_or(ParseError::Digest)?;
    let path = if escaped { unescape(path)? } else { path.to_vec() };
    Ok(Some(Line { algorithm, digest, path: inside(&path)? }))
}

/// `digest  path` or `digest *path`.
fn plain(body: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let end = body.iter().position(|byte| *byte == b' ').ok_or(ParseError::Form)?;
    match body[end..] {
        [b' ', b' ' | b'*', _, ..] => Ok((&body[..end], &body[end + 2..])),
        _ => Err(ParseError::Form),
    }
}

/// `SHA256 (path) = digest`.
fn tagged(body: &[u8]) -> Option<(Algorithm, &[u8], &[u8])> {
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| body.starts_with(algorithm.tag().as_bytes()))?;
    let rest = body[algorithm.tag().len()..].strip_prefix(b" (")?;
    let end = rest.windows(4).rposition(|window| window == b") = ")?;
    Some((algorithm, &rest[end + 4..], &rest[..end]))
}

/// Removes `.` components from a path. Fails if it leads out of the folder.
fn inside(path: &[u8]) -> Result<Vec<u8>, ParseError> {
    if path.first() == Some(&b'/') || path.contains(&0) {
        return Err(ParseError::Outside);
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(ParseError::Outside),
            part => kept.push(part),
        }
    }
    if kept.is_empty() { Err(ParseError::Form) } else { Ok(kept.join(&b'/')) }
}

fn needs_escape(path: &[u8]) -> bool {
    path.iter().any(|byte| escape_of(*byte).is_some())
}

fn escape_of(byte: u8) -> Option<u8> {
    match byte {
        b'\\' => Some(b'\\'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}

fn unescape(path: &[u8]) -> Result<Vec<u8>, ParseError> {
    let mut plain = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        let byte = match (byte, byte == &b'\\') {
            (byte, false) => *byte,
            (_, true) => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err(ParseError::Escape),
            },
        };
        plain.push(byte);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parsed(line: &[u8]) -> Line {
        parse_line(line).expect("a line").expect("not a comment")
    }

    #[test]
    fn binary_marks_tags_and_dos_line_ends_are_parsed() {
        for line in [format!("{HEX}  a b"), format!("{HEX} *a b"), format!("{HEX}  ./a b\r")] {
            assert_eq!(parsed(line.as_bytes()).path, b"a b", "{line}");
        }
        let tagged = parsed(format!("BLAKE3 (odd) = name) = {HEX}").as_bytes());
        assert_eq!((tagged.algorithm, tagged.path.as_slice()), (Some(Algorithm::Blake3), b"odd) = name".as_slice()));
    }

    #[test]
    fn path_outside_the_folder_is_rejected() {
        for path in ["/etc/passwd", "../a", "a/../../b", "a\0b"] {
            assert_eq!(parse_line(format!("{HEX}  {path}").as_bytes()), Err(ParseError::Outside), "{path:?}");
        }
    }

    #[test]
    fn invalid_line_has_a_reason() {
        assert_eq!(parse_line(b"hello"), Err(ParseError::Form));
        assert_eq!(parse_line(b"abcd  file"), Err(ParseError::Digest));
        assert_eq!(parse_line(format!("\\{HEX}  a\\x").as_bytes()), Err(ParseError::Escape));
        assert_eq!(parse_line(format!("{HEX}  ").as_bytes()), Err(ParseError::Form));
        assert_eq!(parse_line(b"# made by hand"), Ok(None));
    }
}
