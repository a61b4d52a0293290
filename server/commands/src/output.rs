//! Output of a program: read from its pipes or terminal, sent to log and progress of the job.

use std::{collections::VecDeque, io};

use engine::Ctx;
use model::Level;
use output_parser::{Event, Format, Measure, Progress, Reader, ReportedResult, Stream};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStderr, ChildStdout},
};

use crate::terminal::Terminal;

/// Size of a read, bytes: the capacity of a pipe.
const READ_SIZE: usize = 64 << 10;
/// Lines that are kept for the error of the job.
const LAST_LINES: usize = 20;

/// Units that a program may report; others are dropped, because the engine takes static names only.
const UNITS: [&str; 14] = [
    "B", "s", "files", "folders", "rows", "records", "items", "lines", "pages", "steps", "frames", "messages",
    "requests", "tests",
];

/// Standard output and error of a program; a terminal counts as standard output.
pub(crate) struct Output {
    out: Source,
    err: Source,
    reader: Reader,
    reported_result: Option<ReportedResult>,
    last_lines: VecDeque<String>,
    /// The last line of the standard error that is not blank.
    last_error: Option<String>,
    guesses: bool,
}

/// One output.
struct Source {
    /// `None` after end of file.
    reader: Option<Box<dyn AsyncRead + Send + Unpin>>,
    buffer: Box<[u8]>,
}

impl Source {
    fn new(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { reader: Some(Box::new(reader)), buffer: vec![0; READ_SIZE].into() }
    }

    /// Returns a source at its end.
    fn ended() -> Self {
        Self { reader: None, buffer: Box::default() }
    }

    /// Reads into the buffer and returns the number of bytes. Never returns after end of file.
    async fn read(&mut self) -> usize {
        let Some(reader) = &mut self.reader else { return std::future::pending().await };
        match reader.read(&mut self.buffer).await {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Ok(0) | Err(_) => {
                self.reader = None;
                0
            }
            Ok(length) => length,
        }
    }
}

impl Output {
    pub(crate) fn of_pipes(format: Format, out: ChildStdout, err: ChildStderr) -> Self {
        Self::new(format, Source::new(out), Source::new(err))
    }

    pub(crate) fn of_terminal(format: Format, terminal: Terminal) -> Self {
        Self::new(format, Source::new(terminal), Source::ended())
    }

    fn new(format: Format, out: Source, err: Source) -> Self {
        Self {
            out,
            err,
            reader: Reader::new(format),
            reported_result: None,
            last_lines: VecDeque::new(),
            last_error: None,
            guesses: false,
        }
    }

    /// Reads once from either output and handles its events. Backpressure ends here: a fast program waits for this
    /// read, but never for the log, which drops lines that it cannot keep.
    pub(crate) async fn read(&mut self, ctx: &Ctx) {
        let (stream, length) = tokio::select! {
            length = self.out.read() => (Stream::Out, length),
            length = self.err.read() => (Stream::Err, length),
        };
        let buffer = match stream {
            Stream::Out => &self.out.buffer,
            Stream::Err => &self.err.buffer,
        };
        if length > 0 {
            ctx.alive();
        }
        for event in self.reader.push(stream, &buffer[..length]) {
            self.handle(event, ctx);
        }
    }

    /// Reads both outputs to their ends.
    pub(crate) async fn read_to_end(&mut self, ctx: &Ctx) {
        while self.out.reader.is_some() || self.err.reader.is_some() {
            self.read(ctx).await;
        }
    }

    /// Handles last lines without a line break.
    pub(crate) fn finish(&mut self, ctx: &Ctx) {
        for event in self.reader.finish() {
            self.handle(event, ctx);
        }
    }

    /// The result that the program reported in its output.
    pub(crate) const fn reported_result(&self) -> Option<&ReportedResult> {
        self.reported_result.as_ref()
    }

    /// Returns the last lines of the log.
    pub(crate) fn last_lines(&self) -> String {
        self.last_lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Returns the most informative line: the last of standard error, else the last one.
    pub(crate) fn significant_line(&self) -> Option<&str> {
        self.last_error
            .as_deref()
            .or_else(|| self.last_lines.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty()))
    }

    fn handle(&mut self, event: Event, ctx: &Ctx) {
        match event {
            Event::Progress(progress) => self.advance(progress, ctx),
            Event::Result(result) => self.reported_result = Some(result),
            Event::Line(line) => {
                if self.last_lines.len() == LAST_LINES {
                    self.last_lines.pop_front();
                }
                self.last_lines.push_back(line.text.clone());
                if line.stream == Stream::Err && !line.text.trim().is_empty() {
                    self.last_error = Some(line.text.clone());
                }
                match line.level {
                    Some(Level::Warn) => ctx.warn(line.text),
                    level => ctx.log_styled(level.unwrap_or(Level::Info), &line.text, line.styles),
                }
            }
        }
    }

    fn advance(&mut self, progress: Progress, ctx: &Ctx) {
        if progress.guessed && !self.guesses {
            self.guesses = true;
            ctx.log(Level::Info, "progress is guessed from a percentage that the program writes over");
        }
        match progress.measure {
            Some(Measure::Share(share)) => {
                ctx.total(100, "%");
                // 0.29 times 100 is a little less than 29.
                ctx.set((100.0 * share + 1e-9).floor() as u64);
            }
            Some(Measure::Count { value, max, unit }) => {
                let unit = UNITS.into_iter().find(|known| *known == unit).unwrap_or_default();
                match max {
                    Some(max) => ctx.total(max, unit),
                    None => ctx.unit(unit),
                }
                ctx.set(value);
            }
            None => {}
        }
        if let Some(message) = progress.message {
            ctx.message(message);
        }
    }
}
