//! Standard output and standard error of a process that must not depend on who reads them.
//!
//! A line is put into a bounded buffer and written by a thread of its own. So a full disk, a closed pipe or terminal,
//! and a pipe that no one reads neither fail nor delay the caller: lines are dropped and counted, and a line says how
//! many once one can be written again.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// The largest buffer, bytes; above it new lines are dropped.
const LIMIT: usize = 1 << 20;
/// What a line in the buffer costs beside its text, bytes.
const PER_LINE: usize = 64;
/// Before a write is tried again on a terminal or pipe that is non-blocking and full.
const AGAIN: Duration = Duration::from_millis(20);

/// The standard error of this process.
pub(crate) fn stderr() -> &'static Console {
    static STDERR: OnceLock<Console> = OnceLock::new();
    STDERR.get_or_init(|| Console::start("stderr", || Box::new(io::stderr())))
}

/// The standard output of this process.
pub(crate) fn stdout() -> &'static Console {
    static STDOUT: OnceLock<Console> = OnceLock::new();
    STDOUT.get_or_init(|| Console::start("stdout", || Box::new(io::stdout())))
}

/// Waits until everything is written, at most `within` for each of the two.
pub(crate) fn flush(within: Duration) {
    stdout().flush(within);
    stderr().flush(within);
}

/// One of the two streams.
pub(crate) enum Console {
    /// Written by a thread.
    Buffered(Arc<Shared>),
    /// Written by the caller, where the system allows no more threads.
    Direct(Open),
}

/// Opens the stream.
type Open = fn() -> Box<dyn Write>;

/// The buffer between callers and the thread.
pub(crate) struct Shared {
    buffer: Mutex<Buffer>,
    /// Wakes the thread that writes.
    filled: Condvar,
    /// Wakes [`Console::flush`].
    written: Condvar,
}

#[derive(Default)]
struct Buffer {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Lines that found no room since the thread looked last.
    dropped: u64,
    /// Whether the thread is writing what it has taken out.
    writing: bool,
}

impl Console {
    fn start(name: &str, open: Open) -> Self {
        let shared = Arc::new(Shared { buffer: Mutex::default(), filled: Condvar::new(), written: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let write = move || write_all(&of_thread, &mut Output::new(open()));
        match thread::Builder::new().name(name.to_owned()).spawn(write) {
            Ok(_) => Self::Buffered(shared),
            Err(_) => Self::Direct(open),
        }
    }

    /// Writes a line soon, and a line feed after it.
    pub(crate) fn line(&self, text: &str) {
        self.push([text.as_bytes(), b"\n"].concat());
    }

    fn push(&self, line: Vec<u8>) {
        match self {
            Self::Buffered(shared) => shared.push(line),
            // There is no one to report a failure to.
            Self::Direct(open) => drop(open().write_all(&line)),
        }
    }

    fn flush(&self, within: Duration) {
        let Self::Buffered(shared) = self else { return };
        let buffer = shared.buffer();
        let pending = |buffer: &mut Buffer| buffer.writing || !buffer.lines.is_empty();
        // What is not written by then is lost.
        drop(shared.written.wait_timeout_while(buffer, within, pending));
    }
}

impl Shared {
    fn push(&self, line: Vec<u8>) {
        let mut buffer = self.buffer();
        let size = line.len() + PER_LINE;
        if buffer.bytes + size > LIMIT {
            buffer.dropped += 1;
        } else {
            buffer.bytes += size;
            buffer.lines.push_back(line.into());
            self.filled.notify_one();
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and takes all of them, with the number of those that were dropped after them.
    fn take(&self) -> (VecDeque<Box<[u8]>>, u64) {
        let mut buffer = self.buffer();
        buffer.writing = false;
        self.written.notify_all();
        while buffer.lines.is_empty() {
            buffer = self.filled.wait(buffer).unwrap_or_else(PoisonError::into_inner);
        }
        buffer.writing = true;
        buffer.bytes = 0;
        (mem::take(&mut buffer.lines), mem::take(&mut buffer.dropped))
    }
}

fn write_all(shared: &Shared, output: &mut Output<impl Write>) {
    loop {
        let (lines, dropped) = shared.take();
        for line in lines {
            output.line(&line);
        }
        output.lost += dropped;
        output.report();
    }
}

/// The stream itself, and what it did not take.
struct Output<W> {
    out: W,
    lost: u64,
    /// Whether the newest line broke off in its middle.
    broken: bool,
}

impl<W: Write> Output<W> {
    const fn new(out: W) -> Self {
        Self { out, lost: 0, broken: false }
    }

    fn line(&mut self, line: &[u8]) {
        self.report();
        if self.lost > 0 || self.write(line).is_err() {
            self.lost += 1;
        }
    }

    /// Says how many lines were lost, if that can be written now.
    fn report(&mut self) {
        if self.lost == 0 {
            return;
        }
        let text = format!("milepost: {} log lines could not be written and are lost\n", self.lost);
        if self.write(text.as_bytes()).is_ok() {
            self.lost = 0;
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.broken {
            self.write_bytes(b"\n")?;
            self.broken = false;
        }
        self.write_bytes(line)?;
        self.out.flush()
    }

    fn write_bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut begun = false;
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => (bytes, begun) = (&bytes[written..], true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
                Err(error) => {
                    self.broken |= begun;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// One event of the log: `tracing_subscriber` writes each in one call.
pub(crate) struct Event(&'static Console);

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for &'static Console {
    type Writer = Event;

    fn make_writer(&self) -> Event {
        Event(self)
    }
}
