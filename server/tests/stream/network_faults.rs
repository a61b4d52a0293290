//! Network faults: cut connections, slow networks, proxies that buffer or pass nothing on.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use model::JobState::{Queued, Running, Succeeded};
use rand::Rng;
use server::stream::StreamTiming;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    fault_proxy::{Fault, FaultProxy},
    ledger::Ledger,
    sse_parser::Parser,
    stream_reader::{StreamReader, serve},
};

const DEADLINE: Duration = Duration::from_secs(30);

/// A reader that reconnects with the id of the last dispatched event until it has all.
#[tokio::test]
async fn case_02_repeatedly_cut_reader_gets_each_event_once() {
    const EVENTS: i64 = 400;
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Queued, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let proxy = FaultProxy::before(addr, |_| Fault::Cut(rand::rng().random_range(1..4_000))).await;
    let writer = Arc::clone(&ledger);
    tokio::spawn(async move {
        for line in 2..=EVENTS {
            writer.log(1, line as u64, "a line \u{1f980} of a log");
            sleep(Duration::from_millis(1)).await;
        }
    });
    let client = reqwest::Client::new();
    let (mut last, mut received) = ("e1.1".to_owned(), vec![1]);
    let read_all = async {
        while received.len() < EVENTS as usize {
            let request = client.get(format!("http://{}/events?job=1", proxy.addr)).header("last-event-id", &last);
            let Ok(mut response) = request.send().await else { continue };
            let mut parser = Parser::default();
            while received.len() < EVENTS as usize
                && let Ok(Some(piece)) = response.chunk().await
            {
                for event in parser.feed(&piece) {
                    if event.event == "log" {
                        last.clone_from(&event.last_event_id);
                        received.push(last.split_once('.').unwrap().1.parse().unwrap());
                    } else {
                        assert!(["hello", "heartbeat"].contains(&event.event.as_str()), "{event:?}");
                    }
                }
            }
        }
    };
    timeout(DEADLINE, read_all).await.expect("all events arrive in time");
    assert_eq!(received, (1..=EVENTS).collect::<Vec<_>>());
    assert!(proxy.connections.load(Relaxed) > 5, "it was cut off");
    ledger.until_open(0).await;
}

#[tokio::test]
async fn case_13_polls_through_buffering_proxy_match_the_stream() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let proxy = FaultProxy::before(addr, |_| Fault::Buffer).await;
    let client = reqwest::Client::new();
    let stream = client.get(format!("http://{}/events?row=1&until=end", proxy.addr)).send();
    let mut stream = Box::pin(stream);
    assert!(timeout(Duration::from_secs(1), &mut stream).await.is_err(), "not even a head comes through");
    let writer = Arc::clone(&ledger);
    tokio::spawn(async move {
        for rev in 1..=50 {
            writer.tick(1, 1, rev);
            sleep(Duration::from_millis(30)).await;
        }
        writer.state(1, 1, Succeeded, 51);
    });
    let (mut cursor, mut polls) = (String::new(), Vec::new());
    let begun = Instant::now();
    while !polls.iter().any(|(event, _)| event == "end") {
        assert!(begun.elapsed() < DEADLINE);
        // A buffering proxy must see the end of a response, so each has its own connection.
        let url = format!("http://{}/events/poll?row=1&until=end&wait=10&after={cursor}", proxy.addr);
        let polled = StreamReader::fetch(client.get(url).header("connection", "close")).await.rest().await;
        cursor = polled.last().unwrap().id.clone().unwrap();
        polls.extend(polled.into_iter().map(|frame| (frame.event, frame.data)));
    }
    let names: Vec<_> = polls.iter().map(|(event, _)| event.as_str()).filter(|event| !event.is_empty()).collect();
    assert_eq!(&names[..2], ["hello", "snapshot"]);
    assert!(names.contains(&"progress"), "on the way, too: {names:?}");
    let (_, end) = polls.iter().rfind(|(event, _)| event == "state").unwrap();
    assert_eq!((&end["state"], &end["rev"]), (&"succeeded".into(), &51.into()));
    let rest = StreamReader::from_response(timeout(DEADLINE, stream).await.unwrap().unwrap()).rest().await;
    let (_, same) = rest.iter().map(|frame| (&frame.event, &frame.data)).rfind(|(event, _)| *event == "state").unwrap();
    assert_eq!(same, end, "the stream brings the same, once the proxy lets it");
}

#[tokio::test]
async fn case_08_reader_behind_black_hole_proxy_is_released() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let proxy = FaultProxy::before(addr, |_| Fault::BlackHole).await;
    let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap();
    for _ in 0..5 {
        assert!(client.get(format!("http://{}/events", proxy.addr)).send().await.is_err());
    }
    ledger.until_open(0).await;
}

#[tokio::test]
async fn slow_network_delays_events_without_changing_them() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, Running, 0);
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let proxy = FaultProxy::before(addr, |_| Fault::Delay(Duration::from_millis(300))).await;
    let url = format!("http://{}/events?row=1&until=end", proxy.addr);
    let mut reader = StreamReader::fetch(reqwest::Client::new().get(url)).await;
    reader.expect("hello").await;
    reader.expect("snapshot").await;
    for rev in 1..=100 {
        ledger.tick(1, 1, rev);
    }
    ledger.state(1, 1, Succeeded, 101);
    let names: Vec<_> = reader.rest().await.into_iter().map(|frame| frame.event).collect();
    assert_eq!(names, ["state", "end"]);
}
