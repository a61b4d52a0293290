//! Stream limits, and the responses above them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::Router;
use engine::store::UserId;
use http::StatusCode;
use server::{
    limits::{StreamLimits, StreamOwner},
    stream::StreamTiming,
};

use crate::support::{
    ledger::Ledger,
    stream_reader::{StreamReader, serve},
};

fn owner(session: u8, address: impl Into<IpAddr>) -> StreamOwner {
    StreamOwner { session: Some([session; 32]), user: None, address: Some(address.into()) }
}

/// Opens a stream that is accepted.
async fn open(router: &Router) -> StreamReader {
    let mut reader = StreamReader::get(router, "/events").await;
    reader.expect("hello").await;
    reader
}

/// Asserts that another stream, NDJSON stream and poll are rejected, each in its own format.
async fn assert_full(router: &Router) {
    let mut native = StreamReader::get(router, "/events").await;
    assert_eq!(
        (native.status, &native.headers["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    let bye = native.expect("bye").await;
    assert_eq!((&bye.data["reason"], native.retry), (&"full".into(), Some(30_000)));
    assert!(bye.data["retry_ms"].as_u64().is_some_and(|wait| (30_000..=60_000).contains(&wait)));
    assert_eq!(native.rest().await, [], "and ends cleanly");
    for refused in
        [StreamReader::lines(router, "/events").await, StreamReader::get(router, "/events/poll?wait=30").await]
    {
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers["retry-after"], "30");
        assert_eq!(refused.json().await["code"], "too_many_requests");
    }
}

#[tokio::test]
async fn case_17_streams_are_limited_by_session_address_and_total() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let limits = StreamLimits { total: 5, per_address: 3, per_session: 2, ..StreamLimits::default() };
    let home = Ipv4Addr::new(203, 0, 113, 1);
    let away = Ipv4Addr::new(203, 0, 113, 2);
    let [ada, ben, cid, stranger] =
        ledger.routers(limits, [owner(1, home), owner(2, home), owner(3, away), owner(4, Ipv4Addr::LOCALHOST)]).await;
    let first = open(&ada).await;
    let _second = open(&ada).await;
    assert_full(&ada).await;
    let third = open(&ben).await;
    assert_full(&ben).await;
    let _others = (open(&cid).await, open(&cid).await);
    assert_full(&stranger).await;
    assert_eq!(ledger.hub.stats().streams, 5);
    drop(third);
    let last = open(&stranger).await;
    assert_full(&ben).await;
    drop((first, last));
    open(&ben).await;
    open(&ada).await;
}

#[tokio::test]
async fn user_limit_covers_all_sessions_and_addresses() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let limits = StreamLimits { per_user: 2, ..StreamLimits::default() };
    let of =
        |user, session| StreamOwner { user: Some(UserId(user)), ..owner(session, Ipv4Addr::new(203, 0, 113, session)) };
    let [phone, desktop, token, other] = ledger.routers(limits, [of(1, 1), of(1, 2), of(1, 3), of(2, 4)]).await;
    let first = open(&phone).await;
    let _second = open(&desktop).await;
    assert_full(&phone).await;
    assert_full(&token).await;
    let _others = open(&other).await;
    drop(first);
    let _third = open(&token).await;
    assert_full(&desktop).await;
}

#[tokio::test]
async fn ipv6_network_counts_as_one_address() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let limits = StreamLimits { total: 9, per_address: 2, per_user: 1, per_session: 1 };
    let address = |last| StreamOwner {
        session: None,
        user: None,
        address: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last).into()),
    };
    let elsewhere =
        StreamOwner { session: None, user: None, address: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1).into()) };
    let [one, two, elsewhere] = ledger.routers(limits, [address(1), address(2), elsewhere]).await;
    let _open = (open(&one).await, open(&two).await);
    assert_full(&one).await;
    assert_full(&two).await;
    open(&elsewhere).await;
}

#[tokio::test]
async fn case_17_endless_connects_and_disconnects_leak_nothing() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let limits = StreamLimits { total: 64, ..StreamLimits::default() };
    let [router] = ledger.routers(limits, [owner(1, Ipv4Addr::LOCALHOST)]).await;
    for round in 0..10_000 {
        let mut reader = StreamReader::get(&router, "/events?topic=jobs&job=1&row=2").await;
        if round % 3 > 0 {
            reader.expect("hello").await;
        }
        if round % 3 > 1 {
            reader.expect("snapshot").await;
        }
    }
    assert_eq!(ledger.hub.stats().streams, 0);
    let addr = serve(router).await;
    let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = files();
    for round in 0..1_000 {
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let request = b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, &request[..request.len() - round % 3]).await.unwrap();
        assert!(ledger.hub.stats().streams <= 64);
    }
    ledger.until_open(0).await;
    let closed = async {
        while files() > before + 64 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.expect("no file is kept");
}
