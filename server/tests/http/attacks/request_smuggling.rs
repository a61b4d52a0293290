//! Request smuggling: requests that a proxy could parse differently, so that one hides another.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use crate::support::{
    process::ServerProcess,
    raw_http::{send_bytes, status_of},
};

/// The hidden request. Its response would be a 404 page with its own path.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The number of responses.
fn response_count(response: &str) -> usize {
    response.matches("HTTP/1.1 ").count()
}

fn send(server: &ServerProcess, head: &str, body: &str) -> String {
    send_bytes(server, format!("{head}\r\n{body}").as_bytes())
}

fn post(lines: &str) -> String {
    format!("POST /api/cancel_job HTTP/1.1\r\nhost: localhost\r\n{lines}")
}

#[test]
fn ambiguous_content_length_is_rejected_and_closes() {
    let (server, _data) = ServerProcess::start();
    let length = HIDDEN.len();
    for lines in [
        format!("content-length: 0\r\ncontent-length: {length}\r\n"),
        format!("content-length: {length}\r\ncontent-length: 0\r\n"),
        format!("content-length: 0, {length}\r\n"),
        "content-length: -1\r\n".to_owned(),
        "content-length: +1\r\n".to_owned(),
        "content-length: 0x10\r\n".to_owned(),
        "content-length: 1e1\r\n".to_owned(),
        "content-length: 1 1\r\n".to_owned(),
        "content-length:\r\n".to_owned(),
        "content-length: 99999999999999999999999999\r\n".to_owned(),
        "content-length: 18446744073709551616\r\n".to_owned(),
        "content-length : 0\r\n".to_owned(),
        " content-length: 0\r\n".to_owned(),
        "x: y\r\n content-length: 0\r\n".to_owned(),
        "transfer-encoding : chunked\r\n".to_owned(),
        "transfer-encoding: identity\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(),
        "transfer-encoding:\u{b}chunked\r\n".to_owned(),
        "transfer-encoding: \"chunked\"\r\n".to_owned(),
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(),
        "content-length: 4\r\ntransfer-encoding: gzip, chunked\r\n".to_owned(),
    ] {
        for body in [HIDDEN.to_owned(), format!("0\r\n\r\n{HIDDEN}")] {
            let response = send(&server, &post(&lines), &body);
            assert!(response_count(&response) <= 1 && !response.contains("smuggled"), "{lines:?} {body:?}: {response}");
            assert!(matches!(status_of(&response), 400 | 413), "{lines:?} {body:?}: {response}");
        }
    }
}

#[test]
fn ambiguous_chunk_size_closes_the_connection() {
    let (server, _data) = ServerProcess::start();
    let head = post("transfer-encoding: chunked\r\ncontent-type: application/x-www-form-urlencoded\r\n");
    for size in [
        "g",
        "-1",
        "+1",
        "0x1",
        "1 1",
        "1\n",
        "ffffffffffffffffff",
        "fffffffffffffffff",
        " ",
        "",
        "1;a=\"\r\n\"",
        "\u{b}1",
    ] {
        let response = send(&server, &head, &format!("{size}\r\na\r\n0\r\n\r\n{HIDDEN}"));
        assert!(!response.contains("smuggled") && response_count(&response) <= 1, "{size:?}: {response}");
        assert!(matches!(status_of(&response), 400 | 0), "{size:?}: {response}");
    }
    // Endless chunk extensions and trailers.
    let endless = "a".repeat(300_000);
    let response = send(&server, &head, &format!("1;{endless}\r\na\r\n0\r\n\r\n{HIDDEN}"));
    assert!(!response.contains("smuggled"), "{response}");
    let trailers = "x: y\r\n".repeat(100_000);
    let response = send(&server, &head, &format!("1\r\na\r\n0\r\n{trailers}\r\n{HIDDEN}"));
    assert!(!response.contains("smuggled"), "{response}");
}

#[test]
fn malformed_request_head_is_rejected() {
    let (server, _data) = ServerProcess::start();
    let host = "host: localhost\r\n";
    for head in [
        format!("GET / HTTP/1.1\r\n{host} folded\r\n"),
        format!("GET / HTTP/1.1\r\n folded: x\r\n{host}"),
        format!("GET / HTTP/1.1\r\n{host}x\0y: z\r\n"),
        format!("GET / HTTP/1.1\r\n{host}x: y\0z\r\n"),
        format!("GET / HTTP/1.1\r\n{host}x: y\rz\r\n"),
        format!("GET / HTTP/1.1\r\n{host}x y: z\r\n"),
        format!("GET / HTTP/1.1\r\n{host}: z\r\n"),
        format!("GET / HTTP/1.1\r\n{host}xyz\r\n"),
        format!("GET / HTTP/9.9\r\n{host}"),
        format!("GET / HTTP/2.0\r\n{host}"),
        format!("GET  / HTTP/1.1\r\n{host}"),
        format!("GET / x HTTP/1.1\r\n{host}"),
        format!("G(T / HTTP/1.1\r\n{host}"),
        format!("GET \0 HTTP/1.1\r\n{host}"),
        format!("GET /\u{7f} HTTP/1.1\r\n{host}"),
        format!("GET http:// HTTP/1.1\r\n{host}"),
        "GET / HTTP/1.1\r\nhost: a b\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: localhost/evil\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost:\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}".to_owned(),
    ] {
        let mut stream = server.connect();
        // Closed for writing, because the server would wait for the rest of an incomplete head.
        let sent = stream.write_all(format!("{head}\r\n{HIDDEN}").as_bytes());
        let _ = sent.and_then(|()| stream.shutdown(Shutdown::Write));
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        let response = String::from_utf8_lossy(&response);
        assert!(matches!(status_of(&response), 400 | 421 | 404 | 505 | 0), "{head:?}: {response}");
        assert!(status_of(&response) != 404 || head.contains('\u{7f}'), "{head:?}: {response}");
        let is_host_error = status_of(&response) == 421 || response.contains("one Host header");
        assert!(response_count(&response) <= 1 || is_host_error, "{head:?}: {response}");
    }
    assert_eq!(server.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200);
}

#[test]
fn expect_continue_is_answered_with_early_rejection() {
    let (server, _data) = ServerProcess::start_with(&["--upload-limit", "1MB"]);
    let response = send(
        &server,
        "POST /uploads?name=a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000000000\r\nexpect: 100-continue\r\n\
         connection: close\r\n",
        "",
    );
    assert_eq!(status_of(&response), 413, "{response}");
    for expected in ["200-ok", "", "100-continue, 100-continue"] {
        let response =
            send(&server, &post(&format!("expect: {expected}\r\ncontent-length: 4\r\nconnection: close\r\n")), "id=9");
        assert!(matches!(status_of(&response), 100 | 400..=417), "{expected}: {response}");
    }
}
