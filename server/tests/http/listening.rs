use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::milepost::{Milepost, PATIENCE};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The status line that `stream` answers a request with.
fn ask(stream: &mut TcpStream) -> String {
    // A refused connection may be closed before the request is out; its answer is there all the same.
    let _ = stream.write_all(HEALTH);
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

fn from(address: Ipv4Addr, milepost: &Milepost) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&milepost.addr.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_connection_above_the_limit_is_told_so_and_a_place_given_back_is_free() {
    let (milepost, _data) = Milepost::start_with(&["--connections", "2"]);
    let mut inside = [milepost.connect(), milepost.connect()];
    for stream in &mut inside {
        assert!(ask(stream).ends_with("200 OK"));
    }
    assert!(ask(&mut milepost.connect()).contains("503"));
    drop(inside);
    let begun = Instant::now();
    while !ask(&mut milepost.connect()).ends_with("200 OK") {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn one_address_cannot_take_every_place() {
    let (milepost, _data) = Milepost::start_with(&["--connections-per-address", "1"]);
    let here = Ipv4Addr::LOCALHOST;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let mut first = from(here, &milepost);
    assert!(ask(&mut first).ends_with("200 OK"));
    assert!(ask(&mut from(here, &milepost)).contains("503"));
    assert!(ask(&mut from(elsewhere, &milepost)).ends_with("200 OK"));
}

#[test]
fn a_trusted_proxy_may_take_the_places_of_all_behind_it() {
    let (milepost, _data) =
        Milepost::start_with(&["--connections-per-address", "1", "--trusted-proxy", "127.0.0.1/32,::1"]);
    let mut connections = [milepost.connect(), milepost.connect(), milepost.connect()];
    for connection in &mut connections {
        assert!(ask(connection).ends_with("200 OK"));
    }
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let mut first = from(elsewhere, &milepost);
    assert!(ask(&mut first).ends_with("200 OK"));
    assert!(ask(&mut from(elsewhere, &milepost)).contains("503"));
}

#[test]
fn who_sends_no_head_is_dropped_after_ten_seconds() {
    let (milepost, _data) = Milepost::start();
    let mut silent = milepost.connect();
    let mut slow = milepost.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut answer = Vec::new();
        // Closed or reset: both are an end.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn a_head_may_be_64_kib_long_and_who_sends_twice_that_is_told_so() {
    let (milepost, _data) = Milepost::start();
    for (length, status) in [(60_000, 200), (140_000, 431), (3_000_000, 431)] {
        let long = format!("x-long: {}", "a".repeat(length));
        assert_eq!(milepost.status(&["GET /healthz HTTP/1.1", "host: localhost", &long]), status, "{length}");
    }
}

#[test]
fn answers_are_not_held_back_for_more() {
    let (milepost, _data) = Milepost::start();
    let mut stream = milepost.connect();
    let begun = Instant::now();
    for _ in 0..50 {
        assert!(ask(&mut stream).ends_with("200 OK"));
    }
    // Nagle's algorithm against delayed acknowledgements costs 40 ms each.
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
