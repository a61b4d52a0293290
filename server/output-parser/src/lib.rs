//! Parser of the output of external commands: bytes in, events out. It uses no process, no clock and no file.
//!
//! [`Reader`] takes the two streams of a program in chunks of any size, and returns log lines, progress and the
//! reported result. The events do not depend on the chunks. It buffers at most [`MAX_LINE`] bytes of each stream.
//!
//! Control sequences are removed from the text, and colours are kept beside it. A line that is rewritten (`\r`) becomes
//! one log line with its last state.

mod format;
mod formats;
mod line;
mod style;

use model::{AnsiStyles, Level};

pub use format::Format;
pub use line::{MAX_LINE, MAX_LOG_LINE};

use format::Parser;
use line::Lines;

/// One of the two output streams of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A parsed event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The progress of the program.
    Progress(Progress),
    /// A log line.
    Line(Line),
    /// The result that the program reports.
    Result(ReportedResult),
}

/// The progress of a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The amount of work done; `None` if there is only a message.
    pub measure: Option<Measure>,
    /// The message of the program.
    pub message: Option<String>,
    /// Whether this is a guess: a percentage in a rewritten line, without a configured format.
    pub guessed: bool,
}

/// An amount of work done.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A share of the whole, 0 to 1.
    Share(f64),
    /// A count.
    Count {
        /// The amount done, in `unit`.
        value: u64,
        /// The total, if it is known; at least 1.
        max: Option<u64>,
        /// `B` for bytes, a plural noun, or empty.
        unit: String,
    },
}

/// A log line, without control characters except tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The stream that it was printed to.
    pub stream: Stream,
    /// The level, if the program reports one.
    pub level: Option<Level>,
    /// The text. A line longer than [`MAX_LOG_LINE`] bytes is cut and ends with a note.
    pub text: String,
    /// The colours; none in a line that replaces another.
    pub styles: AnsiStyles,
}

/// The result that a program reports. Its exit code may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedResult {
    /// The error code; `None` for success.
    pub error: Option<String>,
    /// The description; may be empty.
    pub description: String,
}

/// Parses the output of one program.
#[derive(Debug)]
pub struct Reader {
    parser: Parser,
    out: Lines,
    err: Lines,
}

impl Reader {
    /// Creates a reader for a program with this progress format.
    pub fn new(format: Format) -> Self {
        Self { parser: Parser::new(format), out: Lines::default(), err: Lines::default() }
    }

    /// Parses the next chunk of a stream.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let (lines, parser) = self.parts(stream);
        lines.push(bytes, |piece| parser.parse(stream, piece, &mut events));
        events
    }

    /// Parses the last lines if they have no line break.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for stream in [Stream::Out, Stream::Err] {
            let (lines, parser) = self.parts(stream);
            lines.finish(|piece| parser.parse(stream, piece, &mut events));
        }
        events
    }

    fn parts(&mut self, stream: Stream) -> (&mut Lines, &mut Parser) {
        let lines = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        (lines, &mut self.parser)
    }
}
