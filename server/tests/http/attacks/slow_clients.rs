//! Slow and idle clients (slowloris), and many requests on one connection.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{browser::Browser, process::ServerProcess};

/// The longest that another client may wait for a page.
const SOON: Duration = Duration::from_secs(5);

fn assert_responsive(server: &ServerProcess) {
    for _ in 0..5 {
        let started_at = Instant::now();
        assert_eq!(server.status(&["GET /jobs HTTP/1.1", "host: localhost"]), 200);
        assert!(started_at.elapsed() < SOON, "{:?}", started_at.elapsed());
    }
}

#[test]
fn idle_connections_do_not_block_other_clients() {
    let (server, _data) = ServerProcess::start();
    let idle: Vec<_> = (0..800).map(|_| server.connect()).collect();
    assert_responsive(&server);
    let half_heads: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /jobs HTTP/1.1\r\nhost: loc").unwrap();
            stream
        })
        .collect();
    // Bodies that never arrive, of routes that read them whole and of those that write them to disk.
    let half_bodies: Vec<_> = (0..200)
        .map(|number| {
            let path = ["/api/start_job", "/uploads?name=a", "/new/demo", "/events/0"][number % 4];
            let mut stream = server.connect();
            let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50000\r\n\r\nkind=");
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_responsive(&server);
    // Responses that are never read.
    let unread: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    assert_responsive(&server);
    drop((idle, half_heads, half_bodies, unread));
    assert_responsive(&server);
}

#[test]
fn slow_request_head_times_out() {
    let (server, _data) = ServerProcess::start();
    let mut stream = server.connect();
    let started_at = Instant::now();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ").unwrap();
    // One byte after the other: never idle, never complete.
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut response = [0; 16];
    loop {
        match stream.read(&mut response) {
            Ok(0) => break,
            Ok(_) => assert!(response.starts_with(b"HTTP/1.1 408"), "{response:?}"),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                if stream.write_all(b"y").is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
        assert!(started_at.elapsed() < Duration::from_secs(15), "the connection is still open");
    }
    assert!(started_at.elapsed() > Duration::from_secs(9), "{:?}", started_at.elapsed());
}

#[test]
fn thousand_pipelined_requests_are_all_answered() {
    let (server, _data) = ServerProcess::start();
    let mut stream = server.connect();
    let mut writer = stream.try_clone().unwrap();
    let ask = std::thread::spawn(move || {
        for _ in 0..999 {
            writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        }
        writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    });
    let mut responses = String::new();
    stream.read_to_string(&mut responses).unwrap();
    ask.join().unwrap();
    assert_eq!(responses.matches("HTTP/1.1 200").count(), 1_000);
}

#[test]
fn page_loads_that_are_given_up_hold_no_database_connection() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    for page in ["/", "/jobs", &format!("/jobs/{job}"), "/queues", "/schedules", "/new/demo", "/messages", "/settings"]
    {
        for microseconds in (0..20_000).step_by(100) {
            let mut stream = browser.server.connect();
            stream.write_all(format!("GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
            std::thread::sleep(Duration::from_micros(microseconds));
        }
        assert_responsive(&browser.server);
    }
}
