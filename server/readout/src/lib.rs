//! What other programs print, read: bytes in, events out. No process, no clock, no file.
//!
//! [`Reader`] takes the two streams of a program as they come, in pieces of any size, and tells lines for the log and how
//! far the program is. The same bytes make the same events, however they were cut. It holds at most [`LONGEST`] bytes of
//! each stream, whatever comes.
//!
//! Control sequences are taken out; what they say of colours stands beside the text. A line that is written over again and
//! again (`\r`) becomes one line of the log: its last state.

mod convention;
mod line;
mod reading;
mod style;

use model::{Level, Paint};

pub use convention::Convention;
pub use line::{LINE_LENGTH, LONGEST};

use convention::Listening;
use line::Lines;

/// Which of a program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// How far the program says it is.
    Progress(Progress),
    /// A line for the log.
    Line(Line),
    /// How the program says that its work has ended.
    Verdict(Verdict),
}

/// How far a program is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// How much of the work is done; `None` where only words came.
    pub measure: Option<Measure>,
    /// What it does, in its words.
    pub message: Option<String>,
    /// Whether nobody promised that this is progress: a percentage in a line that is written over.
    pub guessed: bool,
}

/// How much of the work is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A share of the whole, 0 to 1.
    Share(f64),
    /// A count.
    Count {
        /// So much is done, in `unit`.
        value: u64,
        /// All of it, if that is known; at least 1.
        max: Option<u64>,
        /// `B` for bytes, a plural noun, or empty.
        unit: String,
    },
}

/// A line for the log, without control characters but tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// How serious it is, where the program says so.
    pub level: Option<Level>,
    /// The text. What is longer than [`LINE_LENGTH`] bytes is cut, and says so.
    pub text: String,
    /// Its colours; none in what is said instead of a line.
    pub paint: Paint,
}

/// How a program says that its work has ended. Its exit code may say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its code of an error; `None` for success.
    pub error: Option<String>,
    /// Its words; may be empty.
    pub description: String,
}

/// Reads what one program prints.
#[derive(Debug)]
pub struct Reader {
    listening: Listening,
    out: Lines,
    err: Lines,
}

impl Reader {
    /// For a program that speaks so.
    pub fn new(convention: Convention) -> Self {
        Self { listening: Listening::new(convention), out: Lines::default(), err: Lines::default() }
    }

    /// Reads on.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let (lines, listening) = self.parts(stream);
        lines.push(bytes, |piece| listening.hear(stream, piece, &mut events));
        events
    }

    /// The last lines, which had no end.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for stream in [Stream::Out, Stream::Err] {
            let (lines, listening) = self.parts(stream);
            lines.finish(|piece| listening.hear(stream, piece, &mut events));
        }
        events
    }

    fn parts(&mut self, stream: Stream) -> (&mut Lines, &mut Listening) {
        let lines = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        (lines, &mut self.listening)
    }
}
