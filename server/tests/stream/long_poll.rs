//! The long poll: the events of a stream, response by response.

use std::{sync::Arc, time::Duration};

use axum::Router;
use http::StatusCode;
use model::JobState::{Queued, Running, Succeeded};
use server::stream::StreamTiming;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::support::{
    ledger::Ledger,
    stream_reader::{Frame, NDJSON, StreamReader, serve},
};

/// One poll: its events between `hello` and the last line, and the position to continue from.
async fn poll(router: &Router, query: &str) -> (Vec<Frame>, String) {
    let reader = StreamReader::get(router, &format!("/events/poll?{query}")).await;
    assert_eq!((reader.status, &reader.headers["content-type"]), (StatusCode::OK, &NDJSON.parse().unwrap()));
    let mut frames = reader.rest().await;
    assert_eq!(frames.remove(0).event, "hello");
    let last = frames.pop().unwrap();
    assert!(last.event.is_empty() && last.data.is_null(), "{last:?}");
    (frames, last.id.unwrap())
}

fn names(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.event.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn poll_starts_with_snapshot_and_continues_from_cursor() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 3);
    let router = ledger.router(StreamTiming::default()).await;
    let (frames, cursor) = poll(&router, "row=1").await;
    assert_eq!(names(&frames), ["snapshot"]);
    assert_eq!(frames[0].data["jobs"][0]["rev"], 3);
    ledger.log(1, 1, "of no row");
    ledger.state(1, 1, Succeeded, 4);
    let begun = Instant::now();
    let (frames, cursor) = poll(&router, &format!("row=1&after={cursor}&wait=30")).await;
    assert_eq!((names(&frames), frames[0].seq()), (vec!["state"], Some(3)));
    assert_eq!(begun.elapsed(), Duration::ZERO, "missed events are sent without a wait");
    assert_eq!(cursor, "e1.3");
    assert_eq!(poll(&router, &format!("row=1&after={cursor}")).await, (Vec::new(), cursor));
    assert_eq!(ledger.hub.stats().streams, 0);
}

#[tokio::test(start_paused = true)]
async fn poll_waits_for_first_event_up_to_its_wait_time() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Queued, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let begun = Instant::now();
    assert_eq!(poll(&router, "row=1&after=e1.1&wait=20").await.0, []);
    assert_eq!(begun.elapsed(), Duration::from_secs(20));

    let begun = Instant::now();
    let writer = Arc::clone(&ledger);
    tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        writer.state(2, 1, Running, 0); // of another topic
        sleep(Duration::from_millis(400)).await;
        writer.state(1, 1, Running, 0);
    });
    let (frames, cursor) = poll(&router, "row=1&after=e1.1&wait=20").await;
    assert_eq!((names(&frames), cursor.as_str()), (vec!["state"], "e1.3"));
    assert_eq!(begun.elapsed(), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn poll_returns_state_at_once_and_progress_after_a_second() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    ledger.tick(1, 1, 5);
    let (frames, _) = poll(&router, "row=1&after=e1.1").await;
    assert_eq!(names(&frames), ["progress"], "without a wait, the newest is sent at once");
    let begun = Instant::now();
    let writer = Arc::clone(&ledger);
    tokio::spawn(async move {
        for rev in 6..=15 {
            writer.tick(1, 1, rev);
            sleep(Duration::from_millis(90)).await;
        }
    });
    let (frames, _) = poll(&router, "row=1&after=e1.1&wait=30").await;
    assert_eq!((names(&frames), &frames[0].data["rev"]), (vec!["progress"], &15.into()), "only the newest");
    assert_eq!(begun.elapsed(), Duration::from_secs(1));

    let begun = Instant::now();
    let writer = Arc::clone(&ledger);
    tokio::spawn(async move {
        sleep(Duration::from_millis(200)).await;
        writer.state(1, 1, Succeeded, 20);
    });
    let (frames, _) = poll(&router, "row=1&after=e1.1&wait=30").await;
    assert_eq!(names(&frames), ["state"], "no progress besides the end of the attempt");
    assert_eq!(begun.elapsed(), Duration::from_millis(200));
}

#[tokio::test]
async fn poll_until_end_gets_the_end_once_then_204() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let (frames, cursor) = poll(&router, "row=1&until=end").await;
    assert_eq!(names(&frames), ["snapshot"]);
    ledger.state(1, 1, Succeeded, 1);
    ledger.state(2, 1, Running, 0);
    let (frames, cursor) = poll(&router, &format!("row=1&until=end&wait=30&after={cursor}")).await;
    assert_eq!(names(&frames), ["state", "end"]);
    let over = StreamReader::get(&router, &format!("/events/poll?row=1&until=end&wait=30&after={cursor}")).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn poll_with_unusable_cursor_gets_a_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    for state in [Queued, Running, Succeeded] {
        ledger.state(1, 1, state, 0);
    }
    ledger.trim(2);
    let router = ledger.router(StreamTiming::default()).await;
    for position in ["other.2", "e1.1", "e1.4"] {
        let (frames, cursor) = poll(&router, &format!("row=1&after={position}&wait=30")).await;
        assert_eq!((names(&frames), cursor.as_str()), (vec!["snapshot"], "e1.3"), "{position}");
    }
    for wait in ["31", "-1", "1.5", "soon", ""] {
        let refused = StreamReader::get(&router, &format!("/events/poll?row=1&wait={wait}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(refused.json().await["field"], "wait");
    }
    let refused = StreamReader::get(&router, "/events?row=1&wait=3").await;
    assert_eq!(refused.json().await["field"], "wait");
}

#[tokio::test]
async fn poll_response_has_length_and_keeps_the_connection() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let response = client.get(format!("http://{addr}/events/poll?row=1")).send().await.unwrap();
        let length = response.content_length().unwrap();
        assert_eq!(response.bytes().await.unwrap().len() as u64, length);
    }
    ledger.until_open(0).await;
}

#[tokio::test(start_paused = true)]
async fn poll_during_shutdown_gets_503_with_retry_after() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let draining = Arc::clone(&ledger);
    tokio::spawn(async move {
        sleep(Duration::from_secs(3)).await;
        draining.drain.cancel();
    });
    for wait in [20, 0] {
        let refused = StreamReader::get(&router, &format!("/events/poll?row=1&after=e1.1&wait={wait}")).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers["retry-after"], "2");
        assert_eq!(refused.json().await["code"], "shutting_down");
    }
}

#[tokio::test]
async fn poll_of_disconnected_client_is_released() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /events/poll?row=1&after=e1.0&wait=30 HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    ledger.until_open(1).await;
    drop(client);
    ledger.until_open(0).await;
}
