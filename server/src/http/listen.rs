//! The accept loop: hyper for each connection, with the limits and time-outs that `axum::serve` does not set, and a
//! graceful shutdown. Event streams are taken over from hyper (crate `streaming-response`).

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::TokioTimer;
use socket2::{SockRef, TcpKeepalive};
use streaming_response::{StreamingResponse, WriteTimeoutStream, serve_connection};
use tokio::{
    io::{self as tokio_io, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    select,
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::limits::{ConnectionLimiter, ConnectionLimits, ConnectionPermit};

/// A request head must be complete this long after the connection was opened, or after the response before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that acknowledges nothing for this long is gone; one that accepts nothing is disconnected.
const PEER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest request head that is always accepted, and the most bytes buffered for one connection. A longer head is
/// rejected once this much of it was read, at twice the length at the latest.
const BUFFER: usize = 64 * 1024;
/// The most unsent bytes that the system accepts for a connection. So a slow peer is seen to accept some within
/// [`PEER_TIMEOUT`], takes little memory (one that accepts nothing 0.3 MB instead of 4), and gets the newest progress.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;
/// How long data that a client still sends after the last response is read and dropped.
const LINGER: Duration = Duration::from_secs(1);
/// The response to a connection above the limit. Without a body, so that the client does not stay.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves connections with `router` until `stop`, then lets open requests end for at most `drain`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
    drain: Duration,
) {
    let limiter = ConnectionLimiter::new(limits);
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let (streaming, handed_over) = mpsc::unbounded_channel();
    connections.spawn(run_all_streaming(handed_over, stop.clone(), abort.clone()));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Some(permit) = limiter.acquire(peer.ip()) else {
            connections.spawn(reject(stream));
            continue;
        };
        let connection = handle_connection(stream, peer, router.clone(), stop.clone());
        let (abort, streaming) = (abort.clone(), streaming.clone());
        connections.spawn(async move {
            let handed_over = abort.run_until_cancelled(connection).await.flatten();
            if let Some((response, stream)) = handed_over {
                // Fails only after the abort.
                let _ = streaming.send(Streaming { response, stream, permit });
            }
        });
    }
    drop((listener, streaming));
    connections.close();
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(open = limiter.open(), "closing connections that did not end in time");
        abort.cancel();
        connections.wait().await;
    }
}

/// A connection that was handed over with its last response.
struct Streaming {
    response: StreamingResponse,
    stream: TcpStream,
    permit: ConnectionPermit,
}

/// Runs streaming responses, each in a task of its own, which has no room for the state of hyper.
async fn run_all_streaming(
    mut handed_over: UnboundedReceiver<Streaming>,
    stop: CancellationToken,
    abort: CancellationToken,
) {
    let (mut running, mut more) = (JoinSet::new(), true);
    while more || !running.is_empty() {
        select! {
            next = handed_over.recv(), if more => match next {
                Some(next) => drop(running.spawn(run_streaming(next, stop.clone()))),
                None => more = false,
            },
            Some(_) = running.join_next() => {}
            () = abort.cancelled() => break,
        }
    }
    running.shutdown().await;
}

/// Serves one connection to its end, or until a streaming response is handed over.
async fn handle_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> Option<(StreamingResponse, TcpStream)> {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%peer, %error, "the connection was closed before it was served");
        return None;
    }
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(BUFFER);
    let respond = |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            response
        }
    };
    let mut stream = WriteTimeoutStream::new(stream, PEER_TIMEOUT);
    match serve_connection(&builder, &mut stream, respond, stop.cancelled()).await {
        Ok(Some(response)) => return Some((response, stream.into_inner())),
        Ok(None) => {}
        Err(error) => tracing::debug!(%peer, %error, "the connection broke"),
    }
    match (stream.has_timed_out(), stream.into_inner()) {
        (true, stream) => reset(&stream),
        (false, stream) if !stop.is_cancelled() => linger_close(stream).await,
        (false, _) => {}
    }
    None
}

/// Sends a streaming response to its end, and closes the connection.
async fn run_streaming(streaming: Streaming, stop: CancellationToken) {
    let Streaming { response, mut stream, permit: _permit } = streaming;
    match response.send(&mut stream, PEER_TIMEOUT).await {
        Ok(()) if !stop.is_cancelled() => Box::pin(linger_close(stream)).await,
        Ok(()) => {}
        Err(error) => {
            tracing::debug!(%error, "a stream broke");
            if error.kind() == io::ErrorKind::TimedOut {
                reset(&stream);
            }
        }
    }
}

/// Closes the connection so that the last response arrives. Data that reaches a closed socket resets the connection, and
/// a client that still sends would lose the response that says why it should not.
async fn linger_close(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        tokio_io::copy(&mut stream, &mut tokio_io::sink()).await
    };
    // The connection ends in any case.
    let _ = timeout(LINGER, drain).await;
}

/// Makes the close of the connection a reset: the system keeps nothing for a peer that would not accept it.
fn reset(stream: &TcpStream) {
    // The connection ends in any case.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Sets socket options: small frames are sent at once, and a vanished peer is detected.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PEER_TIMEOUT / 2).with_interval(PEER_TIMEOUT / 6))?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    Ok(())
}

async fn reject(mut stream: TcpStream) {
    // A client that does not accept the response within a second would not read it.
    let _ = timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
}

/// Waits after a failed accept that concerns all connections, such as without free file descriptors.
async fn pause_after(error: &io::Error) {
    let of_one = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if !of_one.contains(&error.kind()) {
        tracing::error!(%error, "cannot accept connections; trying again in a second");
        sleep(Duration::from_secs(1)).await;
    }
}
