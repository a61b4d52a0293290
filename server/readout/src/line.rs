//! From bytes to lines: control sequences taken out, what was written over forgotten, all within fixed memory.

use std::fmt;

use model::Paint;
use vte::{Params, Parser, Perform};

use crate::style::Style;

/// The longest line that is read whole, bytes. More of it is counted only.
pub const LONGEST: usize = 64 << 10;
/// The longest line for the log, bytes; what the engine keeps of one is a little more.
pub const LINE_LENGTH: usize = 8_000;

/// A control sequence of the operating system's kind, the only one with words in it, is cut at so many bytes.
const SEQUENCE_LENGTH: usize = 1 << 10;

/// Bytes that the parser is given at once.
const AT_ONCE: usize = 256;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    /// A line, or what it was before it was written over.
    Text(Text<'a>),
    /// OSC 9;4: a state (0 none, 1 normal, 2 error, 3 unknown, 4 paused) and a percentage.
    Bar(u8, Option<u8>),
}

/// The text of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Text<'a> {
    /// The characters, without control characters but tabs, without blanks at the end.
    pub(crate) line: &'a str,
    /// Where in it which style begins; some may lie behind its end.
    pub(crate) styles: &'a [(usize, Style)],
    /// Bytes of it that were left out.
    pub(crate) left_out: u64,
    /// Whether the line is one that is written over.
    pub(crate) rewritten: bool,
    /// Whether it stays so.
    pub(crate) last: bool,
}

/// One stream, cut into lines.
pub(crate) struct Lines {
    parser: Parser<SEQUENCE_LENGTH>,
    /// The beginning of a character.
    half: Vec<u8>,
    /// In force; it outlasts lines.
    style: Style,
    line: Current,
    /// Nothing but plain characters has come since the line began, so the parser has nothing to say of more of them.
    plain: bool,
}

/// The line in the making.
#[derive(Debug, Default)]
struct Current {
    text: String,
    /// Where in it which style begins, as many changes as a [`Paint`] takes.
    styles: Vec<(usize, Style)>,
    left_out: u64,
    /// The next character begins the line anew.
    returned: bool,
    rewritten: bool,
    /// Whether anything at all has come since the last line's end.
    begun: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            parser: Parser::new_with_size(),
            half: Vec::new(),
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
    /// Reads on. A line break ends whatever was open, also a control sequence: one that is never closed takes its own line
    /// with it and no other.
    pub(crate) fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.read(part, &mut found);
            if end.is_some() {
                if !std::mem::replace(&mut self.plain, true) {
                    self.parser = Parser::new_with_size();
                }
                self.line.end(&mut found);
            }
            rest = after;
        }
    }

    /// Ends the last line, if it has begun.
    pub(crate) fn finish(&mut self, mut found: impl FnMut(Piece<'_>)) {
        if self.line.begun {
            self.push(b"\n", &mut found);
        }
    }

    /// Reads part of a line. The parser is never given half a character: it takes it for something else at times.
    fn read(&mut self, part: &[u8], found: &mut impl FnMut(Piece<'_>)) {
        self.line.begun = true;
        let mut part = part;
        if self.plain {
            let length = part.iter().position(|byte| !(b' '..=b'~').contains(byte)).unwrap_or(part.len());
            let (text, rest) = part.split_at(length);
            self.line.add_plain(str::from_utf8(text).unwrap_or_default(), self.style, found);
            if rest.is_empty() || rest == b"\n" {
                return;
            }
            (self.plain, part) = (false, rest);
        }
        let mut screen = Screen { style: &mut self.style, line: &mut self.line, found };
        if self.half.is_empty() {
            let (whole, half) = part.split_at(part.len() - half_character(part));
            advance(&mut self.parser, &mut screen, whole);
            self.half.extend_from_slice(half);
        } else {
            self.half.extend_from_slice(part);
            let mut all = std::mem::take(&mut self.half);
            let half = all.split_off(all.len() - half_character(&all));
            advance(&mut self.parser, &mut screen, &all);
            self.half = half;
        }
    }
}

/// Has the parser read whole characters, few at a time: for each byte that is no UTF-8 it searches all it was given anew.
fn advance(parser: &mut Parser<SEQUENCE_LENGTH>, screen: &mut impl Perform, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let cut = rest.len().min(AT_ONCE);
        let cut = if cut == rest.len() { cut } else { cut - half_character(&rest[..cut]) };
        parser.advance(screen, &rest[..cut]);
        rest = &rest[cut..];
    }
}

/// How many bytes at the end are the beginning of a character whose rest is still to come.
fn half_character(bytes: &[u8]) -> usize {
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
    fn add(&mut self, character: char, style: Style, found: &mut impl FnMut(Piece<'_>)) {
        if self.returned {
            self.write_over(found);
        }
        let length = character.len_utf8();
        if self.left_out > 0 || self.text.len() + length > LONGEST {
            self.left_out += length as u64;
        } else {
            self.paint(style);
            self.text.push(character);
        }
    }

    /// Many characters of a byte each, none of them a control character.
    fn add_plain(&mut self, characters: &str, style: Style, found: &mut impl FnMut(Piece<'_>)) {
        if characters.is_empty() {
            return;
        }
        if self.returned {
            self.write_over(found);
        }
        let room = if self.left_out > 0 { 0 } else { LONGEST - self.text.len() };
        let (kept, left_out) = characters.split_at(room.min(characters.len()));
        if !kept.is_empty() {
            self.paint(style);
            self.text.push_str(kept);
        }
        self.left_out += left_out.len() as u64;
    }

    /// What comes next has this style. The last change that there is room for makes the rest plain.
    fn paint(&mut self, style: Style) {
        let before = self.styles.last().map_or_else(Style::default, |(_, style)| *style);
        let room = Paint::CHANGES - self.styles.len();
        if style != before && room > 0 {
            self.styles.push((self.text.len(), if room > 1 { style } else { Style::default() }));
        }
    }

    /// Takes the last character back.
    fn step_back(&mut self) {
        self.text.pop();
        let end = self.text.len();
        while self.styles.pop_if(|(at, _)| *at >= end).is_some() {}
    }

    /// Forgets the text, which has been seen.
    fn write_over(&mut self, found: &mut impl FnMut(Piece<'_>)) {
        self.tell(false, found);
        self.text.clear();
        self.styles.clear();
        (self.left_out, self.returned) = (0, false);
    }

    fn end(&mut self, found: &mut impl FnMut(Piece<'_>)) {
        self.tell(true, found);
        self.text.clear();
        self.styles.clear();
        let (text, styles) = (std::mem::take(&mut self.text), std::mem::take(&mut self.styles));
        *self = Self { text, styles, ..Self::default() };
    }

    fn tell(&mut self, last: bool, found: &mut impl FnMut(Piece<'_>)) {
        // Where nothing has been written yet, nothing is written over.
        let text = self.text.trim_end();
        self.rewritten |= !last && !text.is_empty();
        if !text.is_empty() || (last && !self.rewritten) {
            let (styles, left_out, rewritten) = (self.styles.as_slice(), self.left_out, self.rewritten);
            found(Piece::Text(Text { line: text, styles, left_out, rewritten, last }));
        }
    }
}

/// What the terminal would do, as far as it matters here.
struct Screen<'l, F> {
    style: &'l mut Style,
    line: &'l mut Current,
    found: &'l mut F,
}

impl<F: FnMut(Piece<'_>)> Perform for Screen<'_, F> {
    fn print(&mut self, character: char) {
        if !character.is_control() {
            self.line.add(character, *self.style, self.found);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => self.line.add('\t', *self.style, self.found),
            b'\r' => self.line.returned = true,
            0x08 => self.line.step_back(),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        let first = params.iter().next().and_then(|param| param.first().copied()).unwrap_or_default();
        match (action, first) {
            // To the first column.
            ('G', 0 | 1) => self.line.returned = true,
            // Erase the line. Erasing the rest of it is done by whoever goes on to write there.
            ('K', 2) => self.line.write_over(self.found),
            ('m', _) if intermediates.is_empty() => self.style.set(params),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        let number = |at: usize| -> Option<u8> { std::str::from_utf8(params.get(at)?).ok()?.trim().parse().ok() };
        if let (Some(9), Some(4), Some(state)) = (number(0), number(1), number(2)) {
            (self.found)(Piece::Bar(state, number(3)));
        }
    }
}
