//! The stream as newline-delimited JSON.

use std::process::Command;

use axum::body::Body;
use http::{Request, StatusCode};
use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;
use tokio::task::spawn_blocking;

use crate::support::{
    ledger::Ledger,
    stream_reader::{NDJSON, StreamReader, serve},
};

#[tokio::test]
async fn ndjson_stream_has_the_same_events_as_sse() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let path = "/events?job=1&until=end";
    let (mut frames, mut lines) = (StreamReader::get(&router, path).await, StreamReader::lines(&router, path).await);
    assert_eq!(frames.headers["content-type"], "text/event-stream");
    assert_eq!(lines.headers["content-type"], NDJSON);
    for reader in [&mut frames, &mut lines] {
        assert_eq!(reader.headers["cache-control"], "no-store, no-transform");
        assert_eq!(reader.expect("hello").await.data["epoch"], "e1");
        let snapshot = reader.expect("snapshot").await;
        assert_eq!((snapshot.seq(), &snapshot.data["jobs"][0]["job"]), (Some(1), &1.into()));
    }
    ledger.log(1, 1, "one\ntwo\r\n\u{2028}\u{1f980}\u{0}");
    ledger.tick(1, 1, 5);
    for reader in [&mut frames, &mut lines] {
        assert_eq!(reader.expect("log").await.data["lines"][0]["text"], "one\ntwo\r\n\u{2028}\u{1f980}\u{0}");
        let progress = reader.expect("progress").await;
        assert_eq!((&progress.data["rev"], &progress.id), (&5.into(), &None), "volatile events have no id");
    }
    ledger.state(1, 1, Succeeded, 9);
    let (frames, lines) = (frames.rest().await, lines.rest().await);
    let names: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names, ["state", "end"]);
    assert_eq!(frames, lines, "with the same ids and data");
}

#[tokio::test]
async fn added_topic_on_ndjson_stream_sends_a_snapshot_line() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 2);
    let router = ledger.router(StreamTiming::default()).await;
    let mut reader = StreamReader::lines(&router, "/events").await;
    let stream = reader.expect("hello").await.data["stream"].as_str().unwrap().to_owned();
    reader.expect("snapshot").await;
    let change = Request::post(format!("/events/{stream}")).body(Body::from(r#"{"add": ["job=1"]}"#)).unwrap();
    assert_eq!(StreamReader::ask(&router, change).await.status, StatusCode::NO_CONTENT);
    assert_eq!(reader.expect("snapshot").await.data["jobs"][0]["rev"], 2);
}

#[tokio::test]
async fn accept_header_selects_encoding_with_sse_as_default() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    for (accept, kind) in [
        ("*/*", "text/event-stream"),
        ("text/html, application/json", "text/event-stream"),
        ("text/event-stream, application/x-ndjson", "text/event-stream"),
        ("Application/X-NDJSON;q=0.9, */*", NDJSON),
        ("application/json, application/x-ndjson", NDJSON),
    ] {
        let request = Request::get("/events").header("accept", accept).body(Body::empty()).unwrap();
        assert_eq!(StreamReader::ask(&router, request).await.headers["content-type"], kind, "{accept}");
    }
}

/// `curl -N` and nothing else.
#[tokio::test]
async fn curl_exits_with_the_job_in_both_encodings() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let curls = ["text/event-stream", NDJSON].map(|accept| {
        let mut curl = Command::new("curl");
        curl.args(["-sfN", "--max-time", "10", "-H", &format!("accept: {accept}")]);
        curl.arg(format!("http://{addr}/events?row=1&until=end"));
        spawn_blocking(move || curl.output().unwrap())
    });
    ledger.until_open(2).await;
    ledger.state(1, 1, Succeeded, 1);
    for curl in curls {
        let ended = curl.await.unwrap();
        let output = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.success());
        assert!(output.trim_end().lines().last().unwrap().contains("cursor"), "{output}");
    }
}
