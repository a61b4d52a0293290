//! The log buffer of an attempt: bounds lines on their way from the task to the store.

use model::{AnsiStyles, Level, LogLine, Micros, printable};

/// Lines kept between two rounds of the sampler. Ten rounds a second make 20,000 lines a second.
const LINES_PER_ROUND: usize = 2_000;
/// Bytes of text kept between two rounds of the sampler.
const BYTES_PER_ROUND: usize = 1 << 20;
/// Lines kept of one attempt.
const LINES_PER_ATTEMPT: u64 = 200_000;
/// Longer lines are cut, bytes.
const LINE_LENGTH: usize = 8 << 10;

/// Holds a bounded number of lines. Lines above that are counted, and a line reports how many were left out.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    lines: Vec<LogLine>,
    bytes: usize,
    left_out: u64,
    kept: u64,
    next_line: u64,
}

impl LogBuffer {
    /// An empty buffer; `next_line` is the number of its first line.
    pub(crate) fn new(next_line: u64) -> Self {
        Self { lines: Vec::new(), bytes: 0, left_out: 0, kept: 0, next_line }
    }

    /// Adds `text`, split at its line breaks.
    pub(crate) fn push(&mut self, at: Micros, level: Level, text: &str) {
        for line in text.split('\n') {
            self.push_line(at, level, line.strip_suffix('\r').unwrap_or(line), AnsiStyles::default());
        }
    }

    /// Adds one line with colours. Drops the colours if the text has several lines or has to be changed, because their
    /// offsets would be wrong.
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

    /// How many more lines are kept of the attempt.
    pub(crate) const fn lines_left(&self) -> u64 {
        LINES_PER_ATTEMPT.saturating_sub(self.kept)
    }

    /// Whether there is nothing to drain.
    pub(crate) fn is_empty(&self) -> bool {
        // Lines beyond the attempt's limit are reported once, at the end, not in each round.
        self.lines.is_empty() && (self.left_out == 0 || self.kept >= LINES_PER_ATTEMPT)
    }

    /// Drains the buffer: returns the number of the first line, and the lines.
    pub(crate) fn drain(&mut self, now: Micros) -> Option<(u64, Vec<LogLine>)> {
        (!self.is_empty()).then(|| self.hand_over(now)).flatten()
    }

    /// Drains the last lines of the attempt.
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

/// The line without control characters, cut to [`LINE_LENGTH`]. A replaced direction mark keeps its number of bytes, so
/// colours keep their offsets.
fn cut(line: &str) -> String {
    let whole = line.len() <= LINE_LENGTH;
    let mut text = printable(&line[..line.floor_char_boundary(LINE_LENGTH)], &['\t']).into_owned();
    if !whole {
        text.push('…');
    }
    text
}
