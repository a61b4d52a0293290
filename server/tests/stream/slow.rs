//! Readers that do not keep up.

use std::sync::Arc;

use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;

use crate::{
    ledger::Ledger,
    reader::{Reader, serve},
};

/// More than any outbox and the buffers of the connection together hold.
const FLOOD: u64 = 30_000;

#[tokio::test]
async fn case_06_a_slow_reader_gets_one_snapshot_instead_and_holds_up_nobody() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let client = reqwest::Client::new();
    let url = format!("http://{addr}/events?job=1");
    let mut slow = Reader::fetch(client.get(&url)).await;
    slow.expect("hello").await;
    slow.expect("snapshot").await;
    let text = "x".repeat(1_000);
    for line in 1..=FLOOD {
        ledger.log(1, line, &text);
        if line % 64 == 0 {
            let stats = ledger.hub.stats();
            assert!(stats.queued <= 1_000 && stats.queued_bytes <= 1 << 20, "{stats:?}");
            tokio::task::yield_now().await;
        }
    }
    let mut quick = Reader::fetch(client.get(&url)).await;
    quick.expect("hello").await;
    assert_eq!(quick.expect("snapshot").await.seq(), Some(FLOOD as i64), "another reader waits for nothing");
    ledger.state(1, 1, Succeeded, 1);
    let (mut known, mut snapshots) = (0, 0);
    while known <= FLOOD as i64 {
        let frame = slow.frame().await;
        let seq = frame.seq().unwrap();
        match frame.event.as_str() {
            "snapshot" => {
                assert!(seq > known, "it does not go back");
                snapshots += 1;
            }
            _ => assert_eq!(seq, known + 1, "no gap that a snapshot does not close"),
        }
        known = seq;
    }
    assert_eq!(snapshots, 1);
    assert_eq!(quick.expect("state").await.seq(), Some(FLOOD as i64 + 1));
}

#[tokio::test]
async fn case_07_a_hole_in_what_the_engine_tells_is_closed_by_a_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let mut reader = Reader::get(&ledger.router(StreamTiming::default()).await, "/events?row=1&row=2").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    ledger.state(1, 1, Running, 0);
    reader.expect("state").await;
    // Another process committed it, and it was trimmed before this one woke and could publish it.
    ledger.commit_state(1, 1, Succeeded, 1);
    ledger.state(2, 1, Running, 0);
    let snapshot = reader.expect("snapshot").await;
    assert_eq!(snapshot.seq(), Some(3));
    assert_eq!(snapshot.data["jobs"][0]["state"], "succeeded");
    ledger.state(2, 1, Succeeded, 1);
    assert_eq!(reader.expect("state").await.seq(), Some(4));
}

#[tokio::test]
async fn case_06_a_snapshot_larger_than_an_outbox_comes_through_while_events_go_on() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    ledger.swell(1, 2 << 20);
    let mut line = 0;
    ledger.meanwhile(move |ledger| {
        line += 1;
        ledger.log(1, line, "on and on");
    });
    let mut reader = Reader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.seq(), Some(1));
    assert_eq!(reader.expect("log").await.seq(), Some(2));
}

#[tokio::test]
async fn case_06_what_overflows_while_a_snapshot_is_read_does_not_take_the_stream_back() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let mut flood = 1..=1_500;
    ledger.meanwhile(move |ledger| flood.by_ref().for_each(|line| ledger.log(1, line, "more")));
    let mut reader = Reader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.seq(), Some(1_501));
    ledger.state(1, 1, Succeeded, 1);
    assert_eq!(reader.expect("state").await.seq(), Some(1_502));
}

#[tokio::test]
async fn what_waits_for_a_reader_of_many_jobs_is_the_latest_of_each() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let rows = (1..=50).map(|job| format!("row={job}")).collect::<Vec<_>>().join("&");
    let mut reader = Reader::get(&ledger.router(StreamTiming::default()).await, &format!("/events?{rows}")).await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    for rev in 1..=1_000 {
        for job in 1..=50 {
            ledger.tick(job, 1, rev);
        }
    }
    let stats = ledger.hub.stats();
    assert_eq!((stats.queued, stats.conflated), (0, 50));
    for _ in 0..50 {
        assert_eq!(reader.expect("progress").await.data["rev"], 1_000);
    }
}
