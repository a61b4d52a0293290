//! The handover of a response: hyper serves a connection until one of its responses is to be written directly.

use std::{
    convert::Infallible,
    error::Error,
    future::{pending, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{StreamingResponse, WriteTimeoutStream, response::can_stream};

/// Serves the requests of a connection until it ends, or until a response is handed over, which is returned. Everything
/// before that response has been written then. When `shutdown` completes, the request under way is the last.
///
/// # Errors
/// If the connection breaks, or the peer does not speak HTTP.
pub async fn serve_connection<F, B>(
    builder: &http1::Builder,
    stream: &mut WriteTimeoutStream<TcpStream>,
    respond: impl Fn(Request<Incoming>) -> F,
    shutdown: impl Future<Output = ()>,
) -> hyper::Result<Option<StreamingResponse>>
where
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let handover = Arc::new(Handover::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (can_stream, response) = (can_stream(&request), respond(request));
        let handover = Arc::clone(&handover);
        async move {
            let mut response = response.await;
            if !can_stream {
                return Ok::<_, Infallible>(response);
            }
            match StreamingResponse::take_from(&mut response) {
                Some(streaming) => handover.put(streaming),
                None => return Ok(response),
            }
            // The connection is dropped before this is polled again.
            pending().await
        }
    });
    let socket = HandoverSocket { stream: TokioIo::new(stream), handover: Arc::clone(&handover) };
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut shutdown = pin!(shutdown);
    let mut shutting_down = false;
    poll_fn(|context| {
        if !shutting_down && shutdown.as_mut().poll(context).is_ready() {
            shutting_down = true;
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended.map(|()| None)),
            Poll::Pending => handover.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(Some(response)))),
        }
    })
    .await
}

/// What the service and the socket of one connection share.
#[derive(Default)]
struct Handover {
    response: Mutex<Option<StreamingResponse>>,
    /// Whether hyper holds bytes of an earlier response that the socket has not accepted.
    unwritten: AtomicBool,
}

impl Handover {
    fn put(&self, response: StreamingResponse) {
        *self.response() = Some(response);
    }

    /// Takes the response once everything before it is written. To be called after hyper was polled: each poll flushes
    /// what it holds.
    fn take(&self) -> Option<StreamingResponse> {
        if self.unwritten.load(Relaxed) { None } else { self.response().take() }
    }

    fn response(&self) -> MutexGuard<'_, Option<StreamingResponse>> {
        self.response.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket that hyper writes to.
struct HandoverSocket<'a> {
    stream: TokioIo<&'a mut WriteTimeoutStream<TcpStream>>,
    handover: Arc<Handover>,
}

impl<'a> HandoverSocket<'a> {
    fn stream(&mut self) -> Pin<&mut TokioIo<&'a mut WriteTimeoutStream<TcpStream>>> {
        Pin::new(&mut self.stream)
    }
}

impl Read for HandoverSocket<'_> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, to)
    }
}

impl Write for HandoverSocket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.handover.unwritten.store(true, Relaxed);
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.handover.unwritten.store(true, Relaxed);
        self.stream().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written everything it held.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handover.unwritten.store(false, Relaxed);
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
