//! Standard output and standard error that cannot be written, or that no one reads.

use std::{
    fs::File,
    io::{Read, pipe},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::blocking::Client;
use tempfile::TempDir;

use crate::support::process::{ServerProcess, TIMEOUT, WorkerProcess, command};

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn server_command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data).args(arguments);
    command.env("MILEPOST_LOG", "debug");
    command
}

/// Runs three jobs and checks the health of the server.
fn assert_works(url: &str) {
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    for _ in 0..3 {
        let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        let started = client.post(format!("{url}/api/start_job")).form(&form).send().unwrap();
        let job = started.error_for_status().unwrap().text().unwrap();
        let end = client.get(format!("{url}/events?job={job}&until=end")).send().unwrap().text().unwrap();
        assert!(end.contains(r#""state":"succeeded""#), "{end}");
    }
    let health = client.get(format!("{url}/healthz")).send().unwrap();
    assert_eq!((health.status().as_u16(), health.text().unwrap().as_str()), (200, "ok\n"));
}

#[test]
fn server_works_with_stderr_on_a_full_disk() {
    let data = TempDir::new().unwrap();
    let mut command = server_command(data.path(), &[]);
    command.stderr(full());
    let server = ServerProcess::spawn(command);
    assert_works(&server.url(""));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn worker_works_with_its_output_on_a_full_disk() {
    let data = TempDir::new().unwrap();
    let server = ServerProcess::spawn(server_command(data.path(), &["--concurrency", "0"]));
    let mut command = command();
    command.args(["worker", "--log", "debug", "--data-dir"]).arg(data.path());
    command.stdout(full()).stderr(full());
    let worker = WorkerProcess::spawn(command);
    assert_works(&server.url(""));
    worker.signal("TERM");
    assert_eq!(worker.wait().code(), Some(0));
}

/// Killed when dropped.
struct KillGuard(Child);

impl Drop for KillGuard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn server_starts_with_stdout_on_a_full_disk() {
    let data = TempDir::new().unwrap();
    // Its address is chosen here, because it cannot print it.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = command();
    command.args(["--addr", &addr.to_string(), "--no-auth", "--data-dir"]).arg(data.path());
    command.stdout(full()).stderr(full());
    let _guard = KillGuard(command.spawn().unwrap());
    let (client, started_at) = (Client::new(), Instant::now());
    while client.get(format!("http://{addr}/healthz")).send().is_err() {
        assert!(started_at.elapsed() < TIMEOUT, "it does not start");
    }
    assert_works(&format!("http://{addr}"));
}

#[test]
fn server_works_after_its_log_reader_has_exited() {
    let data = TempDir::new().unwrap();
    let (log, stderr) = pipe().unwrap();
    let mut command = server_command(data.path(), &[]);
    command.stderr(stderr);
    let server = ServerProcess::spawn(command);
    drop(log);
    assert_works(&server.url(""));
}

#[test]
fn unread_log_delays_nothing_and_lost_lines_are_counted() {
    let data = TempDir::new().unwrap();
    let (mut log, stderr) = pipe().unwrap();
    let mut command = server_command(data.path(), &[]);
    command.env("MILEPOST_LOG", "trace").stderr(stderr);
    let server = ServerProcess::spawn(command);
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    // Far more than the pipe and the buffer hold.
    for _ in 0..400 {
        assert_eq!(client.get(server.url("/jobs")).send().unwrap().status().as_u16(), 200);
    }
    assert_works(&server.url(""));
    let read = std::thread::spawn(move || {
        let mut log_text = Vec::new();
        log.read_to_end(&mut log_text).unwrap();
        String::from_utf8_lossy(&log_text).into_owned()
    });
    assert_works(&server.url(""));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let log_text = read.join().unwrap();
    assert!(log_text.len() > 1 << 19, "{} bytes were kept", log_text.len());
    assert!(log_text.contains("log lines could not be written and are lost"));
}

#[test]
fn command_with_unwritable_output_fails() {
    let data = TempDir::new().unwrap();
    let (server, started_at) = (ServerProcess::with_accounts(data.path(), &[]), Instant::now());
    let mut command = command();
    let output = command.args(["setup-link", "--data-dir"]).arg(data.path()).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("milepost: writing to the standard output: "), "{stderr}");
    assert!(started_at.elapsed() < Duration::from_secs(10));
    drop(server);
}
