//! Threads of the program that panic or hang: exit code and health check.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use engine::{Builder, Clock, SystemClock};
use model::Micros;
use reqwest::blocking::Client;
use server::{
    cli,
    run::{serve, worker},
};
use tasks::TaskSettings;
use tempfile::TempDir;

use crate::support::process::{ServerProcess, TIMEOUT, WorkerProcess};

/// `EX_SOFTWARE` of `sysexits.h`.
const INTERNAL_ERROR: Option<i32> = Some(70);

/// A clock that panics or hangs in the thread that a file in this folder is named after.
struct FailingClock(PathBuf);

impl Clock for FailingClock {
    fn now(&self) -> Micros {
        let thread = thread::current();
        let name = thread.name().unwrap_or_default();
        assert!(!self.0.join(format!("{name}.panic")).exists(), "injected panic in {name}");
        while self.0.join(format!("{name}.hang")).exists() {
            thread::sleep(Duration::from_millis(20));
        }
        SystemClock.now()
    }
}

fn with_failing_clock(builder: Builder, settings: &TaskSettings) -> Builder {
    let clock = FailingClock(env::var_os("MILEPOST_DATA_DIR").unwrap().into());
    tasks::register(builder, settings).clock(Arc::new(clock))
}

#[test]
#[ignore = "the program that the other tests run"]
fn program_with_failing_threads() {
    // Settings come from the environment.
    let arguments = ["milepost".to_owned()].into_iter().chain(env::var("RUN_AS"));
    let outcome = match cli::Cli::parse_from(arguments).command() {
        cli::Command::Worker(settings) => worker::run(settings.config().unwrap(), with_failing_clock),
        cli::Command::Serve(settings) => serve::run(settings.config().unwrap(), with_failing_clock),
        _ => unreachable!(),
    };
    let code = outcome.as_ref().map_or_else(server::Error::exit_code, |()| 0);
    server::exit_code(outcome);
    std::process::exit(code.into());
}

fn program(data: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["process::thread_failure::program_with_failing_threads", "--exact", "--ignored", "--nocapture"]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("MILEPOST_DATA_DIR", data).env("MILEPOST_ADDR", "127.0.0.1:0").env("MILEPOST_NO_AUTH", "true");
    command
}

fn start(client: &Client, server: &ServerProcess) {
    let form = [("kind", "demo"), ("input", r#"{"seconds":600}"#)];
    // No response comes where the thread that panics is needed for it.
    let _ = client.post(server.url("/api/start_job")).form(&form).send();
}

#[test]
fn server_exits_with_code_70_when_a_thread_ends() {
    for thread in ["store-writer", "sampler"] {
        let data = TempDir::new().unwrap();
        let mut server = ServerProcess::spawn(program(data.path()));
        fs::write(data.path().join(format!("{thread}.panic")), "").unwrap();
        start(&Client::new(), &server);
        server.wait_for_log(&format!("the {} has ended (injected panic in {thread})", thread.replace('-', " ")));
        assert_eq!(server.wait().code(), INTERNAL_ERROR, "{thread}");
    }
}

#[test]
fn worker_exits_with_code_70_when_a_thread_ends() {
    let (server, data) = ServerProcess::start_with(&["--concurrency", "0"]);
    let mut command = program(data.path());
    command.env("RUN_AS", "worker").stderr(Stdio::null());
    let worker = WorkerProcess::spawn(command).ready();
    fs::write(data.path().join("store-writer.panic"), "").unwrap();
    start(&Client::new(), &server);
    assert_eq!(worker.wait().code(), INTERNAL_ERROR);
}

#[test]
fn health_check_names_the_hanging_thread() {
    let data = TempDir::new().unwrap();
    let server = ServerProcess::spawn(program(data.path()));
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    let health = || {
        let response = client.get(server.url("/healthz")).send().unwrap();
        (response.status().as_u16(), response.text().unwrap())
    };
    assert_eq!(health(), (200, "ok\n".to_owned()));
    let hangs = data.path().join("store-writer.hang");
    fs::write(&hangs, "").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| start(&client, &server));
        let started_at = Instant::now();
        while health().0 == 200 {
            assert!(started_at.elapsed() < TIMEOUT, "it does not hang");
        }
        let (status, text) = health();
        assert_eq!(status, 503);
        assert!(text.starts_with("No sign of life: store writer."), "{text}");
        fs::remove_file(&hangs).unwrap();
    });
    assert_eq!(health(), (200, "ok\n".to_owned()));
}
