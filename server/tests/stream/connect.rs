//! Connect and resume: the first frames of a stream, replay from a cursor, rejected parameters.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use model::JobState::{Queued, Running, Succeeded};
use rand::Rng;
use server::stream::StreamTiming;

use crate::support::{
    ledger::{Ledger, cursor},
    stream_reader::{StreamReader, serve},
};

#[tokio::test]
async fn new_stream_starts_with_hello_and_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 3);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let mut reader = StreamReader::fetch(reqwest::Client::new().get(format!("http://{addr}/events?row=1"))).await;
    assert_eq!(reader.status, StatusCode::OK);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reader.headers[name], value);
    }
    let hello = reader.expect("hello").await;
    assert_eq!((&hello.data["epoch"], &hello.data["seq"]), (&"e1".into(), &1.into()));
    assert_eq!((&hello.data["build"], &hello.data["heartbeat_ms"]), (&"test".into(), &10_000.into()));
    assert!(reader.retry.is_some_and(|retry| (2_000..=6_000).contains(&retry)));
    let snapshot = reader.expect("snapshot").await;
    assert_eq!(snapshot.id.as_deref(), Some("e1.1"));
    assert_eq!(snapshot.data["jobs"][0]["state"], "running");
    assert_eq!(snapshot.data["jobs"][0]["rev"], 3);
}

#[tokio::test]
async fn case_02_resume_replays_missed_events_and_latest_progress() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Queued, 0);
    ledger.state(1, 1, Running, 0);
    ledger.log(1, 1, "of another topic");
    ledger.state(2, 1, Running, 0);
    ledger.tick(1, 1, 4);
    let router = ledger.router(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&router, "/events?row=1&after=e1.1").await;
    reader.expect("hello").await;
    let missed = reader.expect("state").await;
    assert_eq!((missed.seq(), &missed.data["state"]), (Some(2), &"running".into()));
    assert_eq!(reader.expect("progress").await.data["rev"], 4);
    ledger.state(1, 1, Succeeded, 9);
    assert_eq!(reader.expect("state").await.seq(), Some(5));
}

#[tokio::test]
async fn case_02_last_event_id_header_overrides_query() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    for state in [Queued, Running, Succeeded] {
        ledger.state(1, 1, state, 0);
    }
    let request = Request::get("/events?row=1&after=e1.0").header("last-event-id", "e1.2").body(Body::empty()).unwrap();
    let mut reader = StreamReader::ask(&ledger.router(StreamTiming::default()).await, request).await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("state").await.seq(), Some(3));
}

#[tokio::test]
async fn case_03_unusable_cursor_gets_a_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    for state in [Queued, Running, Succeeded] {
        ledger.state(1, 1, state, 0);
    }
    ledger.trim(2);
    let router = ledger.router(StreamTiming::default()).await;
    for (position, why) in [("other.2", "of another log"), ("e1.1", "trimmed"), ("e1.4", "ahead of the log")] {
        let mut reader = StreamReader::get(&router, &format!("/events?row=1&after={position}")).await;
        reader.expect("hello").await;
        assert_eq!(reader.expect("snapshot").await.seq(), Some(3), "{why}");
    }
}

#[tokio::test]
async fn resume_after_too_many_events_gets_a_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    for line in 1..=1_200 {
        ledger.log(1, line, "one of many");
    }
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1&after=e1.0").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.seq(), Some(1_200));
}

#[tokio::test]
async fn case_03_malformed_parameter_is_rejected_by_name() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    let many = (0..501).map(|job| format!("row={job}")).collect::<Vec<_>>().join("&");
    for (query, field) in [
        ("after=nonsense", "after"),
        ("after=e1.-1", "after"),
        ("after=e1.99999999999999999999", "after"),
        ("topic=weather", "topic"),
        ("job=first", "job"),
        ("row=", "row"),
        ("until=never&job=1", "until"),
        ("until=end", "until"),
        ("colour=red", "colour"),
        (many.as_str(), "row"),
    ] {
        let refused = StreamReader::get(&router, &format!("/events?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(refused.json().await["field"], field);
    }
    let request = Request::get("/events").header("last-event-id", "not one").body(Body::empty()).unwrap();
    assert_eq!(StreamReader::ask(&router, request).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(StreamReader::get(&router, "/events/poll?after=nonsense").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(StreamReader::get(&router, "/events/poll?after=e1.0").await.status, StatusCode::OK);
    assert_eq!(ledger.hub.stats().streams, 0, "nothing was opened");
}

/// A writer and a stream take turns at random. Each event is either in the snapshot or sent once, in order, however
/// commit, publication, subscription and read interleave.
#[tokio::test]
async fn case_01_connect_during_commits_gets_each_event_once() {
    const EVENTS: i64 = 8;
    let random = |most: i64| rand::rng().random_range(0..=most);
    for _ in 0..10_000 {
        let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
        let router = ledger.router(StreamTiming::default()).await;
        ledger.yield_before_reads(random(4));
        let writer = tokio::spawn({
            let ledger = Arc::clone(&ledger);
            async move {
                for attempt in 1..=EVENTS {
                    let event = ledger.commit_state(1, attempt as u32, Running, 0);
                    let turns = rand::rng().random_range(0..=3);
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                    ledger.publish(event);
                }
            }
        });
        for _ in 0..random(12) {
            tokio::task::yield_now().await;
        }
        let after = random(3);
        let resume = if random(1) == 1 { format!("&after={}", cursor(after)) } else { String::new() };
        let mut reader = StreamReader::get(&router, &format!("/events?topic=jobs&row=1{resume}")).await;
        let mut known = after;
        while known < EVENTS {
            let frame = reader.frame().await;
            match frame.event.as_str() {
                "snapshot" => known = frame.seq().unwrap(),
                "state" => {
                    assert_eq!(frame.seq(), Some(known + 1), "each event once and in order");
                    known += 1;
                }
                _ => assert_eq!(frame.event, "hello"),
            }
        }
        writer.await.unwrap();
        drop(reader);
        assert_eq!(ledger.hub.stats().streams, 0);
    }
}
