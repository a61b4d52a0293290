//! Stream reader: the frames of a stream, straight from the router or over a socket.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use server::{http::listen, limits::ConnectionLimits, middleware::client_ip::TrustedProxies};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The media type of newline-delimited JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// One event of a stream, in either encoding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Frame {
    /// The sequence number in the id.
    pub(crate) fn seq(&self) -> Option<i64> {
        self.id.as_ref().map(|id| id.split_once('.').unwrap().1.parse().unwrap())
    }
}

/// A response whose frames are read one by one.
pub(crate) struct StreamReader {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    source: Bytes,
    unread: Vec<u8>,
    frames: VecDeque<Frame>,
    /// The value of the last `retry:`.
    pub(crate) retry: Option<u64>,
}

enum Bytes {
    Body(Body),
    Socket(reqwest::Response),
}

impl StreamReader {
    /// Sends a request to the router without a socket, for tests with a paused clock.
    pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Self {
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        Self::new(parts.status, parts.headers, Bytes::Body(body))
    }

    pub(crate) async fn get(router: &Router, path: &str) -> Self {
        Self::ask(router, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Opens a stream of newline-delimited JSON.
    pub(crate) async fn lines(router: &Router, path: &str) -> Self {
        Self::ask(router, Request::get(path).header("accept", NDJSON).body(Body::empty()).unwrap()).await
    }

    /// Sends a request over a socket.
    pub(crate) async fn fetch(request: reqwest::RequestBuilder) -> Self {
        Self::from_response(request.send().await.unwrap())
    }

    /// Reads a response that was already received.
    pub(crate) fn from_response(response: reqwest::Response) -> Self {
        Self::new(response.status(), response.headers().clone(), Bytes::Socket(response))
    }

    fn new(status: StatusCode, headers: HeaderMap, source: Bytes) -> Self {
        Self { status, headers, source, unread: Vec::new(), frames: VecDeque::new(), retry: None }
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let bytes = match &mut self.source {
                Bytes::Body(body) => body.frame().await.map(|frame| frame.unwrap().into_data().unwrap()),
                Bytes::Socket(response) => response.chunk().await.unwrap(),
            };
            // A piece may end within a character or between two line feeds.
            let mut searched = self.unread.len().saturating_sub(1);
            self.unread.extend_from_slice(&bytes?);
            let lines = self.headers["content-type"] == "application/x-ndjson";
            let end_of_frame: &[u8] = if lines { b"\n" } else { b"\n\n" };
            let end = |unread: &[u8]| unread.windows(end_of_frame.len()).position(|bytes| bytes == end_of_frame);
            while let Some(end) = end(&self.unread[searched..]) {
                let rest = self.unread.split_off(searched + end + end_of_frame.len());
                searched = 0;
                let text = String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap();
                let (frame, retry) = if lines { (line(&text), None) } else { parse(text.trim_end_matches('\n')) };
                self.retry = retry.or(self.retry);
                self.frames.push_back(frame);
            }
        }
    }

    /// The next frame that is not a heartbeat, within half a minute.
    pub(crate) async fn frame(&mut self) -> Frame {
        let next = async {
            loop {
                match self.next().await {
                    Some(frame) if frame.event == "heartbeat" => {}
                    frame => return frame.expect("the stream goes on"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), next).await.expect("a frame comes in time")
    }

    /// The next frame, which must be of this event.
    pub(crate) async fn expect(&mut self, event: &str) -> Frame {
        let frame = self.frame().await;
        assert_eq!(frame.event, event, "{frame:?}");
        frame
    }

    /// All frames until the end.
    pub(crate) async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The body as JSON.
    pub(crate) async fn json(self) -> Value {
        let bytes = match self.source {
            Bytes::Body(body) => body.collect().await.unwrap().to_bytes(),
            Bytes::Socket(response) => response.bytes().await.unwrap(),
        };
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// The last line of a poll is only an id.
fn line(line: &str) -> Frame {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let frame =
        Frame { event: text(&value["event"]).unwrap_or_default(), id: text(&value["id"]), data: value["data"].take() };
    let fields = value.as_object().unwrap().keys().all(|key| ["event", "id", "data"].contains(&key.as_str()));
    assert!(fields, "{line}");
    frame
}

fn parse(block: &str) -> (Frame, Option<u64>) {
    let mut frame = Frame { event: String::new(), id: None, data: Value::Null };
    let mut retry = None;
    for line in block.lines() {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "event" => value.clone_into(&mut frame.event),
            "id" => frame.id = Some(value.to_owned()),
            "data" => frame.data = serde_json::from_str(value).unwrap(),
            "retry" => retry = Some(value.parse().unwrap()),
            other => panic!("no such field: {other}"),
        }
    }
    (frame, retry)
}

/// Serves the router on a free port, as the program does.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    serve_on(router, "127.0.0.1").await
}

/// Serves the router on a free port of `address`.
pub(crate) async fn serve_on(router: Router, address: &str) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let limits = ConnectionLimits { total: 20_000, per_address: 20_000, proxies: TrustedProxies::default() };
    tokio::spawn(listen::serve(listener, router, limits, CancellationToken::new(), Duration::ZERO));
    addr
}
