//! Reconnect storm: 10,000 clients connect at once and share their reads of the store.

use std::{sync::Arc, time::Duration};

use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{ledger::Ledger, stream_reader::StreamReader};

const CLIENTS: usize = 10_000;
/// Four seconds on an idle machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// The first read is under way when all other clients connect; they share the next one. Some resume from a cursor.
#[tokio::test]
async fn case_11_reconnect_storm_shares_a_few_reads() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    for _ in 0..50 {
        ledger.state(1, 1, Running, 0);
    }
    let router = ledger.router(StreamTiming::default()).await;
    ledger.yield_before_reads(3);
    let before = ledger.reads();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let router = router.clone();
        clients.spawn(async move {
            let (path, first) = match number % 4 {
                0 => ("/events?topic=jobs&row=1&after=e1.49", "state"),
                1 => ("/events?topic=jobs&row=1&after=lost.49", "snapshot"),
                2 => ("/events?topic=jobs&row=1", "snapshot"),
                _ => ("/events?topic=jobs", "snapshot"),
            };
            let mut reader = StreamReader::get(&router, path).await;
            reader.expect("hello").await;
            let first = reader.expect(first).await;
            let known = first.seq().unwrap();
            assert!(known >= 50, "read after it was asked for");
            // An event during the start of the stream is not lost.
            let last = if known == 51 { first } else { reader.expect("state").await };
            assert_eq!(last.seq(), Some(51));
        });
    }
    let writer = Arc::clone(&ledger);
    clients.spawn(async move {
        tokio::task::yield_now().await;
        writer.state(1, 1, Succeeded, 1);
    });
    let all = async { while clients.join_next().await.transpose().unwrap().is_some() {} };
    timeout(DEADLINE, all).await.expect("all are live again");
    // Positions, snapshots of two sets of topics, and the events after one cursor.
    let reads = ledger.reads() - before;
    assert!(reads <= 30, "{reads} reads for {CLIENTS} clients");
}

#[tokio::test]
async fn read_begun_before_a_request_is_not_used_for_it() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    ledger.yield_before_reads(50);
    for seq in 2..200 {
        let early = tokio::spawn({
            let router = router.clone();
            async move { StreamReader::get(&router, "/events/poll?row=1").await.rest().await }
        });
        for _ in 0..seq % 97 {
            tokio::task::yield_now().await;
        }
        ledger.state(1, 1, Running, seq);
        let late = StreamReader::get(&router, "/events/poll?row=1").await.rest().await;
        assert_eq!(
            late.iter().filter_map(crate::support::stream_reader::Frame::seq).max(),
            Some(seq as i64),
            "it was there already"
        );
        early.await.unwrap();
    }
}
