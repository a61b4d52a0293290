//! Progress: conflated, in order, never after the end of its attempt.

use std::time::Duration;

use model::JobState::{Queued, Running, Succeeded};
use server::stream::StreamTiming;
use tokio::time::{Instant, sleep};

use crate::support::{ledger::Ledger, stream_reader::StreamReader};

#[tokio::test(start_paused = true)]
async fn case_05_progress_is_conflated_and_last_value_is_sent() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?row=1").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    let ticks = async {
        for rev in 1..=1_000 {
            ledger.tick(1, 1, rev);
            sleep(Duration::from_millis(1)).await;
        }
        Instant::now()
    };
    let frames = async {
        let (mut revs, mut arrived) = (Vec::new(), Instant::now());
        while revs.last() != Some(&1_000) {
            revs.push(reader.expect("progress").await.data["rev"].as_u64().unwrap());
            arrived = Instant::now();
        }
        (revs, arrived)
    };
    let (ended, (revs, arrived)) = tokio::join!(ticks, frames);
    assert!(revs.is_sorted(), "never back");
    let coalesce = StreamTiming::default().coalesce;
    assert!(revs.len() <= 1_000 / coalesce.as_millis() as usize + 2, "at most one in {coalesce:?}, not {}", revs.len());
    assert!(arrived.saturating_duration_since(ended) <= coalesce);
}

#[tokio::test(start_paused = true)]
async fn progress_at_sampler_interval_is_sent_at_once() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?row=1").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    for rev in 1..=20 {
        sleep(Duration::from_millis(100)).await;
        let sent = Instant::now();
        ledger.tick(1, 1, rev);
        assert_eq!(reader.expect("progress").await.data["rev"], rev);
        assert_eq!(sent.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn small_events_are_coalesced_and_large_ones_sent_at_once() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?job=1").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    let rested = Instant::now();
    ledger.log(1, 1, "little");
    ledger.log(1, 2, "by little");
    reader.expect("log").await;
    reader.expect("log").await;
    let coalesce = StreamTiming::default().coalesce;
    assert!((coalesce..coalesce * 2).contains(&rested.elapsed()), "{:?}", rested.elapsed());
    let rested = Instant::now();
    ledger.log(1, 3, &"much".repeat(10_000));
    reader.expect("log").await;
    assert_eq!(rested.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn case_04_attempt_end_is_sent_once_and_last() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let mut early = StreamReader::get(&router, "/events?row=1&topic=jobs").await;
    early.expect("hello").await;
    early.expect("snapshot").await;
    for rev in 1..=500 {
        ledger.tick(1, 1, rev);
        sleep(Duration::from_millis(1)).await;
    }
    ledger.state(1, 1, Succeeded, 501);
    for rev in 502..=1_000 {
        ledger.tick(1, 1, rev); // a late sampler
        sleep(Duration::from_millis(1)).await;
    }
    ledger.state(1, 2, Queued, 0);
    ledger.tick(1, 1, 2_000);
    ledger.state(1, 2, Running, 0);
    ledger.tick(1, 2, 1);
    let mut ends = 0;
    loop {
        let frame = early.frame().await;
        if frame.data["attempt"] == 2 {
            break;
        }
        assert_eq!(ends, 0, "nothing follows the end: {frame:?}");
        if frame.event == "state" {
            assert_eq!((&frame.data["state"], &frame.data["rev"]), (&"succeeded".into(), &501.into()));
            ends += 1;
        }
    }
    assert_eq!(ends, 1);
    assert_eq!(early.expect("state").await.data["state"], "running");
    assert_eq!(early.expect("progress").await.data["rev"], 1, "the next attempt counts from the start");
}

#[tokio::test]
async fn case_04_late_progress_after_ended_snapshot_is_dropped() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let ended = ledger.commit_state(1, 1, Succeeded, 9);
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events?row=1").await;
    reader.expect("hello").await;
    assert_eq!(reader.expect("snapshot").await.data["jobs"][0]["state"], "succeeded");
    ledger.tick(1, 1, 10);
    ledger.publish(ended);
    ledger.state(1, 2, Queued, 0);
    assert_eq!(reader.frame().await.data["attempt"], 2);
}

#[tokio::test]
async fn row_topic_sends_no_log_and_job_topic_does() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    let (mut row, mut job) =
        (StreamReader::get(&router, "/events?row=1").await, StreamReader::get(&router, "/events?job=1").await);
    for reader in [&mut row, &mut job] {
        reader.expect("hello").await;
        reader.expect("snapshot").await;
    }
    ledger.log(1, 1, "hello\u{2028}\u{1f980}\r\n\u{0}");
    ledger.state(1, 1, Succeeded, 1);
    assert_eq!(row.frame().await.event, "state");
    assert_eq!(job.expect("log").await.data["lines"][0]["text"], "hello\u{2028}\u{1f980}\r\n\u{0}");
    assert_eq!(job.frame().await.event, "state");
}
