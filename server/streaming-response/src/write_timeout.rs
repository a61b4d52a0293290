//! Write timeouts: disconnect a peer that accepts nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Limits how long a write may wait. A peer that accepts little, but some, resets the time.
#[derive(Debug)]
pub(crate) struct WriteTimeout {
    limit: Duration,
    /// Present while a write waits for room.
    timer: Option<Pin<Box<Sleep>>>,
    expired: bool,
}

impl WriteTimeout {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { limit, timer: None, expired: false }
    }

    /// Returns the result of a write, or the error `TimedOut` once writes have waited for the limit.
    pub(crate) fn check<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(context));
        self.expired = true;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer accepts no data")))
    }
}

/// A connection with a write timeout.
///
/// A response cannot detect a stalled peer itself: its body is polled only when the connection has room.
#[derive(Debug)]
pub struct WriteTimeoutStream<S> {
    stream: S,
    timeout: WriteTimeout,
}

impl<S> WriteTimeoutStream<S> {
    /// Wraps a connection whose writes may wait for `limit`.
    pub const fn new(stream: S, limit: Duration) -> Self {
        Self { stream, timeout: WriteTimeout::new(limit) }
    }

    /// Returns whether a write has timed out.
    pub const fn has_timed_out(&self) -> bool {
        self.timeout.expired
    }

    /// Returns the connection itself.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeoutStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeoutStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.timeout.check(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.timeout.check(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.timeout.check(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut_down = Pin::new(&mut this.stream).poll_shutdown(context);
        this.timeout.check(context, shut_down)
    }
}
