//! What hyper and whoever takes an answer over from it must know of each other.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Patient, lasting::Answer};

/// Of one connection.
#[derive(Default)]
pub(super) struct Exchange {
    /// An answer that hyper is not to send.
    lasting: Mutex<Option<Answer>>,
    /// Whether hyper holds bytes that the socket has not taken, of an answer before.
    unwritten: AtomicBool,
}

impl Exchange {
    /// Lays an answer aside.
    pub(super) fn put(&self, answer: Answer) {
        *self.lasting() = Some(answer);
    }

    /// The answer that was laid aside, once everything before it has been written. To be asked after hyper was polled:
    /// with each poll it flushes what it holds.
    pub(super) fn take(&self) -> Option<Answer> {
        if self.unwritten.load(Relaxed) { None } else { self.lasting().take() }
    }

    fn lasting(&self) -> MutexGuard<'_, Option<Answer>> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket as hyper has it.
pub(super) struct Socket<'a> {
    stream: TokioIo<&'a mut Patient<TcpStream>>,
    exchange: Arc<Exchange>,
}

impl<'a> Socket<'a> {
    pub(super) fn new(stream: &'a mut Patient<TcpStream>, exchange: Arc<Exchange>) -> Self {
        Self { stream: TokioIo::new(stream), exchange }
    }

    fn stream(&mut self) -> Pin<&mut TokioIo<&'a mut Patient<TcpStream>>> {
        Pin::new(&mut self.stream)
    }
}

impl Read for Socket<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, to)
    }
}

impl Write for Socket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.exchange.unwritten.store(true, Relaxed);
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.exchange.unwritten.store(true, Relaxed);
        self.stream().poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper comes here once it has written all it held.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.exchange.unwritten.store(false, Relaxed);
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
