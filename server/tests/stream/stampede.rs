//! All at once.

use std::{sync::Arc, time::Duration};

use model::JobState::{Running, Succeeded};
use server::stream::StreamTiming;
use tokio::{task::JoinSet, time::timeout};

use crate::{ledger::Ledger, reader::Reader};

const CLIENTS: usize = 10_000;
/// Four seconds on an idle machine.
const HANGS: Duration = Duration::from_mins(1);

/// The first reading is under way when all others ask; they share the one after it. Some know where they were.
#[tokio::test]
async fn case_11_a_stampede_of_clients_shares_a_handful_of_readings() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    for _ in 0..50 {
        ledger.state(1, 1, Running, 0);
    }
    let router = ledger.router(StreamTiming::default()).await;
    ledger.give_way(3);
    let before = ledger.readings();
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
            let mut reader = Reader::get(&router, path).await;
            reader.expect("hello").await;
            let first = reader.expect(first).await;
            let known = first.seq().unwrap();
            assert!(known >= 50, "read after it was asked for");
            // What comes while it begins is not lost.
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
    timeout(HANGS, all).await.expect("all are live again");
    // Positions, two sets of topics, and the events after one place.
    let readings = ledger.readings() - before;
    assert!(readings <= 30, "{readings} readings for {CLIENTS} clients");
}

#[tokio::test]
async fn a_reading_that_was_begun_before_somebody_asked_does_not_answer_them() {
    let ledger = Arc::new(Ledger::new(StreamTiming::default()).await);
    ledger.state(1, 1, Running, 0);
    let router = ledger.router(StreamTiming::default()).await;
    ledger.give_way(50);
    for seq in 2..200 {
        let early = tokio::spawn({
            let router = router.clone();
            async move { Reader::get(&router, "/events/poll?row=1").await.rest().await }
        });
        for _ in 0..seq % 97 {
            tokio::task::yield_now().await;
        }
        ledger.state(1, 1, Running, seq);
        let late = Reader::get(&router, "/events/poll?row=1").await.rest().await;
        assert_eq!(late.iter().filter_map(crate::reader::Frame::seq).max(), Some(seq as i64), "it was there already");
        early.await.unwrap();
    }
}
