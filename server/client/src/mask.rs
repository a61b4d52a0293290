//! Masks: secrets are replaced in everything that is reported, before it reaches the spool.

use std::{env, ffi::OsStr, os::unix::ffi::OsStrExt as _};

/// Ends of the names of variables whose values are secrets.
const SECRET_NAMES: [&str; 5] = ["_TOKEN", "_SECRET", "_PASSWORD", "_PRIVATE_KEY", "_CONNECTION_STRING"];
/// Shorter values are masked only if their variable is named: they occur in any text.
const SHORTEST: usize = 6;
const REPLACEMENT: &[u8] = b"***";

/// The secrets of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mask {
    /// The longest first, so that a secret inside another does not uncover the rest.
    secrets: Vec<Vec<u8>>,
    /// Bytes with which a secret begins.
    first: Vec<u8>,
}

impl Mask {
    /// Collects the secrets of the environment, and the values of the `named` variables.
    pub(crate) fn from_environment(named: &[String], token: Option<&str>) -> Self {
        let is_secret = |name: &OsStr| SECRET_NAMES.iter().any(|end| name.as_bytes().ends_with(end.as_bytes()));
        let mut secrets: Vec<Vec<u8>> = token.map(|token| token.as_bytes().to_vec()).into_iter().collect();
        for (name, value) in env::vars_os() {
            let is_named = named.iter().any(|named| OsStr::new(named) == name);
            if is_named || is_secret(&name) {
                secrets.extend(parts(value.as_bytes(), if is_named { 1 } else { SHORTEST }));
            }
        }
        Self::new(secrets)
    }

    fn new(mut secrets: Vec<Vec<u8>>) -> Self {
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        let mut first: Vec<u8> = secrets.iter().map(|secret| secret[0]).collect();
        first.sort_unstable();
        first.dedup();
        Self { secrets, first }
    }

    /// Replaces the secrets in a text.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.secrets.is_empty() {
            return text.to_owned();
        }
        let mut masked = Vec::new();
        self.copy(text.as_bytes(), true, &mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Copies `bytes` with the secrets replaced. Returns the length of the rest that may be the beginning of a secret;
    /// nothing remains with `last`.
    fn copy(&self, bytes: &[u8], last: bool, masked: &mut Vec<u8>) -> usize {
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            let Some(plain) = rest.iter().position(|byte| self.first.contains(byte)) else {
                masked.extend_from_slice(rest);
                return 0;
            };
            masked.extend_from_slice(&rest[..plain]);
            position += plain;
            let rest = &rest[plain..];
            if !last && self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest)) {
                return rest.len();
            }
            if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                masked.extend_from_slice(REPLACEMENT);
                position += secret.len();
            } else {
                masked.push(rest[0]);
                position += 1;
            }
        }
        0
    }
}

/// Masks a stream, also across the borders of its chunks.
#[derive(Debug, Default)]
pub(crate) struct StreamMask {
    /// What may be the beginning of a secret.
    held: Vec<u8>,
}

impl StreamMask {
    /// Returns the masked bytes. The end of a chunk is held back while it may be the beginning of a secret.
    pub(crate) fn push(&mut self, mask: &Mask, chunk: &[u8]) -> Vec<u8> {
        self.copy(mask, chunk, false)
    }

    /// Returns what was held back.
    pub(crate) fn finish(&mut self, mask: &Mask) -> Vec<u8> {
        self.copy(mask, &[], true)
    }

    fn copy(&mut self, mask: &Mask, chunk: &[u8], last: bool) -> Vec<u8> {
        if mask.secrets.is_empty() {
            return chunk.to_vec();
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(chunk);
        let mut masked = Vec::with_capacity(bytes.len());
        let rest = mask.copy(&bytes, last, &mut masked);
        self.held = bytes.split_off(bytes.len() - rest);
        masked
    }
}

/// The value and, if it has several lines, each line that is long enough: programs print keys line by line.
fn parts(value: &[u8], shortest: usize) -> Vec<Vec<u8>> {
    let value = value.trim_ascii();
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut parts: Vec<Vec<u8>> =
        lines.filter(|line| line.len() >= shortest.max(SHORTEST)).map(<[u8]>::to_vec).collect();
    if value.len() >= shortest {
        parts.push(value.to_vec());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::new(secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect())
    }

    #[test]
    fn secret_is_masked_however_the_stream_is_split() {
        let mask = mask(&["hunter2", "hunter22long", "ter2"]);
        let text = b"a hunter2 b hunthunter22long hunter22lon\nter2hunter";
        let expected = "a *** b hunt*** ***2lon\n***hunter";
        for size in 1..text.len() {
            let mut stream = StreamMask::default();
            let mut masked = Vec::new();
            for chunk in text.chunks(size) {
                masked.extend(stream.push(&mask, chunk));
            }
            masked.extend(stream.finish(&mask));
            assert_eq!(String::from_utf8_lossy(&masked), expected, "chunks of {size}");
        }
        assert_eq!(mask.text("x hunter2"), "x ***");
    }

    #[test]
    fn key_of_several_lines_is_masked_line_by_line() {
        let parts = parts(b"-----BEGIN-----\nabcdefgh\nxy\n-----END-----\n", SHORTEST);
        assert!(parts.contains(&b"abcdefgh".to_vec()) && !parts.contains(&b"xy".to_vec()) && parts.len() == 4);
    }
}
