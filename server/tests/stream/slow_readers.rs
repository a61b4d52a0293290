//! Backpressure: slow readers, full outboxes and gaps.

use std::sync::Arc;

use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;

use crate::support::{
    ledger::Ledger,
    stream_reader::{StreamReader, serve},
};

/// More lines than an outbox and the buffers of the connection hold together.
const FLOOD: u64 = 30_000;

#[tokio::test]
async fn case_06_slow_reader_gets_one_snapshot_and_delays_no_one() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let client = reqwest::Client::new();
    let url = format!("http://{addr}/events?job=1");
    let mut slow = StreamReader::fetch(client.get(&url)).await;
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
    let mut quick = StreamReader::fetch(client.get(&url)).await;
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
async fn case_07_gap_in_published_events_is_closed_by_a_snapshot() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?row=1&row=2").await;
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
async fn case_06_snapshot_larger_than_outbox_is_sent_during_events() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    ledger.grow_message(1, 2 << 20);
    let mut line = 0;
    ledger.after_snapshot(move |ledger| {
        line += 1;
        ledger.log(1, line, "one more");
    });
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.seq(), Some(1));
    assert_eq!(reader.expect("log").await.seq(), Some(2));
}

#[tokio::test]
async fn case_06_overflow_during_snapshot_read_never_goes_back() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let mut flood = 1..=1_500;
    ledger.after_snapshot(move |ledger| flood.by_ref().for_each(|line| ledger.log(1, line, "more")));
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.seq(), Some(1_501));
    ledger.state(1, 1, Succeeded, 1);
    assert_eq!(reader.expect("state").await.seq(), Some(1_502));
}

#[tokio::test]
async fn queued_progress_of_many_jobs_is_the_latest_of_each() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let rows = (1..=50).map(|job| format!("row={job}")).collect::<Vec<_>>().join("&");
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, &format!("/events?{rows}")).await;
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
