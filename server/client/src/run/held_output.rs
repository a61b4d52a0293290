//! Output that is printed only if the program fails (`--quiet`).

use std::{
    collections::VecDeque,
    io::{Write, stderr, stdout},
};

use output_parser::Stream;

/// Bytes that are held; of a longer output, the end.
const MOST: usize = 8 << 20;

/// The output so far, in the order of its arrival.
#[derive(Debug, Default)]
pub(crate) struct HeldOutput {
    chunks: VecDeque<(Stream, Vec<u8>)>,
    bytes: usize,
    dropped: usize,
}

impl HeldOutput {
    /// Holds a chunk.
    pub(crate) fn push(&mut self, stream: Stream, chunk: &[u8]) {
        self.bytes += chunk.len();
        match self.chunks.back_mut() {
            Some((last, bytes)) if *last == stream && bytes.len() + chunk.len() <= 64 << 10 => {
                bytes.extend_from_slice(chunk);
            }
            Some(_) | None => self.chunks.push_back((stream, chunk.to_vec())),
        }
        while self.bytes > MOST
            && let Some((_, chunk)) = self.chunks.pop_front()
        {
            self.bytes -= chunk.len();
            self.dropped += chunk.len();
        }
    }

    /// Prints all, each stream to its own.
    pub(crate) fn print(&mut self) {
        if self.dropped > 0 {
            crate::message::always(&format!("{} bytes of output left out", self.dropped));
        }
        for (stream, bytes) in self.chunks.drain(..) {
            let written = match stream {
                Stream::Out => stdout().write_all(&bytes).and_then(|()| stdout().flush()),
                Stream::Err => stderr().write_all(&bytes),
            };
            if written.is_err() {
                return;
            }
        }
    }
}
