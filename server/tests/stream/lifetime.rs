//! Heartbeats, lifetime, drain and `until=end`.

use std::time::Duration;

use http::StatusCode;
use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;
use tokio::time::Instant;

use crate::support::{
    ledger::Ledger,
    stream_reader::{NDJSON, StreamReader, serve},
};

#[tokio::test(start_paused = true)]
async fn case_14_idle_stream_sends_heartbeat_every_ten_seconds() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&ledger.router(StreamTiming::default()).await, "/events").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    for _ in 0..5 {
        let before = Instant::now();
        let beat = reader.next().await.unwrap();
        assert_eq!((beat.event.as_str(), beat.id.as_ref()), ("heartbeat", None));
        assert_eq!(beat.data["at"], 1_795_000_000_000_000_i64);
        assert_eq!(before.elapsed().as_secs(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn stream_sends_bye_after_a_random_lifetime() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    let mut lived = Vec::new();
    for _ in 0..8 {
        let begun = Instant::now();
        let frames = StreamReader::get(&router, "/events").await.rest().await;
        let bye = frames.last().unwrap();
        assert_eq!((bye.event.as_str(), &bye.data["reason"]), ("bye", &"lifetime".into()));
        assert!(bye.data["retry_ms"].as_u64().is_some_and(|wait| wait <= 300));
        lived.push(begun.elapsed());
    }
    assert!(lived.iter().all(|life| (480..=600).contains(&life.as_secs())), "{lived:?}");
    lived.dedup();
    assert!(lived.len() > 1, "not all at once");
}

#[tokio::test]
async fn drain_flushes_events_sends_bye_and_ends_every_body() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let client = reqwest::Client::new();
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut reader = StreamReader::fetch(client.get(format!("http://{addr}/events?topic=jobs"))).await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        readers.push(reader);
    }
    ledger.state(1, 1, Succeeded, 1);
    ledger.drain.cancel();
    for reader in readers {
        let frames = tokio::time::timeout(Duration::from_secs(5), reader.rest()).await.expect("the body ends");
        let names: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
        assert_eq!(names, ["state", "bye"]);
        assert_eq!(frames[1].data["reason"], "drain");
    }
    ledger.until_open(0).await;
    let late = StreamReader::fetch(client.get(format!("http://{addr}/events"))).await.rest().await;
    assert_eq!(late.last().unwrap().event, "bye", "a late stream gets a bye, not an error");
    let lines = client.get(format!("http://{addr}/events")).header("accept", NDJSON).send().await.unwrap();
    assert_eq!(lines.status(), StatusCode::SERVICE_UNAVAILABLE, "a program gets an error");
    assert_eq!(lines.headers()["retry-after"], "2");
}

#[tokio::test(start_paused = true)]
async fn case_09_drain_is_spread_and_streams_stay_live_until_it() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router(StreamTiming::default()).await;
    let mut readers = Vec::new();
    for _ in 0..2_000 {
        let mut reader = StreamReader::get(&router, "/events?topic=jobs").await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        readers.push(reader);
    }
    let begun = Instant::now();
    ledger.drain.cancel();
    let mut ends = tokio::task::JoinSet::new();
    for reader in readers {
        ends.spawn(async move { (reader.rest().await, begun.elapsed()) });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    ledger.state(1, 1, Succeeded, 1);
    let (mut received, mut waits, mut ended) = (0, Vec::new(), Vec::new());
    while let Some(end) = ends.join_next().await {
        let (frames, after) = end.unwrap();
        let bye = frames.last().unwrap();
        assert_eq!((bye.event.as_str(), &bye.data["reason"]), ("bye", &"drain".into()));
        waits.push(bye.data["retry_ms"].as_u64().unwrap());
        received += frames.len() - 1;
        ended.push(after.as_millis());
    }
    assert!((900..=1_100).contains(&received), "half of them were still open to receive it: {received}");
    for quarter in 0..4 {
        let within = ended.iter().filter(|after| (quarter * 500..quarter * 500 + 500).contains(*after)).count();
        assert!((450..=550).contains(&within), "{within} ended in half-second {quarter}");
    }
    let soon = waits.iter().filter(|wait| **wait < 1_750).count();
    assert!((800..=1_200).contains(&soon) && waits.iter().all(|wait| (500..=3_000).contains(wait)), "{soon}");
}

#[tokio::test]
async fn until_end_stream_ends_with_jobs_and_resume_gets_204() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    ledger.state(2, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let mut reader = StreamReader::get(&router, "/events?row=1&row=2&until=end").await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    ledger.state(2, 1, Succeeded, 1);
    ledger.tick(1, 1, 5);
    ledger.state(1, 1, Succeeded, 9);
    ledger.state(3, 1, Running, 0);
    let frames = reader.rest().await;
    let names: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names, ["state", "state", "end"], "and no progress between the ends");
    let cursor = frames[2].data["cursor"].as_str().unwrap();
    assert_eq!(frames[2].id.as_deref(), Some(cursor));
    for path in ["/events", "/events/poll"] {
        let again = StreamReader::get(&router, &format!("{path}?row=1&row=2&until=end&after={cursor}")).await;
        assert_eq!(again.status, StatusCode::NO_CONTENT, "{path}");
    }
    let missed = StreamReader::get(&router, "/events?row=1&row=2&until=end&after=e1.2").await.rest().await;
    let names: Vec<_> = missed.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names, ["hello", "state", "state", "end"], "a client that missed the end gets it");
}

#[tokio::test]
async fn until_end_of_ended_or_unknown_job_ends_at_once() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Succeeded, 0);
    let router = ledger.router(StreamTiming::default()).await;
    let frames = StreamReader::get(&router, "/events?job=1&until=end").await.rest().await;
    let names: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names, ["hello", "snapshot", "end"]);
    let refused = StreamReader::get(&router, "/events?job=99&until=end").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(refused.json().await["code"], "no_such_job");
}
