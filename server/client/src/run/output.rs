//! The output of a program: forwarded byte for byte, then masked, parsed and reported.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write as _, stderr, stdout},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use model::Level;
use output_parser::{Event, Format, Measure, Progress, Reader, ReportedResult, Stream};
use rustix::event::{PollFd, PollFlags, poll};

use super::{flags::OutputMode, held_output::HeldOutput};
use crate::{
    journal::Journal,
    mask::{Mask, StreamMask},
};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// How long the outputs may stay open after the program, held by processes that it left behind.
const LEFT_OPEN: Duration = Duration::from_secs(2);

/// Reads both outputs on threads of their own.
#[derive(Debug)]
pub(crate) struct Output {
    recorder: Arc<Recorder>,
    ended: mpsc::Receiver<()>,
}

/// What is known of the output, shared by the threads.
#[derive(Debug)]
struct Recorder {
    mode: OutputMode,
    mask: Arc<Mask>,
    journal: Option<Arc<Journal>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    reader: Reader,
    masks: [StreamMask; 2],
    held: HeldOutput,
    result: Option<ReportedResult>,
}

impl Output {
    /// Starts to read.
    pub(crate) fn read(
        pipes: (impl Read + Send + 'static, impl Read + Send + 'static),
        mode: OutputMode,
        format: Format,
        mask: Arc<Mask>,
        journal: Option<Arc<Journal>>,
    ) -> io::Result<Self> {
        let state =
            State { reader: Reader::new(format), masks: Default::default(), held: HeldOutput::default(), result: None };
        let recorder = Arc::new(Recorder { mode, mask, journal, state: Mutex::new(state) });
        let (end, ended) = mpsc::channel();
        let out = File::from(stdout().as_fd().try_clone_to_owned()?);
        let err = File::from(stderr().as_fd().try_clone_to_owned()?);
        pump(Stream::Out, pipes.0, out, recorder.clone(), end.clone())?;
        pump(Stream::Err, pipes.1, err, recorder.clone(), end)?;
        Ok(Self { recorder, ended })
    }

    /// Waits for the end of both outputs, and reports the last lines. Returns the result that the program printed.
    pub(crate) fn finish(&self) -> Option<ReportedResult> {
        // Closed by the end of both threads.
        let _ = self.ended.recv_timeout(LEFT_OPEN);
        self.recorder.finish()
    }

    /// Prints what was held back, after a failure.
    pub(crate) fn print_held(&self) {
        let mut state = self.recorder.lock();
        state.held.print();
    }
}

fn pump(
    stream: Stream,
    mut pipe: impl Read + Send + 'static,
    mut to: File,
    recorder: Arc<Recorder>,
    end: mpsc::Sender<()>,
) -> io::Result<()> {
    let run = move || {
        // Held until the thread ends.
        let _end = end;
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let chunk = &buffer[..length];
            if recorder.mode == OutputMode::Forward && write_all(&mut to, chunk).is_err() {
                // No one reads: the program gets the same error, because its pipe is closed.
                break;
            }
            recorder.push(stream, chunk);
        }
    };
    let name = if stream == Stream::Out { "stdout" } else { "stderr" };
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// Writes everything, also to a file that another process made non-blocking.
fn write_all(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(to, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Recorder {
    fn push(&self, stream: Stream, chunk: &[u8]) {
        let mut state = self.lock();
        if self.mode == OutputMode::OnFailure {
            state.held.push(stream, chunk);
        }
        if self.journal.is_some() {
            let masked = state.masks[stream as usize].push(&self.mask, chunk);
            let events = state.reader.push(stream, &masked);
            self.report(&mut state, events);
        }
    }

    fn finish(&self) -> Option<ReportedResult> {
        let mut state = self.lock();
        for stream in [Stream::Out, Stream::Err] {
            let rest = state.masks[stream as usize].finish(&self.mask);
            let events = state.reader.push(stream, &rest);
            self.report(&mut state, events);
        }
        let events = state.reader.finish();
        self.report(&mut state, events);
        state.result.take()
    }

    /// The lock of the state is held, so that both streams keep their order.
    fn report(&self, state: &mut State, events: Vec<Event>) {
        let Some(journal) = &self.journal else { return };
        let mut lines = Vec::new();
        let mut progress = None;
        for event in events {
            match event {
                Event::Line(line) => lines.push((level(line.level.unwrap_or(Level::Info)), line.text)),
                Event::Progress(newest) => progress = Some(reported_progress(newest)),
                Event::Result(result) => state.result = Some(result),
            }
        }
        if !lines.is_empty() {
            journal.log(lines);
        }
        if let Some(progress) = progress {
            journal.progress(progress);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Converts the progress that the parser found. A share becomes a percentage, as for commands of the server.
pub(crate) fn reported_progress(progress: Progress) -> wire::Progress {
    let mut reported = wire::Progress { message: progress.message.map(cut_message), ..wire::Progress::default() };
    match progress.measure {
        Some(Measure::Share(share)) => {
            // 0.29 times 100 is a little less than 29.
            reported.value = Some((100.0 * share + 1e-9).floor() as u64);
            reported.max = Some(100);
            reported.unit = Some("%".to_owned());
        }
        Some(Measure::Count { value, max, unit }) => {
            reported.value = Some(value);
            reported.max = max;
            reported.unit = Some(unit).filter(|unit| unit.len() <= wire::limits::UNIT_BYTES);
        }
        None => {}
    }
    reported
}

/// Cuts a message to what the server takes.
pub(crate) fn cut_message(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(wire::limits::MESSAGE_BYTES));
    message
}

fn level(level: Level) -> String {
    let name = match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    name.to_owned()
}
