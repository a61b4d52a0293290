//! The body timeout: a request body that stalls is rejected with 408.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use server::{cli, run::serve};
use tempfile::TempDir;

use crate::{
    forms::uploads::wait_until_no_upload_is_kept,
    support::process::{ServerProcess, clean_command},
};

/// The body timeout of the server under test.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

const FORM: &str = "content-type: application/x-www-form-urlencoded";
const PARTS: &str = "content-type: multipart/form-data; boundary=b";
/// The first half of a file in a multipart form.
const HALF_A_FILE: &str = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na,b\n";

#[test]
#[ignore = "the program that the other tests run"]
fn server_with_short_body_timeout() {
    // Settings come from the environment.
    let cli::Command::Serve(settings) = cli::Cli::parse_from(["milepost"]).command() else { unreachable!() };
    let mut config = settings.config().unwrap();
    assert_eq!(config.body_timeout, Duration::from_secs(30));
    config.body_timeout = BODY_TIMEOUT;
    serve::run(config, tasks::register).unwrap();
}

fn start_with_short_timeout(data: &Path) -> ServerProcess {
    let mut command: Command = clean_command(env::current_exe().unwrap());
    command.args(["network::body_timeout::server_with_short_body_timeout", "--exact", "--ignored", "--nocapture"]);
    command.env("MILEPOST_DATA_DIR", data).env("MILEPOST_ADDR", "127.0.0.1:0").env("MILEPOST_NO_AUTH", "true");
    ServerProcess::spawn(command)
}

/// Sends the head of a request with a body of 1,000 bytes, and only `start` of the body.
fn send_partial(server: &ServerProcess, path: &str, header: &str, start: &str) -> TcpStream {
    let mut stream = server.connect();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\ncontent-length: 1000\r\n\r\n{start}");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads the response up to the end of the connection.
fn read_response(mut stream: TcpStream) -> String {
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn stalled_body_times_out_on_every_route() {
    let data = TempDir::new().unwrap();
    let server = start_with_short_timeout(data.path());
    let stalled = [
        ("/uploads?name=half.csv", "content-type: text/csv", "a,b\n"),
        ("/uploads", PARTS, HALF_A_FILE),
        ("/uploads", PARTS, ""),
        ("/new/demo", FORM, "seconds=1"),
        ("/new/import-csv", PARTS, HALF_A_FILE),
        ("/api/start_job", FORM, "kind=demo"),
        ("/events/0", "content-type: application/json", "{"),
    ];
    let start = Instant::now();
    let streams = stalled.map(|(path, header, start)| (path, send_partial(&server, path, header, start)));
    for (path, stream) in streams {
        let response = read_response(stream);
        assert!(
            response.starts_with("HTTP/1.1 408 ") && response.contains("did not come in time"),
            "{path}: {response}"
        );
        assert!(response.contains("frame-ancestors 'none'"), "{path}: {response}");
    }
    assert!(start.elapsed() >= BODY_TIMEOUT);
    wait_until_no_upload_is_kept(data.path());
}

#[test]
fn slow_body_that_makes_progress_is_accepted() {
    let data = TempDir::new().unwrap();
    let server = start_with_short_timeout(data.path());
    let mut stream = send_partial(&server, "/uploads?name=slow.csv", "connection: close", "");
    let start = Instant::now();
    for _ in 0..10 {
        // The pace of the client, well within the timeout.
        thread::sleep(BODY_TIMEOUT / 6);
        stream.write_all(&[b'x'; 100]).unwrap();
    }
    assert!(start.elapsed() > BODY_TIMEOUT);
    let response = read_response(stream);
    assert!(response.starts_with("HTTP/1.1 200 ") && response.contains(r#""size":1000"#), "{response}");
}

#[test]
fn large_body_is_accepted_only_by_uploads_and_forms() {
    let (server, _data) = ServerProcess::start();
    let response = |path: &str, size: usize| {
        let mut stream = server.connect();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{FORM}\r\nconnection: close\r\n");
        let body = "x".repeat(size);
        stream.write_all(format!("{head}content-length: {size}\r\n\r\n{body}").as_bytes()).unwrap();
        read_response(stream)
    };
    assert!(response("/events/0", 64 * 1024 + 1).starts_with("HTTP/1.1 413 "));
    assert!(response("/events/0", 64 * 1024).starts_with("HTTP/1.1 400 "));
    for path in ["/uploads", "/new/demo", "/api/start_job"] {
        assert!(!response(path, 1_000_000).starts_with("HTTP/1.1 413 "), "{path}");
    }
}
