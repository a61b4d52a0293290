//! Signals: stop, hang-up, ignored ones, and the exit of an idle server.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::process::{PROGRAM, ServerProcess, system_command};

/// No job runs, so none needs the grace.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn stop_signals_exit_with_code_0() {
    for signal in ["TERM", "INT", "QUIT", "HUP"] {
        let (server, _data) = ServerProcess::start();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn user_signals_are_ignored() {
    let (server, _data) = ServerProcess::start();
    for signal in ["USR1", "USR2", "XFSZ"] {
        server.signal(signal);
        assert_eq!(server.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200, "SIG{signal}");
    }
}

#[test]
fn sighup_is_ignored_below_nohup() {
    let data = TempDir::new().unwrap();
    let mut command = system_command("sh");
    command.args([
        "-c",
        "trap '' HUP && exec \"$@\"",
        "sh",
        PROGRAM,
        "--addr",
        "127.0.0.1:0",
        "--no-auth",
        "--data-dir",
    ]);
    let server = ServerProcess::spawn({
        command.arg(data.path());
        command
    });
    server.signal("HUP");
    assert_eq!(server.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200);
}

#[test]
fn open_stream_and_idle_connection_do_not_delay_exit() {
    let (server, _data) = ServerProcess::start();
    let mut stream = server.connect();
    stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 64];
    assert!(stream.read(&mut first).unwrap() > 0);
    let idle = server.connect();
    let started_at = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(started_at.elapsed() < SOON, "it took {:?}", started_at.elapsed());
    // The body is complete: it ends with the last chunk.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    drop(idle);
}

#[test]
fn stopped_server_restarts_at_once() {
    let (first, data) = ServerProcess::start();
    first.signal("TERM");
    assert!(first.wait().success());
    let second = ServerProcess::start_in(data.path(), &[]);
    assert_eq!(second.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200);
}
