//! Limits of the operating system: open files and file size.

use std::{fs, io::Write, process::Command, thread};

use reqwest::blocking::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::{PROGRAM, ServerProcess, TIMEOUT, system_command};

/// A server that `sh` starts after the command `limit`.
fn server_with_limit(limit: &str, data: &TempDir) -> Command {
    let mut command = system_command("sh");
    let script = format!("{limit} && exec \"$@\"");
    command.args(["-c", &script, "sh", PROGRAM, "--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
    command
}

fn start(client: &Client, server: &ServerProcess) -> Response {
    let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
    client.post(server.url("/api/start_job")).form(&form).send().unwrap()
}

#[test]
fn pages_and_streams_work_with_few_open_files() {
    for files in [64, 128] {
        let data = TempDir::new().unwrap();
        let server = ServerProcess::spawn(server_with_limit(&format!("ulimit -n {files}"), &data));
        let client = Client::builder().timeout(TIMEOUT).build().unwrap();
        let mut stream = server.connect();
        stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        for _ in 0..10 {
            start(&client, &server).error_for_status().unwrap();
        }
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for path in ["/", "/jobs", "/jobs/1", "/new", "/queues"] {
                        let status = client.get(server.url(path)).send().unwrap().status().as_u16();
                        assert_eq!(status, 200, "{path} with {files} open files");
                    }
                });
            }
        });
        let end = client.get(server.url("/events?job=10&until=end")).send().unwrap().text().unwrap();
        assert!(end.contains(r#""state":"succeeded""#), "{end}");
    }
}

#[test]
fn start_with_too_few_open_files_is_rejected() {
    let data = TempDir::new().unwrap();
    let output = server_with_limit("ulimit -n 40", &data).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("40 open files") && stderr.contains("at least 64"), "{stderr}");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn file_size_limit_rejects_starts_until_raised() {
    let (server, data) = ServerProcess::start();
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    start(&client, &server).error_for_status().unwrap();
    let limit = |bytes: &str| {
        let mut set = Command::new("prlimit");
        set.args(["--pid", &server.pid().to_string()]).arg(format!("--fsize={bytes}:unlimited"));
        assert!(set.status().unwrap().success());
    };
    let log = fs::metadata(data.path().join("milepost.db-wal")).unwrap().len();
    limit(&(log + 300_000).to_string());
    let mut responses = std::iter::repeat_with(|| start(&client, &server)).take(2_000);
    let rejected = responses.find(|response| response.status().as_u16() != 200).expect("it is reached");
    assert_eq!(rejected.status().as_u16(), 507);
    let rejection: Value = rejected.json().unwrap();
    assert_eq!(rejection["code"], "file_limit", "{rejection}");
    assert_eq!(client.get(server.url("/healthz")).send().unwrap().status().as_u16(), 200);
    limit("unlimited");
    start(&client, &server).error_for_status().unwrap();
}
