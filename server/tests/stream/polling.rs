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

use crate::{
    ledger::Ledger,
    reader::{Frame, NDJSON, Reader, serve},
};

/// One poll: its events between `hello` and the last line, and the position to continue from.
async fn poll(router: &Router, query: &str) -> (Vec<Frame>, String) {
    let reader = Reader::get(router, &format!("/events/poll?{query}")).await;
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
async fn a_poll_begins_with_a_snapshot_and_goes_on_where_it_ended() {
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
    assert_eq!(begun.elapsed(), Duration::ZERO, "what was missed is not waited for");
    assert_eq!(cursor, "e1.3");
    assert_eq!(poll(&router, &format!("row=1&after={cursor}")).await, (Vec::new(), cursor));
    assert_eq!(ledger.hub.stats().streams, 0);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_what_comes_first_and_not_longer_than_it_was_asked_to() {
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
async fn progress_ends_a_wait_after_one_second_and_a_state_before() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    ledger.tick(1, 1, 5);
    let (frames, _) = poll(&router, "row=1&after=e1.1").await;
    assert_eq!(names(&frames), ["progress"], "the newest is told at once where there is no wait");
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
    assert_eq!(names(&frames), ["state"], "and nothing of the attempt beside its end");
    assert_eq!(begun.elapsed(), Duration::from_millis(200));
}

#[tokio::test]
async fn a_poll_until_the_end_tells_it_once() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let (frames, cursor) = poll(&router, "row=1&until=end").await;
    assert_eq!(names(&frames), ["snapshot"]);
    ledger.state(1, 1, Succeeded, 1);
    ledger.state(2, 1, Running, 0);
    let (frames, cursor) = poll(&router, &format!("row=1&until=end&wait=30&after={cursor}")).await;
    assert_eq!(names(&frames), ["state", "end"]);
    let over = Reader::get(&router, &format!("/events/poll?row=1&until=end&wait=30&after={cursor}")).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_poll_that_cannot_be_continued_begins_anew() {
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
        let refused = Reader::get(&router, &format!("/events/poll?row=1&wait={wait}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(refused.json().await["field"], "wait");
    }
    let refused = Reader::get(&router, "/events?row=1&wait=3").await;
    assert_eq!(refused.json().await["field"], "wait");
}

#[tokio::test]
async fn a_poll_over_a_socket_has_a_length_and_keeps_its_connection() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let answer = client.get(format!("http://{addr}/events/poll?row=1")).send().await.unwrap();
        let length = answer.content_length().unwrap();
        assert_eq!(answer.bytes().await.unwrap().len() as u64, length);
    }
    ledger.until_open(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_poll_while_the_server_goes_down_is_told_to_come_again() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let draining = Arc::clone(&ledger);
    tokio::spawn(async move {
        sleep(Duration::from_secs(3)).await;
        draining.drain.cancel();
    });
    for wait in [20, 0] {
        let refused = Reader::get(&router, &format!("/events/poll?row=1&after=e1.1&wait={wait}")).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers["retry-after"], "2");
        assert_eq!(refused.json().await["code"], "shutting_down");
    }
}

#[tokio::test]
async fn a_poll_whose_client_has_gone_waits_no_longer() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /events/poll?row=1&after=e1.0&wait=30 HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    ledger.until_open(1).await;
    drop(client);
    ledger.until_open(0).await;
}
