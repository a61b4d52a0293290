//! Handover: streams on connections that carried other responses before, and requests that are not handed over.

use server::stream::StreamTiming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};

use crate::support::{ledger::Ledger, stream_reader::serve};

const STREAM: &str = "GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n";
const POLL: &str = "GET /events/poll?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A connection on which all requests are sent at once.
async fn connect_and_send(requests: &[&str]) -> TcpStream {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(requests.concat().as_bytes()).await.unwrap();
    stream
}

/// Reads until `text` has come `times` times.
async fn read_to(stream: &mut TcpStream, text: &str, times: usize) -> String {
    let mut read = String::new();
    let all = async {
        while read.matches(text).count() < times {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed after {read}");
            read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    };
    timeout(Duration::from_secs(10), all).await.unwrap();
    read
}

#[tokio::test]
async fn http_1_1_stream_is_chunked_and_closes_the_connection() {
    let read = read_to(&mut connect_and_send(&[STREAM]).await, "event: snapshot", 1).await;
    let (head, body) = read.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    for line in
        ["http/1.1 200 ok", "content-type: text/event-stream", "transfer-encoding: chunked", "connection: close"]
    {
        assert!(head.lines().any(|other| other == line), "{line} is not in {head}");
    }
    assert!(head.contains("\r\ndate: "), "{head}");
    let (length, rest) = body.split_once("\r\n").unwrap();
    let length = usize::from_str_radix(length, 16).unwrap();
    assert!(rest[..length].starts_with("retry: ") && rest[..length].ends_with("\n\n"), "{body}");
    assert_eq!(&rest[length..length + 2], "\r\n");
}

#[tokio::test]
async fn pipelined_responses_arrive_complete_before_the_stream() {
    let mut stream = connect_and_send(&[POLL, POLL, STREAM]).await;
    let read = read_to(&mut stream, "event: snapshot", 1).await;
    assert_eq!(read.matches("HTTP/1.1 200 OK").count(), 3, "{read}");
    let (polls, stream) = read.rsplit_once("HTTP/1.1 200 OK").unwrap();
    assert_eq!(polls.matches("application/x-ndjson").count(), 2, "{polls}");
    assert!(stream.contains("text/event-stream"), "{stream}");
}

#[tokio::test]
async fn http_1_0_stream_is_not_chunked() {
    let request = STREAM.replace("HTTP/1.1", "HTTP/1.0");
    let read = read_to(&mut connect_and_send(&[&request]).await, "event: snapshot", 1).await;
    let (head, body) = read.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert!(body.starts_with("retry: "), "{body}");
}

#[tokio::test]
async fn head_request_opens_no_stream() {
    let head = STREAM.replace("GET", "HEAD");
    let read = read_to(&mut connect_and_send(&[&head, POLL]).await, "HTTP/1.1 200 OK", 2).await;
    assert!(!read.split("HTTP/1.1 200 OK").nth(1).unwrap().contains("retry:"), "{read}");
}
