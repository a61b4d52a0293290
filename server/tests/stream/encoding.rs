//! Encoding: every text arrives byte for byte, as server-sent events and as NDJSON, and injects no frame.

use std::{fmt::Write as _, process::Command};

use axum::body::Body;
use http::{Request, StatusCode};
use model::JobState::Succeeded;
use serde_json::{Value, json};
use server::stream::StreamTiming;

use crate::support::{
    fault_proxy::{Fault, FaultProxy},
    ledger::Ledger,
    sse_parser::Parser,
    stream_reader::{NDJSON, StreamReader, serve},
};

/// Texts that users and programs may write, and that break careless readers.
fn texts() -> Vec<String> {
    [
        "",
        " ",
        "one\ntwo\n\nthree",
        "\r",
        "\r\n\r\n",
        "a\rb\r\nc\nd",
        "\0 in the middle \0",
        "\u{2028}\u{2029}\u{85}\u{b}\u{c}",
        "\u{feff}a mark at the beginning",
        "\u{1f980}\u{1f469}\u{200d}\u{1f680} na\u{ef}ve \u{5d0}\u{200f}",
        "data: x\nevent: bye\ndata: {}\nid: forged\n\n",
        "\n\nevent: end\ndata: 1\n\n",
        "\nid\nretry: 1\n:",
        r#""quoted" \ and }{"event":"end"}"#,
        "\u{1}\u{7f}\u{fffd}\u{10ffff}",
    ]
    .map(str::to_owned)
    .into()
}

/// A megabyte of one text.
fn long() -> String {
    let mut long = String::new();
    while long.len() < 1 << 20 {
        writeln!(long, "line {} \u{1f980}\r", long.len()).unwrap();
    }
    long
}

/// The lines of all logs in a stream of `pairs` of name and data, with a check of all other events.
fn lines(events: impl Iterator<Item = (String, Value)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, data) in events {
        match name.as_str() {
            "log" => lines.push(data["lines"][0]["text"].as_str().unwrap().to_owned()),
            "state" => assert_eq!(data["state"], "succeeded"),
            other => assert!(["hello", "heartbeat", "end"].contains(&other), "no other event: {other}"),
        }
    }
    lines
}

#[tokio::test]
async fn case_19_text_arrives_unchanged_in_both_encodings() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, model::JobState::Running, 0);
    for (line, text) in (1..).zip(texts()) {
        ledger.log(1, line, &text);
    }
    ledger.state(1, 1, Succeeded, 1);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let dribble = FaultProxy::before(addr, |_| Fault::Dribble).await;
    let client = reqwest::Client::new();
    for (addr, accept) in [(addr, ""), (addr, NDJSON), (dribble.addr, "text/event-stream"), (dribble.addr, NDJSON)] {
        let request = client.get(format!("http://{addr}/events?job=1&until=end&after=e1.1")).header("accept", accept);
        let bytes = request.send().await.unwrap().bytes().await.unwrap();
        let read: Vec<(String, Value)> = if accept == NDJSON {
            let text = std::str::from_utf8(&bytes).unwrap();
            let of_line = |line: &str| {
                let mut value: Value = serde_json::from_str(line).unwrap();
                (value["event"].as_str().unwrap().to_owned(), value["data"].take())
            };
            // Only a line feed ends a line.
            text.strip_suffix('\n').unwrap().split('\n').map(of_line).collect()
        } else {
            let (mut parser, mut whole) = (Parser::default(), Parser::default());
            let single: Vec<_> = bytes.iter().flat_map(|byte| parser.feed(&[*byte])).collect();
            assert_eq!(single, whole.feed(&bytes));
            assert!(
                single.iter().all(|event| event.last_event_id.is_empty() || event.last_event_id.starts_with("e1."))
            );
            assert!(whole.retry.is_some_and(|retry| retry >= 2_000), "the server's own");
            single.into_iter().map(|event| (event.event, serde_json::from_str(&event.data).unwrap())).collect()
        };
        let read = lines(read.into_iter());
        assert_eq!(read.len(), texts().len());
        assert!(read == texts(), "{accept}: something has changed on the way");
    }
}

#[tokio::test]
async fn case_19_megabyte_line_arrives_unchanged() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let dribble = FaultProxy::before(addr, |_| Fault::Dribble).await;
    let url = |addr| format!("http://{addr}/events?job=1");
    let client = reqwest::Client::new();
    let mut readers = Vec::new();
    for request in
        [client.get(url(addr)), client.get(url(addr)).header("accept", NDJSON), client.get(url(dribble.addr))]
    {
        let mut reader = StreamReader::fetch(request).await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        readers.push(reader);
    }
    ledger.log(1, 1, &long());
    for reader in &mut readers {
        assert!(reader.expect("log").await.data["lines"][0]["text"] == long());
    }
}

/// Input of a client never becomes part of a frame.
#[tokio::test]
async fn case_19_line_breaks_in_ids_and_topics_inject_no_frame() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    for query in [
        "after=e1.1%0aevent:%20bye",
        "after=e1%0d%0a.1",
        "after=e1.1%00",
        "after=%F0%9F%A6%80.1",
        "topic=jobs%0a%0aevent:%20bye%0adata:%20{}%0a%0a",
        "job=1%0aid:%202",
        "row=1%0d",
        "until=end%0a&job=1",
        "x%0a%0aevent:%20bye%0adata:%201%0a%0a=1",
    ] {
        for accept in ["text/event-stream", NDJSON] {
            let request =
                Request::get(format!("/events?{query}")).header("accept", accept).body(Body::empty()).unwrap();
            let refused = StreamReader::ask(&router, request).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
            assert_eq!(refused.headers["content-type"], "application/json");
            assert_eq!(refused.json().await["code"], "malformed");
        }
    }
    let mut reader = StreamReader::get(&router, "/events").await;
    let stream = reader.expect("hello").await.data["stream"].as_str().unwrap().to_owned();
    assert!(stream.len() == 32 && stream.bytes().all(|byte| byte.is_ascii_hexdigit()));
    reader.expect("snapshot").await;
    for word in ["jobs\nevent: bye", "job=1\r\n", "row=\n1", "\u{2028}", ""] {
        let change = Request::post(format!("/events/{stream}")).body(Body::from(json!({ "add": [word] }).to_string()));
        assert_eq!(StreamReader::ask(&router, change.unwrap()).await.status, StatusCode::BAD_REQUEST, "{word:?}");
    }
    ledger.drain.cancel();
    let rest = reader.rest().await;
    assert_eq!(rest.len(), 1, "no frame was injected: {rest:?}");
    assert_eq!(rest[0].event, "bye");
}

/// A browser stops at 204 and rejects other media types.
#[tokio::test]
async fn case_19_other_responses_do_not_look_like_a_stream() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Succeeded, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let ask = |path: &'static str| {
        let url = format!("http://{addr}{path}");
        tokio::task::spawn_blocking(move || {
            let curl =
                Command::new("curl").args(["-sN", "-o", "-", "-w", "%{http_code} %{content_type}", &url]).output();
            String::from_utf8(curl.unwrap().stdout).unwrap()
        })
    };
    assert_eq!(ask("/events?job=1&until=end&after=e1.1").await.unwrap().trim_end(), "204");
    assert!(ask("/events?job=1&after=no").await.unwrap().ends_with("400 application/json"));
    assert!(ask("/events?job=7&until=end").await.unwrap().ends_with("404 application/json"));
}
