//! Connection limits and the timeout and size of a request head.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::support::process::{ServerProcess, TIMEOUT};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Sends a health check; returns the status line.
fn check_health(stream: &mut TcpStream) -> String {
    // A rejected connection may be closed before the request is sent; its response can be read all the same.
    let _ = stream.write_all(HEALTH);
    let mut response = [0; 512];
    let read = stream.read(&mut response).unwrap();
    String::from_utf8_lossy(&response[..read]).lines().next().unwrap_or_default().to_owned()
}

fn connect_from(address: Ipv4Addr, server: &ServerProcess) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&server.addr.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

#[test]
fn connection_over_limit_gets_503_until_one_closes() {
    let (server, _data) = ServerProcess::start_with(&["--connections", "2"]);
    let mut open = [server.connect(), server.connect()];
    for stream in &mut open {
        assert!(check_health(stream).ends_with("200 OK"));
    }
    assert!(check_health(&mut server.connect()).contains("503"));
    drop(open);
    let started_at = Instant::now();
    while !check_health(&mut server.connect()).ends_with("200 OK") {
        assert!(started_at.elapsed() < TIMEOUT);
    }
}

#[test]
fn connections_per_address_are_limited() {
    let (server, _data) = ServerProcess::start_with(&["--connections-per-address", "1"]);
    let here = Ipv4Addr::LOCALHOST;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let mut first = connect_from(here, &server);
    assert!(check_health(&mut first).ends_with("200 OK"));
    assert!(check_health(&mut connect_from(here, &server)).contains("503"));
    assert!(check_health(&mut connect_from(elsewhere, &server)).ends_with("200 OK"));
}

#[test]
fn trusted_proxy_is_exempt_from_the_address_limit() {
    let (server, _data) =
        ServerProcess::start_with(&["--connections-per-address", "1", "--trusted-proxy", "127.0.0.1/32,::1"]);
    let mut connections = [server.connect(), server.connect(), server.connect()];
    for connection in &mut connections {
        assert!(check_health(connection).ends_with("200 OK"));
    }
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let mut first = connect_from(elsewhere, &server);
    assert!(check_health(&mut first).ends_with("200 OK"));
    assert!(check_health(&mut connect_from(elsewhere, &server)).contains("503"));
}

#[test]
fn connection_without_request_head_is_closed() {
    let (server, _data) = ServerProcess::start();
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut response = Vec::new();
        // Closed or reset.
        let _ = stream.read_to_end(&mut response);
        assert!(!response.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn request_head_over_128_kib_gets_431() {
    let (server, _data) = ServerProcess::start();
    for (length, status) in [(60_000, 200), (140_000, 431), (3_000_000, 431)] {
        let long = format!("x-long: {}", "a".repeat(length));
        assert_eq!(server.status(&["GET /healthz HTTP/1.1", "host: localhost", &long]), status, "{length}");
    }
}

#[test]
fn responses_are_sent_without_nagle_delay() {
    let (server, _data) = ServerProcess::start();
    let mut stream = server.connect();
    let started_at = Instant::now();
    for _ in 0..50 {
        assert!(check_health(&mut stream).ends_with("200 OK"));
    }
    // Nagle's algorithm with delayed acknowledgements would cost 40 ms each.
    assert!(started_at.elapsed() < Duration::from_secs(1), "{:?}", started_at.elapsed());
}
