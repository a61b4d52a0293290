//! The log buffer of an attempt: bounds lines on their way from the task to the store.

use model::{AnsiStyles, Level, LogLine, Micros, printable};

/// Lines kept between two rounds of the sampler; with ten rounds a second, 20,000 lines a second.
const LINES_PER_ROUND: usize = 2_000;
/// Bytes of text kept between two rounds.
const BYTES_PER_ROUND: usize = 1 << 20;
/// Lines kept of one attempt in all.
const LINES_PER_ATTEMPT: u64 = 200_000;
/// A longer line is cut, bytes.
const LINE_LENGTH: usize = 8 << 10;

/// Holds a bounded number of lines. What comes in above that is counted, and a line says how many were left out.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    lines: Vec<LogLine>,
    bytes: usize,
    left_out: u64,
    kept: u64,
    next_line: u64,
}

impl LogBuffer {
    /// An empty one, whose first line will have the number `next_line`.
    pub(crate) fn new(next_line: u64) -> Self {
        Self { lines: Vec::new(), bytes: 0, left_out: 0, kept: 0, next_line }
    }

    /// Takes in `text`, split at its line breaks.
    pub(crate) fn push(&mut self, at: Micros, level: Level, text: &str) {
        for line in text.split('\n') {
            self.push_line(at, level, line.strip_suffix('\r').unwrap_or(line), AnsiStyles::default());
        }
    }

    /// Takes in one line with colours. Of a text that is more than a line, or has to be changed, their places would be
    /// wrong: it goes without them.
    pub(crate) fn push_styled(&mut self, at: Micros, level: Level, text: &str, styles: AnsiStyles) {
        if text.contains(|character: char| character.is_control() && character != '\t') {
            self.push(at, level, text);
        } else {
            self.push_line(at, level, text, styles);
        }
    }

    fn push_line(&mut self, at: Micros, level: Level, line: &str, mut styles: AnsiStyles) {
        let room = self.lines.len() < LINES_PER_ROUND && self.bytes < BYTES_PER_ROUND && self.kept < LINES_PER_ATTEMPT;
        if !room {
            self.left_out += 1;
            return;
        }
        let text = cut(line);
        if line.len() > LINE_LENGTH {
            styles.truncate(line.floor_char_boundary(LINE_LENGTH));
        }
        self.bytes += text.len() + styles.size();
        self.kept += 1;
        self.lines.push(LogLine { at, level, text, styles });
    }

    /// Whether there is nothing to hand over.
    pub(crate) fn is_empty(&self) -> bool {
        // Lines beyond the attempt's limit are told of once, at the end, not in each round.
        self.lines.is_empty() && (self.left_out == 0 || self.kept >= LINES_PER_ATTEMPT)
    }

    /// Hands over what there is: the number of the first line, and the lines.
    pub(crate) fn drain(&mut self, now: Micros) -> Option<(u64, Vec<LogLine>)> {
        (!self.is_empty()).then(|| self.hand_over(now)).flatten()
    }

    /// Hands over the last lines of the attempt.
    pub(crate) fn close(&mut self, now: Micros) -> Option<(u64, Vec<LogLine>)> {
        self.hand_over(now)
    }

    fn hand_over(&mut self, now: Micros) -> Option<(u64, Vec<LogLine>)> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.left_out > 0 {
            let why = if self.kept >= LINES_PER_ATTEMPT {
                format!("the log of an attempt ends at {} lines", model::count(LINES_PER_ATTEMPT))
            } else {
                "they came faster than they can be kept".to_owned()
            };
            let text = format!("{} lines left out: {why}", model::count(self.left_out));
            lines.push(LogLine::plain(now, Level::Warn, text));
            self.left_out = 0;
        }
        self.bytes = 0;
        let first = self.next_line;
        self.next_line += lines.len() as u64;
        (!lines.is_empty()).then_some((first, lines))
    }
}

/// The line as it can be shown anywhere, and no longer than [`LINE_LENGTH`]. A replaced mark of direction has as many
/// bytes as what replaces it, so colours keep their places.
fn cut(line: &str) -> String {
    let whole = line.len() <= LINE_LENGTH;
    let mut text = printable(&line[..line.floor_char_boundary(LINE_LENGTH)], &['\t']).into_owned();
    if !whole {
        text.push('…');
    }
    text
}
