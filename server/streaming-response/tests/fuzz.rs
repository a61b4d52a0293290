//! Fuzz tests: random bodies, random pieces of requests and a slow reader, over real sockets, and a strict parser of
//! what arrives.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::pending,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1};
use proptest::prelude::*;
use streaming_response::{StreamingBody, WriteTimeoutStream, serve_connection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// A body that yields between some of its frames.
#[derive(Clone, Debug)]
struct Frames(VecDeque<Option<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut().0.pop_front() {
            Some(Some(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(None) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }
}

impl Frames {
    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flatten().flat_map(|data| data.to_vec()).collect()
    }
}

/// Frames of any size, empty ones too, with pauses.
fn frames() -> impl Strategy<Value = Frames> {
    let size = prop_oneof![0_usize..40, 0_usize..40, 0_usize..3_000, 16_000_usize..70_000];
    let frame = prop_oneof![3 => (size, any::<u8>()).prop_map(|(size, byte)| Some(Bytes::from(vec![byte; size]))), 1 => Just(None)];
    proptest::collection::vec(frame, 0..40).prop_map(|frames| Frames(frames.into()))
}

/// The response to `/N` has `N` bytes; every other path is the stream.
fn respond(request: &Request<Incoming>, stream: &Frames) -> Response<BoxBody<Bytes, Infallible>> {
    if let Ok(length) = request.uri().path()[1..].parse() {
        return Response::new(Full::new(Bytes::from(vec![b'p'; length])).boxed());
    }
    let (streaming, fallback) = StreamingBody::new(stream.clone());
    let mut response = Response::new(BoxBody::new(fallback));
    response.extensions_mut().insert(streaming);
    response
}

/// How a client behaves.
struct Client<'a> {
    requests: &'a [u8],
    /// Sizes of the pieces that the requests are sent in.
    pieces: &'a [usize],
    /// The most bytes read at once.
    read: usize,
    /// Closes its side after the requests, which ends a stream.
    half_closes: bool,
}

/// Serves one connection. Returns everything that arrived, and whether a response was handed over and sent to its end.
fn exchange(client: &Client<'_>, stream: &Frames) -> (Vec<u8>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exchange = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        // A small window, so that the server often has to wait for room.
        socket.set_recv_buffer_size(2048).unwrap();
        let connection = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (is_complete, received) = tokio::join!(serve(server, stream), talk(connection, client));
        (received, is_complete)
    };
    runtime.block_on(async { timeout(Duration::from_mins(1), exchange).await }).expect("the connection ends")
}

async fn serve(stream: TcpStream, frames: &Frames) -> bool {
    let mut stream = WriteTimeoutStream::new(stream, WRITE_TIMEOUT);
    let respond = |request| {
        let response = respond(&request, frames);
        async { response }
    };
    let served = serve_connection(&http1::Builder::new(), &mut stream, respond, pending()).await;
    let Ok(Some(response)) = served else { return false };
    let mut stream = stream.into_inner();
    if response.send(&mut stream, WRITE_TIMEOUT).await.is_err() {
        return false;
    }
    stream.shutdown().await.unwrap();
    // Requests after the stream are not read: without this the close would be a reset.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    true
}

async fn talk(connection: TcpStream, client: &Client<'_>) -> Vec<u8> {
    let (mut reader, mut writer) = connection.into_split();
    let send = async {
        let mut rest = client.requests;
        for size in client.pieces.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*size));
            // Fails once the server has closed the connection.
            if piece.is_empty() || writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
            rest = after;
        }
        if client.half_closes {
            let _ = writer.shutdown().await;
        }
    };
    let receive = async {
        let (mut received, mut buffer) = (Vec::new(), vec![0; client.read]);
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..count]);
        }
        received
    };
    tokio::join!(send, receive).1
}

/// Parses responses strictly, and returns their bodies.
fn bodies(mut received: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while !received.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(received).unwrap() else { panic!("half a head") };
        assert_eq!(response.code, Some(200));
        received = &received[length..];
        let header = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.map(|header| std::str::from_utf8(header.value).unwrap())
        };
        let body = if let Some(length) = header("content-length") {
            take(&mut received, length.parse().unwrap()).to_vec()
        } else {
            assert_eq!(header("transfer-encoding"), Some("chunked"));
            assert_eq!(header("connection"), Some("close"));
            chunks(&mut received)
        };
        bodies.push(body);
    }
    bodies
}

fn take<'a>(received: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = received.split_at(count);
    *received = rest;
    taken
}

fn chunks(received: &mut &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = received.windows(2).position(|window| window == b"\r\n").expect("a size line");
        let size = usize::from_str_radix(std::str::from_utf8(take(received, line)).unwrap(), 16).unwrap();
        assert_eq!(take(received, 2), b"\r\n");
        body.extend_from_slice(take(received, size));
        assert_eq!(take(received, 2), b"\r\n");
        if size == 0 {
            return body;
        }
    }
}

fn get(path: &str) -> String {
    format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stream_after_pipelined_responses_arrives_unchanged(
        before in proptest::collection::vec(0_usize..60_000, 0..4),
        after in 0_usize..2,
        pieces in proptest::collection::vec(1_usize..120, 1..8),
        read in 64_usize..9_000,
        stream in frames(),
    ) {
        let requests: String = before
            .iter()
            .map(|length| get(&length.to_string()))
            .chain([get("stream")])
            .chain((0..after).map(|_| get("7")))
            .collect();
        let client = Client { requests: requests.as_bytes(), pieces: &pieces, read, half_closes: false };
        let (received, handed_over) = exchange(&client, &stream);
        prop_assert!(handed_over);
        let mut bodies = bodies(&received);
        prop_assert_eq!(bodies.pop(), Some(stream.bytes()));
        prop_assert_eq!(bodies.iter().map(Vec::len).collect::<Vec<_>>(), before);
    }

    #[test]
    fn response_is_handed_over_only_to_get_of_http_1_1(
        method in proptest::sample::select(&["GET", "HEAD", "POST", "OPTIONS"][..]),
        version in proptest::sample::select(&["1.0", "1.1"][..]),
        stream in frames(),
    ) {
        let request = format!("{method} /stream HTTP/{version}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let client = Client { requests: request.as_bytes(), pieces: &[64], read: 4096, half_closes: false };
        let (received, handed_over) = exchange(&client, &stream);
        prop_assert_eq!(handed_over, (method, version) == ("GET", "1.1"));
        let status = format!("HTTP/{version} 200 OK\r\n");
        prop_assert!(received.starts_with(status.as_bytes()));
    }

    #[test]
    fn any_bytes_end_the_connection_without_a_panic(
        garbage in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            "(GET|HEAD|PUT) /(stream|9) HTTP/1\\.[01]\r\n([a-z-]{1,9}: [ -~]{0,9}\r\n){0,4}(\r\n)?[ -~\r\n]{0,60}"
                .prop_map(String::into_bytes),
        ],
        pieces in proptest::collection::vec(1_usize..50, 1..6),
        stream in frames(),
    ) {
        let client = Client { requests: &garbage, pieces: &pieces, read: 4096, half_closes: true };
        let (received, handed_over) = exchange(&client, &stream);
        if handed_over {
            prop_assert!(received.ends_with(b"0\r\n\r\n"));
        }
    }
}
