//! Topics: adding and removing them on an open stream.

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use model::JobState::{Running, Succeeded};
use serde_json::json;
use server::stream::StreamTiming;

use crate::support::{ledger::Ledger, stream_reader::StreamReader};

async fn post(router: &Router, stream: &str, body: &str) -> StreamReader {
    let request = Request::post(format!("/events/{stream}")).body(Body::from(body.to_owned())).unwrap();
    StreamReader::ask(router, request).await
}

#[tokio::test]
async fn added_topic_sends_partial_snapshot_then_live_events() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 2);
    let router = ledger.router(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&router, "/events").await;
    let stream = reader.expect("hello").await.data["stream"].as_str().unwrap().to_owned();
    reader.expect("snapshot").await;
    assert_eq!(post(&router, &stream, r#"{"add": ["job=1"]}"#).await.status, StatusCode::NO_CONTENT);
    let snapshot = reader.expect("snapshot").await;
    assert_eq!((&snapshot.id, &snapshot.data["partial"], &snapshot.data["seq"]), (&None, &json!(true), &json!(1)));
    assert_eq!(snapshot.data["jobs"][0]["rev"], 2);
    ledger.tick(1, 1, 3);
    assert_eq!(reader.expect("progress").await.data["rev"], 3);
    ledger.log(1, 1, "a line");
    reader.expect("log").await;
    assert_eq!(post(&router, &stream, r#"{"remove": ["job=1"], "add": ["jobs"]}"#).await.status, 204);
    reader.expect("snapshot").await;
    ledger.log(1, 2, "no stream shows this");
    ledger.tick(1, 1, 4);
    ledger.state(1, 1, Succeeded, 5);
    reader.expect("state").await;
}

#[tokio::test]
async fn invalid_topic_change_is_rejected_and_changes_nothing() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&router, "/events?row=1").await;
    let stream = reader.expect("hello").await.data["stream"].as_str().unwrap().to_owned();
    reader.expect("snapshot").await;
    let many = json!({ "add": (0..500).map(|job| format!("row={}", job + 10)).collect::<Vec<_>>() }).to_string();
    for body in ["", "3", r#"{"add": ["weather"]}"#, r#"{"ad": []}"#, r#"{"remove": ["row=x"]}"#, many.as_str()] {
        let refused = post(&router, &stream, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.json().await["code"], "malformed");
    }
    for unknown in ["0", "zz", "00000000000000000000000000000000"] {
        let refused = post(&router, unknown, r#"{"add": ["jobs"]}"#).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{unknown}");
        assert_eq!(refused.json().await["code"], "no_such_stream");
    }
    ledger.tick(20, 1, 1);
    ledger.tick(1, 1, 1);
    assert_eq!(reader.expect("progress").await.data["job"], 1);
}
