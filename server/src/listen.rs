//! The accept loop: hyper for each connection, with the limits that `axum::serve` does not set.

mod exchange;
mod lasting;
mod patience;

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use socket2::{SockRef, TcpKeepalive};
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

pub use patience::Patient;

use crate::limits::{ConnectionLimiter, ConnectionLimits, ConnectionPermit};
use exchange::{Exchange, Socket};
pub(crate) use lasting::Lasting;

/// A request's head must be complete this long after the connection was opened, or after the answer before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that acknowledges nothing for this long is gone; one that takes nothing of what it is sent is cut off.
const PEER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head that is always taken, and what is read or queued at once for one connection, bytes. A head that is
/// longer is refused once that much was read of it without an end, at twice the length at the latest.
const BUFFER: usize = 64 * 1024;
/// Of what the system has taken to be sent, no more than this waits to be, bytes. So a slow peer is seen to take some
/// before [`PEER_TIMEOUT`], holds little memory (one that takes nothing 0.3 MB instead of 4), and is sent what is newest.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;
/// How long what a client still sends after the last answer is read and thrown away.
const LISTEN_ON: Duration = Duration::from_secs(1);
/// What a connection above the limit is told; a body would tempt it to stay.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Answers connections with `router` until `stop`, then lets the requests under way end for at most `drain`.
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
    let (lasts, lasting) = mpsc::unbounded_channel();
    connections.spawn(last_all(lasting, stop.clone(), abort.clone()));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Some(permit) = limiter.acquire(peer.ip()) else {
            connections.spawn(refuse(stream));
            continue;
        };
        let connection = answer(stream, peer, router.clone(), stop.clone());
        let (abort, lasts) = (abort.clone(), lasts.clone());
        connections.spawn(async move {
            let lasting = abort.run_until_cancelled(connection).await.flatten();
            if let Some((answer, stream)) = lasting {
                // Whoever would look after it is gone once all is over.
                let _ = lasts.send(Lasts { answer, stream, permit });
            }
        });
    }
    drop((listener, lasts));
    connections.close();
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(open = limiter.open(), "closing the connections that did not end in time");
        abort.cancel();
        connections.wait().await;
    }
}

/// A connection whose requests are over but for one, with an answer that lasts.
struct Lasts {
    answer: lasting::Answer,
    stream: TcpStream,
    permit: ConnectionPermit,
}

/// Sends the answers that last: each in a task of its own, which has no room for all that went before.
async fn last_all(mut answers: UnboundedReceiver<Lasts>, stop: CancellationToken, abort: CancellationToken) {
    let (mut under_way, mut more) = (JoinSet::new(), true);
    while more || !under_way.is_empty() {
        select! {
            next = answers.recv(), if more => match next {
                Some(next) => drop(under_way.spawn(last(next, stop.clone()))),
                None => more = false,
            },
            Some(_) = under_way.join_next() => {}
            () = abort.cancelled() => break,
        }
    }
    under_way.shutdown().await;
}

/// One connection, from its first byte to its last, or to an answer that lasts.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> Option<(lasting::Answer, TcpStream)> {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%peer, %error, "the connection was gone before it began");
        return None;
    }
    let mut stream = Patient::new(stream, PEER_TIMEOUT);
    match converse(&mut stream, peer, router, &stop).await {
        Ok(Some(answer)) => return Some((answer, stream.into_inner())),
        Ok(None) => {}
        Err(error) => tracing::debug!(%peer, %error, "the connection broke"),
    }
    match (stream.is_exhausted(), stream.into_inner()) {
        (true, stream) => reset(&stream),
        (false, stream) if !stop.is_cancelled() => part(stream).await,
        (false, _) => {}
    }
    None
}

/// Requests and answers, to the last, or to one that lasts.
async fn converse(
    stream: &mut Patient<TcpStream>,
    peer: SocketAddr,
    router: Router,
    stop: &CancellationToken,
) -> hyper::Result<Option<lasting::Answer>> {
    let exchange = Arc::new(Exchange::default());
    let lasting = Arc::clone(&exchange);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (router, lasting) = (router.clone(), Arc::clone(&lasting));
        async move {
            let may_last = lasting::may_last(&request);
            let Ok(mut response) = router.oneshot(request.map(axum::body::Body::new)).await;
            if !may_last {
                return Ok::<_, Infallible>(response);
            }
            match lasting::Answer::of(&mut response) {
                Some(answer) => lasting.put(answer),
                None => return Ok(response),
            }
            // The connection is dropped before this is looked at again.
            pending().await
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(Socket::new(stream, Arc::clone(&exchange)), service)
    );
    let mut stopping = pin!(stop.cancelled());
    let mut stopped = false;
    poll_fn(|context| {
        if !stopped && stopping.as_mut().poll(context).is_ready() {
            stopped = true;
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(context) {
            Poll::Ready(over) => Poll::Ready(over.map(|()| None)),
            Poll::Pending => exchange.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(Some(answer)))),
        }
    })
    .await
}

/// An answer that lasts, to its end.
async fn last(Lasts { answer, mut stream, permit: _permit }: Lasts, stop: CancellationToken) {
    match answer.send(&mut stream, PEER_TIMEOUT).await {
        Ok(()) if !stop.is_cancelled() => Box::pin(part(stream)).await,
        Ok(()) => {}
        Err(error) => {
            tracing::debug!(%error, "a stream broke");
            if error.kind() == io::ErrorKind::TimedOut {
                reset(&stream);
            }
        }
    }
}

/// Closes the connection so that the last answer arrives. What comes to a socket that is closed already resets the
/// connection, and a client that still sends would lose the answer that says why it should not.
async fn part(mut stream: TcpStream) {
    let read_on = async {
        stream.shutdown().await?;
        tokio_io::copy(&mut stream, &mut tokio_io::sink()).await
    };
    // Whatever happens now, it is over.
    let _ = timeout(LISTEN_ON, read_on).await;
}

/// Ends the connection at once: the system keeps nothing for a peer that would not take it.
fn reset(stream: &TcpStream) {
    // Whatever happens now, it is over.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Small frames leave at once, and a peer that vanished is noticed.
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

async fn refuse(mut stream: TcpStream) {
    // Whoever does not take the answer within a second was not going to read it.
    let _ = timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
}

/// A failed accept concerns one connection, or, with the descriptors used up, all of them for a while.
async fn pause_after(error: &io::Error) {
    let of_one = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if !of_one.contains(&error.kind()) {
        tracing::error!(%error, "cannot accept connections; trying again in a second");
        sleep(Duration::from_secs(1)).await;
    }
}
