//! The rules of batches: parts, lost responses, gaps, delays, errors.

use serde_json::json;

use super::{
    process::Home,
    server::{Canned, Server},
};

/// Prints numbered lines, each in a write of its own.
const COUNT_TO_200: &str = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done";

fn assert_complete(server: &Server) {
    let expected: Vec<String> = (0..200).map(|n| format!("line {n}")).collect();
    let run = server.run();
    assert_eq!(run.lines(), expected);
    assert_eq!(run.last("finish").expect("it is over")["exit_code"], 0);
}

#[test]
fn batch_that_is_taken_in_part_is_continued() {
    let (server, home) = (Server::start(), Home::new());
    server.state().most_entries = Some(7);
    server.state().lag = 3;
    // One entry for each line: the reader is slower than the writer otherwise.
    let script =
        format!("{COUNT_TO_200} | while read a b; do echo $a $b; [ $((b % 10)) = 0 ] && sleep 0.01; done; exit 0");
    home.run(&server, &["--deliver", "20s"], &script);
    assert_complete(&server);
}

#[test]
fn lost_responses_double_nothing() {
    let (server, home) = (Server::start(), Home::new());
    server.state().lose_responses = 4;
    server.state().lag = 2;
    let script = format!("{COUNT_TO_200}; sleep 3");
    home.run(&server, &["--deliver", "20s"], &script);
    assert_complete(&server);
    assert!(server.run().batches > 4);
}

#[test]
fn gap_is_closed() {
    let (server, home) = (Server::start(), Home::new());
    server.state().lag = 1_000;
    let child = home.spawn(
        &server,
        &["--deliver", "20s"],
        "sleep 0.5; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; sleep 1",
    );
    server.wait("some lines", |state| state.runs.values().next().filter(|run| run.lines().len() > 50).map(drop));
    // As after a restart: only what is on disk is left, which is nothing.
    for run in server.state().runs.values_mut() {
        run.received = 0;
        run.entries.clear();
    }
    child.wait_with_output().expect("it ends");
    assert_complete(&server);
    assert!(server.state().gaps > 0);
}

#[test]
fn delays_of_the_server_lose_nothing() {
    let (server, home) = (Server::start(), Home::new());
    let busy = |status, header| Canned { status, header, body: json!({"code": "busy"}) };
    server.state().canned.extend([
        busy(503, "Retry-After: 1\r\n"),
        busy(429, "Retry-After: 0\r\n"),
        busy(500, ""),
        Canned { status: 502, header: "Content-Type: text/html\r\n", body: json!("no JSON") },
    ]);
    home.run(&server, &["--deliver", "20s"], COUNT_TO_200);
    assert_complete(&server);
}

#[test]
fn large_batch_is_split() {
    let (server, home) = (Server::start(), Home::new());
    server.state().most_bytes = Some(4_000);
    let script = "i=0; while [ $i -lt 200 ]; do echo line $i; sleep 0.002; i=$((i+1)); done";
    home.run(&server, &["--deliver", "20s"], script);
    assert_complete(&server);
}

#[test]
fn refused_entry_is_replaced_by_a_warning() {
    let (server, home) = (Server::start(), Home::new());
    server.state().invalid = Some("cursed");
    home.run(&server, &["--deliver", "20s"], "echo one; sleep 0.05; echo cursed; sleep 0.05; echo three");
    let lines = server.run().lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!((lines[0].as_str(), lines[2].as_str()), ("one", "three"));
    assert!(lines[1].contains("refused entry 3"), "{lines:?}");
}

#[test]
fn new_epoch_repeats_the_start() {
    let (server, home) = (Server::start(), Home::new());
    let child = home.spawn(&server, &[], "echo one; sleep 1.5; echo two; sleep 1");
    server.wait("the first line", |state| state.runs.values().any(|run| run.acked >= 2).then_some(()));
    // A restored backup: the run is unknown.
    {
        let mut state = server.state();
        state.epoch = "e2".to_owned();
        state.runs.clear();
    }
    child.wait_with_output().expect("it ends");
    let run = server.run();
    assert_eq!(run.lines(), ["two"], "what was acknowledged is not sent again");
    let requests = server.state().requests.clone();
    assert!(requests.iter().any(|(_, body)| body.contains("\"epoch\":\"e2\"") && body.contains("\"start\":{")));
}

#[test]
fn wrong_token_stops_reporting_until_the_file_has_another() {
    let (server, home) = (Server::start(), Home::new());
    server.state().token = Some("right".to_owned());
    let file = home.path().join("token");
    std::fs::write(&file, "wrong\n").expect("written");
    let path = file.to_string_lossy().into_owned();
    let child = home.spawn(&server, &["--token-file", &path], "echo one; sleep 4; echo two; exit 4");
    server.wait("a refused request", |state| (!state.requests.is_empty()).then_some(()));
    std::fs::write(&file, "right\n").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(server.run().lines(), ["one", "two"]);
    assert!(server.state().requests.len() < 20, "the wrong token is not tried again and again");
}

#[test]
fn refusal_never_reaches_the_program() {
    for status in [400, 401, 403, 404, 410, 421] {
        let (server, home) = (Server::start(), Home::new());
        let canned = Canned { status, header: "", body: json!({"code": "no"}) };
        server.state().canned.extend(vec![canned; 50]);
        let output = home.run(&server, &[], "sleep 0.6; echo out; exit 9");
        assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"out\n"[..], Some(9)), "{status}");
        assert!(output.stderr.is_empty(), "quiet without a terminal: {output:?}");
        assert_eq!(home.heads().len(), usize::from(status != 410), "{status}: what is gone is not kept");
    }
}
