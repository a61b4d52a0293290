//! Requests of the server to stop, and time limits.

use std::time::{Duration, Instant};

use super::{process::Home, server::Server};

fn wait_for_job(server: &Server) {
    server.wait("the poll", |state| state.requests.iter().any(|(path, _)| path.contains("/control?")).then_some(()));
}

#[test]
fn cancel_reaches_the_program_at_once() {
    let (server, home) = (Server::start(), Home::new());
    let child = home.spawn(
        &server,
        &["--signal", "INT"],
        "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done",
    );
    wait_for_job(&server);
    let begun = Instant::now();
    server.cancel(10.0);
    let output = child.wait_with_output().expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(3));
    let run = server.run();
    assert_eq!(run.last("finish").expect("it is over")["state"], "cancelled");
    let lines = run.lines();
    assert!(
        lines.contains(&"Cancelled by anna: SIGINT sent".to_owned()) && lines.contains(&"caught".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn program_that_succeeds_after_a_cancel_has_succeeded() {
    let (server, home) = (Server::start(), Home::new());
    let child = home.spawn(&server, &[], "trap 'exit 0' TERM; while :; do sleep 0.05; done");
    wait_for_job(&server);
    server.cancel(10.0);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    let finish = server.run().last("finish").expect("it is over").clone();
    assert_eq!((finish.get("state"), &finish["exit_code"]), (None, &0.into()));
}

#[test]
fn program_that_ignores_the_signal_is_killed_with_its_children() {
    let (server, home) = (Server::start(), Home::new());
    let marker = home.path().join("alive");
    let script = format!("trap '' TERM; (while :; do touch {}; sleep 0.05; done) & wait", marker.display());
    let child = home.spawn(&server, &[], &script);
    wait_for_job(&server);
    let begun = Instant::now();
    server.cancel(1.0);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(137));
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(900) && elapsed < Duration::from_secs(4), "{elapsed:?}");
    std::fs::remove_file(&marker).expect("the child wrote it");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!marker.exists(), "the child is gone");
    assert_eq!(server.run().last("finish").expect("it is over")["state"], "cancelled");
}

#[test]
fn time_limit_stops_the_program() {
    let (server, home) = (Server::start(), Home::new());
    let begun = Instant::now();
    assert_eq!(home.run(&server, &["--timeout", "300ms"], "exec sleep 60").status.code(), Some(143));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let finish = server.run().last("finish").expect("it is over").clone();
    assert_eq!(finish["state"], "failed");
    // Without any server as well.
    let output = home.client(&["run", "--timeout", "300ms", "--", "sleep", "60"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(143));
}

#[test]
fn unique_run_is_skipped_or_fails_while_another_has_the_key() {
    let (server, home) = (Server::start(), Home::new());
    server.state().busy = true;
    let skipped = home.run(&server, &["--unique", "k"], "echo started");
    assert_eq!((skipped.status.code(), skipped.stdout.len()), (Some(0), 0));
    let failed = home.run(&server, &["--unique", "k", "--if-busy", "fail"], "echo started");
    assert_eq!((failed.status.code(), failed.stdout.len()), (Some(75), 0));
    assert_eq!(home.heads(), [""; 0]);
    server.stop();
    let ran = home.run(&server, &["--unique", "k"], "echo started");
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(0), &b"started\n"[..]));
    let skipped = home.run(&server, &["--unique", "k", "--if-unreachable", "skip"], "echo started");
    assert_eq!((skipped.status.code(), skipped.stdout.len()), (Some(0), 0));
}
