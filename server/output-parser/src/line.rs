//! Line splitter: removes control sequences and rewritten text, in bounded memory.

use std::fmt;

use model::AnsiStyles;
use vte::{Params, Perform};

use crate::style::Style;

/// Maximum buffered length of a line, bytes. The rest is only counted.
pub const MAX_LINE: usize = 64 << 10;
/// Maximum length of a log line, bytes; the limit of the engine is slightly higher.
pub const MAX_LOG_LINE: usize = 8_000;

/// Maximum length of an operating system command (OSC), the only control sequence that contains text, bytes.
const MAX_SEQUENCE: usize = 1 << 10;

/// Number of bytes that are passed to the parser at a time.
const CHUNK: usize = 256;

/// A piece of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    /// A line, or its state before it was rewritten.
    Text(Text<'a>),
    /// OSC 9;4: a state (0 none, 1 normal, 2 error, 3 unknown, 4 paused) and a percentage.
    TerminalProgress(u8, Option<u8>),
}

/// The text of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Text<'a> {
    /// The text, without control characters except tabs, and without trailing blanks.
    pub(crate) line: &'a str,
    /// The byte offsets at which styles begin; some may be past the end.
    pub(crate) styles: &'a [(usize, Style)],
    /// Number of omitted bytes.
    pub(crate) left_out: u64,
    /// Whether the line was rewritten.
    pub(crate) rewritten: bool,
    /// Whether this is the final state.
    pub(crate) last: bool,
}

/// Splits one stream into lines.
pub(crate) struct Lines {
    parser: vte::Parser<MAX_SEQUENCE>,
    /// The first bytes of an incomplete character.
    incomplete: Vec<u8>,
    /// The present style, which continues over line breaks.
    style: Style,
    line: Current,
    /// Whether the line has only printable ASCII so far, which needs no parser.
    plain: bool,
}

/// The unfinished line.
#[derive(Debug, Default)]
struct Current {
    text: String,
    /// The byte offsets at which styles begin, at most as many as [`AnsiStyles`] takes.
    styles: Vec<(usize, Style)>,
    left_out: u64,
    /// Whether the next character restarts the line.
    returned: bool,
    rewritten: bool,
    /// Whether any byte was received since the last line break.
    begun: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            parser: vte::Parser::new_with_size(),
            incomplete: Vec::new(),
            style: Style::default(),
            line: Current::default(),
            plain: true,
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Lines {
    /// Parses the next bytes. A line break also ends an open control sequence, so an unterminated one affects only its
    /// own line.
    pub(crate) fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.parse(part, &mut emit);
            if end.is_some() {
                if !std::mem::replace(&mut self.plain, true) {
                    self.parser = vte::Parser::new_with_size();
                }
                self.line.end(&mut emit);
            }
            rest = after;
        }
    }

    /// Ends the last line, if there is one.
    pub(crate) fn finish(&mut self, mut emit: impl FnMut(Piece<'_>)) {
        if self.line.begun {
            self.push(b"\n", &mut emit);
        }
    }

    /// Parses part of a line. The parser gets complete characters only: it can misread incomplete ones.
    fn parse(&mut self, part: &[u8], emit: &mut impl FnMut(Piece<'_>)) {
        self.line.begun = true;
        let mut part = part;
        if self.plain {
            let length = part.iter().position(|byte| !(b' '..=b'~').contains(byte)).unwrap_or(part.len());
            let (text, rest) = part.split_at(length);
            self.line.add_plain(str::from_utf8(text).unwrap_or_default(), self.style, emit);
            if rest.is_empty() || rest == b"\n" {
                return;
            }
            (self.plain, part) = (false, rest);
        }
        let mut screen = Screen { style: &mut self.style, line: &mut self.line, emit };
        if self.incomplete.is_empty() {
            let (whole, half) = part.split_at(part.len() - incomplete_length(part));
            advance(&mut self.parser, &mut screen, whole);
            self.incomplete.extend_from_slice(half);
        } else {
            self.incomplete.extend_from_slice(part);
            let mut all = std::mem::take(&mut self.incomplete);
            let half = all.split_off(all.len() - incomplete_length(&all));
            advance(&mut self.parser, &mut screen, &all);
            self.incomplete = half;
        }
    }
}

/// Passes complete characters to the parser in small chunks: after each invalid byte it scans the whole chunk again.
fn advance(parser: &mut vte::Parser<MAX_SEQUENCE>, screen: &mut impl Perform, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let cut = rest.len().min(CHUNK);
        let cut = if cut == rest.len() { cut } else { cut - incomplete_length(&rest[..cut]) };
        parser.advance(screen, &rest[..cut]);
        rest = &rest[cut..];
    }
}

/// Returns the number of bytes at the end that are the start of an incomplete character.
fn incomplete_length(bytes: &[u8]) -> usize {
    let continues = |byte: &&u8| (0x80..=0xbf).contains(*byte);
    let before = bytes.iter().rev().take(3).take_while(continues).count();
    if before == bytes.len() || before == 3 {
        return 0;
    }
    let length = match bytes[bytes.len() - 1 - before] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        0..=0xbf | 0xf8..=0xff => 1,
    };
    let here = before + 1;
    if here < length { here } else { 0 }
}

impl Current {
    fn add(&mut self, character: char, style: Style, emit: &mut impl FnMut(Piece<'_>)) {
        if self.returned {
            self.rewrite(emit);
        }
        let length = character.len_utf8();
        if self.left_out > 0 || self.text.len() + length > MAX_LINE {
            self.left_out += length as u64;
        } else {
            self.push_style(style);
            self.text.push(character);
        }
    }

    /// Adds printable ASCII characters.
    fn add_plain(&mut self, characters: &str, style: Style, emit: &mut impl FnMut(Piece<'_>)) {
        if characters.is_empty() {
            return;
        }
        if self.returned {
            self.rewrite(emit);
        }
        let room = if self.left_out > 0 { 0 } else { MAX_LINE - self.text.len() };
        let (kept, left_out) = characters.split_at(room.min(characters.len()));
        if !kept.is_empty() {
            self.push_style(style);
            self.text.push_str(kept);
        }
        self.left_out += left_out.len() as u64;
    }

    /// Starts a style. The last possible change resets the rest of the line to plain.
    fn push_style(&mut self, style: Style) {
        let before = self.styles.last().map_or_else(Style::default, |(_, style)| *style);
        let room = AnsiStyles::CHANGES - self.styles.len();
        if style != before && room > 0 {
            self.styles.push((self.text.len(), if room > 1 { style } else { Style::default() }));
        }
    }

    /// Removes the last character.
    fn step_back(&mut self) {
        self.text.pop();
        let end = self.text.len();
        while self.styles.pop_if(|(at, _)| *at >= end).is_some() {}
    }

    /// Emits the text as a state of the line and clears it.
    fn rewrite(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        self.emit(false, emit);
        self.text.clear();
        self.styles.clear();
        (self.left_out, self.returned) = (0, false);
    }

    fn end(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        self.emit(true, emit);
        self.text.clear();
        self.styles.clear();
        let (text, styles) = (std::mem::take(&mut self.text), std::mem::take(&mut self.styles));
        *self = Self { text, styles, ..Self::default() };
    }

    fn emit(&mut self, last: bool, emit: &mut impl FnMut(Piece<'_>)) {
        // An empty line cannot be rewritten.
        let text = self.text.trim_end();
        self.rewritten |= !last && !text.is_empty();
        if !text.is_empty() || (last && !self.rewritten) {
            let (styles, left_out, rewritten) = (self.styles.as_slice(), self.left_out, self.rewritten);
            emit(Piece::Text(Text { line: text, styles, left_out, rewritten, last }));
        }
    }
}

/// The effects of control characters and sequences on the line.
struct Screen<'l, F> {
    style: &'l mut Style,
    line: &'l mut Current,
    emit: &'l mut F,
}

impl<F: FnMut(Piece<'_>)> Perform for Screen<'_, F> {
    fn print(&mut self, character: char) {
        if !character.is_control() {
            self.line.add(character, *self.style, self.emit);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => self.line.add('\t', *self.style, self.emit),
            b'\r' => self.line.returned = true,
            0x08 => self.line.step_back(),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        let first = params.iter().next().and_then(|param| param.first().copied()).unwrap_or_default();
        match (action, first) {
            // Cursor to the first column.
            ('G', 0 | 1) => self.line.returned = true,
            // Erase the whole line. Erasing only its end needs no action: the new text replaces it.
            ('K', 2) => self.line.rewrite(self.emit),
            ('m', _) if intermediates.is_empty() => self.style.set(params),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        let number = |at: usize| -> Option<u8> { std::str::from_utf8(params.get(at)?).ok()?.trim().parse().ok() };
        if let (Some(9), Some(4), Some(state)) = (number(0), number(1), number(2)) {
            (self.emit)(Piece::TerminalProgress(state, number(3)));
        }
    }
}
