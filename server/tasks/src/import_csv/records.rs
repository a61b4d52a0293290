//! Strict CSV reader (RFC 4180) in bounded memory.
//!
//! The `csv` crate is lenient: an unclosed quotation mark makes the rest of the file one field, in memory. Here a
//! malformed record costs only its own line, which is returned unchanged.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memchr2};
use serde::{Deserialize, Serialize};

/// Longest record, bytes.
pub(super) const MAX_RECORD: usize = 1 << 20;
/// Longest part of a malformed line that is kept, bytes.
const MAX_KEPT: usize = 4 << 10;
/// Bytes of one read.
const CHUNK: usize = 256 << 10;

pub(super) struct Records<R> {
    source: R,
    delimiter: u8,
    buffer: Vec<u8>,
    /// Start of the unread data in `buffer`.
    start: usize,
    filled: usize,
    /// Start of the last record in `buffer`.
    last: usize,
    ended: bool,
    /// Line of `start`, from 1.
    line: u64,
    /// Bytes of the file before `start`.
    position: u64,
}

/// A position between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordPosition {
    /// Bytes before it.
    pub(super) position: u64,
    /// Line, from 1.
    pub(super) line: u64,
}

impl RecordPosition {
    pub(super) const START: Self = Self { position: 0, line: 1 };
}

/// Result of reading a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, stored in the row.
    Row,
    /// A malformed line.
    Malformed(Malformed),
    End,
}

/// A line that is not a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: u64,
    pub(super) error: RecordError,
    /// The line, truncated.
    pub(super) raw: Vec<u8>,
}

/// Reason that a line is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    #[error("a quotation mark is not closed")]
    Unclosed,
    #[error("text follows a closing quotation mark; double a quotation mark inside a quoted field")]
    AfterQuote,
    #[error("the record is longer than 1 MiB")]
    TooLong,
}

/// The fields of one record, unquoted. Reused from record to record.
#[derive(Default)]
pub(super) struct Row {
    text: Vec<u8>,
    /// End of each field in `text`.
    ends: Vec<usize>,
    /// First line of the record.
    line: u64,
}

impl Row {
    /// First line of the record.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Number of fields; never 0 after a read.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fields, if the whole record is UTF-8.
    pub(super) fn fields(&self) -> Option<impl Iterator<Item = &str>> {
        let text = std::str::from_utf8(&self.text).ok()?;
        // Together, two fields that are not UTF-8 could be valid text.
        if !self.ends.iter().all(|end| text.is_char_boundary(*end)) {
            return None;
        }
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        Some(starts.zip(&self.ends).map(|(start, end)| &text[start..*end]))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }
}

impl<R: Read> Records<R> {
    /// Starts at the beginning of a file.
    pub(super) fn new(source: R, delimiter: u8) -> Self {
        Self::continue_at(RecordPosition::START, source, delimiter)
    }

    /// Continues at the position of an earlier reader of the file; `source` starts there.
    pub(super) fn continue_at(place: RecordPosition, source: R, delimiter: u8) -> Self {
        let RecordPosition { position, line } = place;
        let buffer = vec![0; CHUNK];
        Self { source, delimiter, buffer, start: 0, filled: 0, last: 0, ended: false, line, position }
    }

    /// Bytes of the file that were returned.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Position of the next record.
    pub(super) fn place(&self) -> RecordPosition {
        RecordPosition { position: self.position, line: self.line }
    }

    /// The last record as in the file, without its line break.
    pub(super) fn raw(&self) -> &[u8] {
        let raw = &self.buffer[self.last..self.start];
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        raw.strip_suffix(b"\r").unwrap_or(raw)
    }

    /// Reads the next record into `row`. Skips empty lines.
    pub(super) fn read(&mut self, row: &mut Row) -> io::Result<Next> {
        loop {
            let rest = &self.buffer[self.start..self.filled];
            if let Some(length) = empty_line(rest, self.ended) {
                self.take(length, 1);
                continue;
            }
            if rest.is_empty() && self.ended {
                return Ok(Next::End);
            }
            // Looks only at what one record may hold, so that the result does not depend on read-ahead.
            let ended = self.ended && rest.len() <= MAX_RECORD;
            match parse(&rest[..rest.len().min(MAX_RECORD)], self.delimiter, ended, row) {
                Parsed::Row { length, lines } => {
                    row.line = self.line;
                    self.take(length, lines);
                    return Ok(Next::Row);
                }
                Parsed::RecordError(error) => return self.skip_line(error).map(Next::Malformed),
                Parsed::More { .. } if rest.len() <= MAX_RECORD => self.fill()?,
                Parsed::More { quoted: true } => return self.skip_line(RecordError::Unclosed).map(Next::Malformed),
                Parsed::More { quoted: false } => return self.skip_line(RecordError::TooLong).map(Next::Malformed),
            }
        }
    }

    /// Skips the rest of the current line, at any length.
    fn skip_line(&mut self, error: RecordError) -> io::Result<Malformed> {
        let mut raw = Vec::new();
        loop {
            let rest = &self.buffer[self.start..self.filled];
            let end = memchr(b'\n', rest);
            let length = end.map_or(rest.len(), |end| end + 1);
            raw.extend_from_slice(&rest[..length.min(MAX_KEPT - raw.len())]);
            self.take(length, u64::from(end.is_some()));
            if end.is_some() || self.ended {
                let line = self.line - u64::from(end.is_some());
                let kept = raw.strip_suffix(b"\n").unwrap_or(&raw);
                let kept = kept.strip_suffix(b"\r").unwrap_or(kept).len();
                raw.truncate(kept);
                return Ok(Malformed { line, error, raw });
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize, lines: u64) {
        self.last = self.start;
        self.start += length;
        self.position += length as u64;
        self.line += lines;
    }

    /// Reads more data after the unread data.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled + CHUNK, 0);
        }
        let read = loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.filled += read;
        self.ended = read == 0;
        Ok(())
    }
}

enum Parsed {
    Row {
        length: usize,
        lines: u64,
    },
    RecordError(RecordError),
    /// The record is incomplete; whether a quoted field is open.
    More {
        quoted: bool,
    },
}

/// Length of an empty line at the start of `input`.
fn empty_line(input: &[u8], ended: bool) -> Option<usize> {
    match input {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if ended => Some(1),
        _ => None,
    }
}

/// Parses the record at the start of `input`; it is the last if the file has `ended`.
fn parse(input: &[u8], delimiter: u8, ended: bool, row: &mut Row) -> Parsed {
    row.clear();
    let mut at = 0;
    let mut lines = 1;
    loop {
        if input.get(at) != Some(&b'"') {
            match memchr2(delimiter, b'\n', &input[at..]) {
                Some(length) if input[at + length] == delimiter => {
                    row.text.extend_from_slice(&input[at..at + length]);
                    row.end_field();
                    at += length + 1;
                }
                None if !ended => return Parsed::More { quoted: false },
                end => {
                    let length = end.unwrap_or(input.len() - at);
                    let field = &input[at..at + length];
                    row.text.extend_from_slice(field.strip_suffix(b"\r").unwrap_or(field));
                    row.end_field();
                    return Parsed::Row { length: at + length + usize::from(end.is_some()), lines };
                }
            }
            continue;
        }
        at += 1;
        loop {
            let Some(length) = memchr(b'"', &input[at..]) else {
                return if ended { Parsed::RecordError(RecordError::Unclosed) } else { Parsed::More { quoted: true } };
            };
            let part = &input[at..at + length];
            lines += memchr_iter(b'\n', part).count() as u64;
            row.text.extend_from_slice(part);
            at += length + 1;
            if input.get(at) != Some(&b'"') {
                break;
            }
            row.text.push(b'"');
            at += 1;
        }
        row.end_field();
        match &input[at..] {
            [next, ..] if *next == delimiter => at += 1,
            [b'\n', ..] => return Parsed::Row { length: at + 1, lines },
            [b'\r', b'\n', ..] => return Parsed::Row { length: at + 2, lines },
            [] | [b'\r'] if ended => return Parsed::Row { length: input.len(), lines },
            [] | [b'\r'] => return Parsed::More { quoted: false },
            _ => return Parsed::RecordError(RecordError::AfterQuote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one byte per read, so that records are split at every position.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(1);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    /// Formats records as `line: field
    /// field` and malformed lines as `line! raw`.
    fn read_all(source: impl Read) -> Vec<String> {
        let mut records = Records::new(source, b',');
        let mut row = Row::default();
        let mut seen = Vec::new();
        loop {
            match records.read(&mut row).expect("reading memory") {
                Next::Row => {
                    let fields: Vec<&str> = row.fields().expect("UTF-8").collect();
                    seen.push(format!("{}: {}", row.line(), fields.join("|")));
                }
                Next::Malformed(broken) => {
                    seen.push(format!("{}! {}", broken.line, String::from_utf8_lossy(&broken.raw)));
                }
                Next::End => return seen,
            }
        }
    }

    fn check(input: &str, expected: &[&str]) {
        assert_eq!(read_all(input.as_bytes()), expected, "{input:?} at once");
        assert_eq!(read_all(Drip(input.as_bytes())), expected, "{input:?} byte by byte");
    }

    #[test]
    fn quotes_line_ends_and_empty_lines_follow_rfc_4180() {
        check("a,b\r\n\r\n1,\"x, \"\"y\"\"\nz\"\n\n3,", &["1: a|b", "3: 1|x, \"y\"\nz", "6: 3|"]);
        check("a,5\" disk,\"\"\n", &["1: a|5\" disk|"]);
        check("\"a\"", &["1: a"]);
        check("\"a\"\r", &["1: a"]);
        check("", &[]);
        check("\n\n", &[]);
    }

    #[test]
    fn malformed_record_costs_only_its_line() {
        check("a,\"b\"c\n1,2\n", &["1! a,\"b\"c", "2: 1|2"]);
        check("a,\"b\n1,2\n3,4", &["1! a,\"b", "2: 1|2", "3: 3|4"]);
        check("1,2\n3,\"", &["1: 1|2", "2! 3,\""]);
    }

    #[test]
    fn unclosed_quote_is_given_up_after_the_record_limit() {
        let mut input = b"1,\"open\n".to_vec();
        while input.len() < 3 * MAX_RECORD {
            input.extend_from_slice(b"2,good\n");
        }
        let seen = read_all(input.as_slice());
        assert_eq!(seen[0], "1! 1,\"open");
        assert_eq!(seen[1], "2: 2|good");
        assert_eq!(seen.len(), 1 + (input.len() - 8) / 7);
    }

    #[test]
    fn endless_line_is_skipped_in_bounded_memory() {
        let input = [&b"x".repeat(5 * MAX_RECORD)[..], b"\n1,2\n"].concat();
        let mut records = Records::new(input.as_slice(), b',');
        let mut row = Row::default();
        let Next::Malformed(broken) = records.read(&mut row).expect("reading memory") else { panic!("a broken line") };
        assert_eq!((broken.error, broken.raw.len()), (RecordError::TooLong, MAX_KEPT));
        assert_eq!(records.read(&mut row).expect("reading memory"), Next::Row);
        assert!(records.buffer.len() <= MAX_RECORD + CHUNK, "{}", records.buffer.len());
    }

    #[test]
    fn reader_resumes_between_any_two_records() {
        // Records of about the maximum length, the last without a line break.
        let mut input = b"1,\"a\nb\"\r\n\n".to_vec();
        for length in
            [MAX_RECORD - 3, MAX_RECORD - 2, MAX_RECORD - 1, MAX_RECORD, MAX_RECORD + 9, MAX_RECORD + CHUNK, MAX_RECORD]
        {
            input.extend_from_slice(&b"x".repeat(length));
            input.push(b'\n');
            input.extend_from_slice(b"2,\"open\n");
        }
        input.extend_from_slice(&b"y".repeat(MAX_RECORD));
        let mut row = Row::default();
        let mut whole = Records::new(input.as_slice(), b',');
        loop {
            let place = whole.place();
            let next = whole.read(&mut row).expect("reading memory");
            let rest = &input[place.position as usize..];
            let mut again = Records::continue_at(place, rest, b',');
            let line = row.line();
            assert_eq!(again.read(&mut row).expect("reading memory"), next);
            assert_eq!((row.line(), again.place()), (line, whole.place()));
            if next == Next::Row {
                assert_eq!(again.raw(), whole.raw());
            }
            if next == Next::End {
                break;
            }
        }
        assert_eq!(whole.position(), input.len() as u64);
    }

    #[test]
    fn invalid_utf_8_across_fields_is_detected() {
        let mut row = Row::default();
        for input in [&b"a,\xe9\n"[..], b"\xc3,\xa9\n"] {
            assert_eq!(Records::new(input, b',').read(&mut row).expect("reading memory"), Next::Row);
            assert!(row.fields().is_none(), "{input:?}");
        }
    }
}
