//! Answers that go on for minutes, such as event streams. Once hyper has read the request they are taken over from it and
//! written to the socket as they come: hyper would hold 16 KiB of buffers for each as long as it is open, and pass every
//! frame through them.
//!
//! Format: chunked transfer coding (RFC 9112, 7.1). The connection ends with the answer, and says so.

use std::{
    cell::RefCell,
    convert::Infallible,
    fmt::Write as _,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, Method, Request, Version, header};
use http_body::{Body, Frame, SizeHint};
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream};

use super::patience::Patience;

/// Frames written before other streams have their turn.
const TURN: usize = 16;
/// Pieces up to this size are put together before they are sent: a copy is cheaper than telling the system of three, bytes.
const SMALL: usize = 16 << 10;

thread_local! {
    /// Where they are.
    static TOGETHER: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(SMALL));
}

type Content = Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>;

/// The body of a lasting answer; one of its extensions, until somebody takes it.
#[derive(Clone)]
pub(crate) struct Lasting(Arc<Mutex<Option<Content>>>);

impl Lasting {
    /// The body of an answer and what to mark that with. It is sent the one way or the other.
    pub(crate) fn new(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> (Self, axum::body::Body) {
        let lasting = Self(Arc::new(Mutex::new(Some(Box::pin(body)))));
        (lasting.clone(), axum::body::Body::new(ByHyper(lasting)))
    }
}

/// The body where it is not taken over: of HTTP/1.0, or without a connection of ours.
struct ByHyper(Lasting);

impl Body for ByHyper {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut body = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().map_or(Poll::Ready(None), |body| body.as_mut().poll_frame(context))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Whether the answer to a request can be taken over: in chunks, and with a body.
pub(super) fn may_last<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && request.method() == Method::GET
}

/// An answer that is written here.
pub(super) struct Answer {
    head: Bytes,
    content: Content,
}

impl Answer {
    /// Takes out of `response` what lasts, where it does.
    pub(super) fn of(response: &mut Response) -> Option<Self> {
        let Lasting(content) = response.extensions_mut().remove()?;
        let content = content.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self { head: head(response), content })
    }

    /// Sends it to its end. `TimedOut` where the peer has taken nothing for as long as `patience`.
    pub(super) fn send(self, stream: &mut TcpStream, patience: Duration) -> impl Future<Output = io::Result<()>> {
        let Self { head, content } = self;
        Sending {
            stream,
            piece: Piece::plain(head),
            content,
            ending: false,
            listens: false,
            patience: Patience::new(patience),
        }
    }
}

/// Status line and headers.
fn head(response: &Response) -> Bytes {
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

/// What is being written.
struct Piece {
    /// The length of a chunk, in its line.
    line: Line,
    data: Bytes,
    /// Behind the data of a chunk.
    end: &'static [u8],
    /// Bytes of all that which have been taken.
    sent: usize,
}

/// At most the digits of a length and a line break.
#[derive(Default)]
struct Line {
    text: [u8; 18],
    length: usize,
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let to = self.text.get_mut(self.length..self.length + text.len()).ok_or(std::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

impl Piece {
    fn plain(data: Bytes) -> Self {
        Self { line: Line::default(), data, end: b"", sent: 0 }
    }

    fn chunk(data: Bytes) -> Self {
        let mut line = Line::default();
        write!(line, "{:x}\r\n", data.len()).expect("the line has room for any length");
        Self { line, data, end: b"\r\n", sent: 0 }
    }

    fn left(&self) -> usize {
        self.line.length + self.data.len() + self.end.len() - self.sent
    }

    /// Hands the socket what it takes at once.
    fn send(&mut self, stream: &TcpStream) -> io::Result<()> {
        let mut skip = self.sent;
        let parts = [&self.line.text[..self.line.length], &self.data, self.end].map(|part| {
            let from = skip.min(part.len());
            skip -= from;
            &part[from..]
        });
        let socket = SockRef::from(stream);
        self.sent += if self.left() <= SMALL {
            TOGETHER.with_borrow_mut(|all| {
                all.clear();
                for part in parts {
                    all.extend_from_slice(part);
                }
                socket.send(all)
            })?
        } else {
            socket.send_vectored(&parts.map(IoSlice::new))?
        };
        Ok(())
    }
}

/// An answer under way.
struct Sending<'a> {
    stream: &'a mut TcpStream,
    piece: Piece,
    content: Content,
    /// Whether the piece is the last one.
    ending: bool,
    /// Whether the peer's end of the connection has been looked at before.
    listens: bool,
    patience: Patience,
}

impl Future for Sending<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut told = false;
        for _ in 0..TURN {
            ready!(this.poll_piece(context))?;
            if this.ending {
                return Poll::Ready(Ok(()));
            }
            match this.content.as_mut().poll_frame(context) {
                Poll::Ready(Some(frame)) => {
                    let Ok(frame) = frame;
                    // Of length 0 it would be the end; trailers nobody makes.
                    if let Some(data) = frame.into_data().ok().filter(|data| !data.is_empty()) {
                        this.piece = Piece::chunk(data);
                        told = true;
                    }
                }
                Poll::Ready(None) => {
                    this.piece = Piece::plain(Bytes::from_static(b"0\r\n\r\n"));
                    this.ending = true;
                }
                // One that has gone is noticed by the second heartbeat at the latest, which cannot be sent.
                Poll::Pending if told && this.listens => return Poll::Pending,
                Poll::Pending => {
                    this.listens = true;
                    return this.poll_gone(context);
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Sending<'_> {
    /// Writes what is left of the piece.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.piece.left() > 0 {
            let Self { stream, piece, .. } = self;
            // At first without asking whether there is room, as there mostly is.
            let sent = match piece.send(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    stream.try_io(Interest::WRITABLE, || piece.send(stream))
                }
                sent => sent,
            };
            let sent = match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Poll::Ready(room) = stream.poll_write_ready(context) {
                        room?;
                        continue;
                    }
                    Poll::Pending
                }
                sent => Poll::Ready(sent),
            };
            ready!(self.patience.judge(context, sent))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Notices when the peer closes. What else it may send on this connection is not heard.
    fn poll_gone(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
