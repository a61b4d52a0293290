//! The streaming response: writes head and chunks to the socket as the body produces them.

use std::{
    cell::RefCell,
    convert::Infallible,
    fmt::{self, Write as _},
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, Version, header};
use http_body::{Body, Frame};
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream};

use crate::write_timeout::WriteTimeout;

/// Frames written before other tasks have their turn.
const MAX_FRAMES_PER_POLL: usize = 16;
/// Parts up to this size are joined before they are sent, bytes: a copy costs less than a vectored write of three.
const JOIN_LIMIT: usize = 16 << 10;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JOIN_LIMIT));
}

type BoxBody = Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>;

/// The body of a response that may be handed over; an extension of the response. The sender of the response takes
/// the body out.
#[derive(Clone)]
pub struct StreamingBody(Arc<Mutex<Option<BoxBody>>>);

impl StreamingBody {
    /// Returns the extension that marks a response, and the body that hyper sends if the response is not handed over.
    pub fn new(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> (Self, FallbackBody) {
        let streaming = Self(Arc::new(Mutex::new(Some(Box::pin(body)))));
        (streaming.clone(), FallbackBody(streaming))
    }
}

impl fmt::Debug for StreamingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingBody").finish_non_exhaustive()
    }
}

/// The body of a response that is not handed over: of HTTP/1.0, or outside of
/// [`serve_connection`](crate::serve_connection).
#[derive(Debug)]
pub struct FallbackBody(StreamingBody);

impl Body for FallbackBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut body = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().map_or(Poll::Ready(None), |body| body.as_mut().poll_frame(context))
    }
}

/// Returns whether the response to a request can be handed over: it is chunked and has a body.
pub(crate) fn can_stream<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && request.method() == Method::GET
}

/// A response that was handed over.
pub struct StreamingResponse {
    head: Bytes,
    body: BoxBody,
}

impl fmt::Debug for StreamingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingResponse").field("head", &self.head).finish_non_exhaustive()
    }
}

impl StreamingResponse {
    /// Takes the streaming body out of `response`, if it has one.
    pub(crate) fn take_from<B>(response: &mut Response<B>) -> Option<Self> {
        let StreamingBody(body) = response.extensions_mut().remove()?;
        let body = body.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self { head: head(response), body })
    }

    /// Sends the response to its end.
    ///
    /// # Errors
    /// If the connection breaks; `TimedOut` if the peer accepts nothing for `write_timeout`.
    pub fn send(self, stream: &mut TcpStream, write_timeout: Duration) -> impl Future<Output = io::Result<()>> {
        let Self { head, body } = self;
        Sending {
            stream,
            part: Part::plain(head),
            body,
            is_last: false,
            watches_peer: false,
            timeout: WriteTimeout::new(write_timeout),
        }
    }
}

/// Status line and headers.
fn head<B>(response: &Response<B>) -> Bytes {
    let mut head = Vec::with_capacity(1024);
    let status = response.status();
    let line = |name: &HeaderName, value: &[u8]| [name.as_str().as_bytes(), b": ", value, b"\r\n"].concat();
    head.extend_from_slice(
        format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).as_bytes(),
    );
    for (name, value) in response.headers() {
        head.extend_from_slice(&line(name, value.as_bytes()));
    }
    if !response.headers().contains_key(header::DATE) {
        head.extend_from_slice(&line(&header::DATE, httpdate::fmt_http_date(SystemTime::now()).as_bytes()));
    }
    head.extend_from_slice(b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    head.into()
}

/// Bytes to write: the head, a chunk, or the end.
struct Part {
    /// The size line of a chunk.
    line: SizeLine,
    data: Bytes,
    /// The line break after a chunk.
    end: &'static [u8],
    /// Number of bytes that are written.
    sent: usize,
}

/// At most 16 hexadecimal digits and a line break.
#[derive(Default)]
struct SizeLine {
    text: [u8; 18],
    length: usize,
}

impl fmt::Write for SizeLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let to = self.text.get_mut(self.length..self.length + text.len()).ok_or(fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

impl Part {
    fn plain(data: Bytes) -> Self {
        Self { line: SizeLine::default(), data, end: b"", sent: 0 }
    }

    fn chunk(data: Bytes) -> Self {
        let mut line = SizeLine::default();
        write!(line, "{:x}\r\n", data.len()).expect("the line has room for any length");
        Self { line, data, end: b"\r\n", sent: 0 }
    }

    fn remaining(&self) -> usize {
        self.line.length + self.data.len() + self.end.len() - self.sent
    }

    /// Writes what the socket accepts at once.
    fn send(&mut self, stream: &TcpStream) -> io::Result<()> {
        let mut skip = self.sent;
        let parts = [&self.line.text[..self.line.length], &self.data, self.end].map(|part| {
            let from = skip.min(part.len());
            skip -= from;
            &part[from..]
        });
        let socket = SockRef::from(stream);
        self.sent += if self.remaining() <= JOIN_LIMIT {
            JOINED.with_borrow_mut(|joined| {
                joined.clear();
                for part in parts {
                    joined.extend_from_slice(part);
                }
                socket.send(joined)
            })?
        } else {
            socket.send_vectored(&parts.map(IoSlice::new))?
        };
        Ok(())
    }
}

/// The future of [`StreamingResponse::send`].
struct Sending<'a> {
    stream: &'a mut TcpStream,
    part: Part,
    body: BoxBody,
    /// Whether `part` is the last one.
    is_last: bool,
    /// Whether the task was registered for a close by the peer.
    watches_peer: bool,
    timeout: WriteTimeout,
}

impl Future for Sending<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut wrote = false;
        for _ in 0..MAX_FRAMES_PER_POLL {
            ready!(this.poll_write(context))?;
            if this.is_last {
                return Poll::Ready(Ok(()));
            }
            match this.body.as_mut().poll_frame(context) {
                Poll::Ready(Some(frame)) => {
                    let Ok(frame) = frame;
                    // An empty chunk would be the end of the response. Trailers are dropped.
                    if let Some(data) = frame.into_data().ok().filter(|data| !data.is_empty()) {
                        this.part = Part::chunk(data);
                        wrote = true;
                    }
                }
                Poll::Ready(None) => {
                    this.part = Part::plain(Bytes::from_static(b"0\r\n\r\n"));
                    this.is_last = true;
                }
                // A write has just worked; a peer that is gone is noticed when a later one fails.
                Poll::Pending if wrote && this.watches_peer => return Poll::Pending,
                Poll::Pending => {
                    this.watches_peer = true;
                    return this.poll_closed(context);
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Sending<'_> {
    /// Writes the rest of the part.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.part.remaining() > 0 {
            let Self { stream, part, .. } = self;
            // Without asking for readiness first, as the socket usually has room.
            let written = match part.send(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    stream.try_io(Interest::WRITABLE, || part.send(stream))
                }
                written => written,
            };
            let written = match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Poll::Ready(ready) = stream.poll_write_ready(context) {
                        ready?;
                        continue;
                    }
                    Poll::Pending
                }
                written => Poll::Ready(written),
            };
            ready!(self.timeout.check(context, written))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for a close by the peer. Other data that it sends is ignored.
    fn poll_closed(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(&mut [0; 256]) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                Ok(_) | Err(_) => {}
            }
        }
    }
}
