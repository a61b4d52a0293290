//! Servers that are missing, hang, or are killed in the middle.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use super::{
    process::{Home, stderr, stdout},
    server::Server,
};

/// A command for an address where nothing listens.
fn refused(home: &Home, args: &[&str]) -> std::process::Command {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it is bound").port();
    let mut command = home.client(args);
    command.env("MILEPOST_URL", format!("http://127.0.0.1:{port}"));
    command
}

#[test]
fn program_runs_without_a_server() {
    let home = Home::new();
    for mut command in [
        home.client(&["run", "--", "sh", "-c", "echo a; exit 5"]),
        refused(&home, &["run", "--", "sh", "-c", "echo a; exit 5"]),
        refused(&home, &["run", "--no-spool", "--", "sh", "-c", "echo a; exit 5"]),
        refused(&home, &["run", "--server", "nonsense", "--", "sh", "-c", "echo a; exit 5"]),
    ] {
        let begun = Instant::now();
        let output = command.output().expect("it starts");
        assert_eq!((stdout(&output).as_str(), output.status.code()), ("a\n", Some(5)));
        assert_eq!(stderr(&output), "", "quiet without a terminal");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    assert_eq!(home.heads().len(), 1, "kept for later");
}

#[test]
fn unreadable_configuration_is_no_reason_to_stop() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join(".config/milepost")).expect("a directory");
    std::fs::write(home.path().join(".config/milepost/client.toml"), "server = [broken").expect("written");
    let output = home.client(&["run", "-v", "--", "sh", "-c", "exit 6"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(6));
    assert!(stderr(&output).contains("client.toml"), "{}", stderr(&output));
}

#[test]
fn strict_starts_nothing_without_a_server() {
    let home = Home::new();
    let output = refused(&home, &["run", "--strict", "--", "echo", "started"]).output().expect("it starts");
    assert_eq!((output.status.code(), stdout(&output)), (Some(125), String::new()));
    assert!(stderr(&output).contains("--strict"));
    assert_eq!(home.heads(), [""; 0]);
    let server = Server::start();
    let output = home.run(&server, &["--strict"], "echo started");
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "started\n"));
}

#[test]
fn hanging_server_is_waited_for_once() {
    let (server, home) = (Server::start(), Home::new());
    server.state().hangs = true;
    let begun = Instant::now();
    assert_eq!(home.run(&server, &["--deliver", "1s"], "exit 2").status.code(), Some(2));
    let first = begun.elapsed();
    assert!(first >= Duration::from_secs(1) && first < Duration::from_secs(4), "{first:?}");
    let begun = Instant::now();
    assert_eq!(home.run(&server, &["--deliver", "20s"], "exit 2").status.code(), Some(2));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(home.heads().len(), 2);
}

#[test]
fn server_that_is_killed_and_returns_has_each_line_once() {
    let (server, home) = (Server::start(), Home::new());
    server.state().lag = 5;
    let script = "i=0; while [ $i -lt 300 ]; do echo line $i; echo $i/300; sleep 0.01; i=$((i+1)); done";
    let child = home.spawn(&server, &["--deliver", "20s", "--progress", "fraction"], script);
    for lines in [20, 60] {
        server.wait("lines", |state| state.runs.values().any(|run| run.lines().len() > lines).then_some(()));
        server.stop();
        std::thread::sleep(Duration::from_millis(700));
        server.restart();
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let run = server.run();
    let lines: Vec<String> = run.lines().into_iter().filter(|line| line.starts_with("line")).collect();
    assert_eq!(lines, (0..300).map(|n| format!("line {n}")).collect::<Vec<_>>());
    let values: Vec<u64> = run.entries.values().filter_map(|entry| entry["value"].as_u64()).collect();
    assert!(values.is_sorted() && !values.is_empty(), "{values:?}");
    assert!(run.last("finish").is_some());
}

#[test]
fn later_client_delivers_a_whole_run() {
    let (server, home) = (Server::start(), Home::new());
    server.stop();
    assert_eq!(home.run(&server, &["--kind", "early"], "echo one; sleep 0.3; echo two; exit 3").status.code(), Some(3));
    assert_eq!(home.heads().len(), 1);
    server.restart();
    let _ = std::fs::remove_file(home.spool().join("unreachable"));
    home.run(&server, &["--kind", "late"], "true");
    assert_eq!(home.heads(), [""; 0]);
    let state = server.state();
    let early = state.runs.iter().find(|(name, _)| name.starts_with("early/")).expect("it is delivered").1;
    assert_eq!(early.lines(), ["one", "two"]);
    let finish = early.last("finish").expect("it is over");
    assert_eq!(finish["exit_code"], 3);
    assert!((0.2..5.0).contains(&finish["elapsed"].as_f64().expect("a number")));
}

#[test]
fn run_of_another_server_is_not_sent() {
    let (server, other, home) = (Server::start(), Server::start(), Home::new());
    server.stop();
    home.run(&server, &[], "true");
    let output = home.client_of(&other, &["spool", "send"]).output().expect("it starts");
    assert!(stderr(&output).contains(&server.url()), "{}", stderr(&output));
    assert!(other.state().requests.is_empty());
    assert_eq!(home.heads().len(), 1);
}
