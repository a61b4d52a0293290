//! The spool: dead clients, torn lines, limits.

use std::{fs, io::Write as _, time::Duration};

use super::{
    process::{Home, kill, stdout},
    server::Server,
};

#[test]
fn killed_client_is_reported_as_lost() {
    let (server, home) = (Server::start(), Home::new());
    let mut child = home.spawn(&server, &[], "echo one; exec sleep 3");
    server.wait("the line", |state| state.runs.values().any(|run| run.lines() == ["one"]).then_some(()));
    let living = home.client_of(&server, &["spool", "send"]).output().expect("it starts");
    assert!(living.status.success() && living.stdout.is_empty(), "a living client keeps its run");
    kill(&child, "KILL");
    child.wait().expect("it is dead");
    let listed = home.client_of(&server, &["spool", "list"]).output().expect("it starts");
    assert!(stdout(&listed).contains("\twaiting\t"), "{}", stdout(&listed));
    assert!(home.client_of(&server, &["spool", "send"]).status().expect("it starts").success());
    let run = server.run();
    assert!(run.last("lost").is_some() && run.last("finish").is_none());
    assert_eq!(run.lines(), ["one"]);
    assert_eq!(home.heads(), [""; 0]);
}

#[test]
fn torn_line_is_dropped() {
    let (server, home) = (Server::start(), Home::new());
    server.stop();
    let mut child = home.spawn(&server, &[], "echo one; exec sleep 3");
    let segment = loop {
        let files = fs::read_dir(home.spool()).into_iter().flatten().flatten().map(|entry| entry.path());
        let segment = files.into_iter().find(|path| path.to_string_lossy().ends_with(".1.ndjson"));
        match segment {
            Some(path) if fs::read_to_string(&path).unwrap_or_default().contains("one") => break path,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    kill(&child, "KILL");
    child.wait().expect("it is dead");
    let mut file = fs::OpenOptions::new().append(true).open(segment).expect("it is there");
    file.write_all(b"{\"type\":\"log\",\"lines\":[[1,\"info\",\"tor").expect("written");
    server.restart();
    assert!(home.client_of(&server, &["spool", "send"]).status().expect("it starts").success());
    let run = server.run();
    assert_eq!(run.lines(), ["one"]);
    assert_eq!(run.entries.len(), 3, "start, line, lost: {:?}", run.entries);
}

#[test]
fn full_spool_drops_the_middle_and_notes_it() {
    let (server, home) = (Server::start(), Home::new());
    server.stop();
    let script = "i=0; while [ $i -lt 20000 ]; do echo line number $i; i=$((i+1)); done";
    assert!(home.run(&server, &["--spool-limit", "64KiB"], script).status.success());
    let bytes: u64 = fs::read_dir(home.spool())
        .expect("a spool")
        .flatten()
        .map(|entry| entry.metadata().expect("a file").len())
        .sum();
    assert!(bytes < 64 * 1024 + 400 * 1024, "{bytes}");
    server.restart();
    assert!(home.client_of(&server, &["spool", "send"]).status().expect("it starts").success());
    let lines = server.run().lines();
    let note = lines.iter().position(|line| line.ends_with("lines left out: the spool was full")).expect("a note");
    let left_out: usize = lines[note].split(' ').next().expect("a word").parse().expect("a number");
    assert_eq!(lines.len() - 1 + left_out, 20_000);
    assert_eq!((lines[0].as_str(), lines[lines.len() - 1].as_str()), ("line number 0", "line number 19999"));
}

#[test]
fn spool_that_cannot_be_written_is_replaced_by_memory() {
    let (server, home) = (Server::start(), Home::new());
    fs::write(home.spool(), "a file where the directory should be").expect("written");
    let output = home.run(&server, &[], "echo one; sleep 0.5; echo two");
    assert!(output.status.success());
    assert_eq!(server.run().lines(), ["one", "two"]);
    assert!(server.run().last("finish").is_some());
}

#[test]
fn one_run_id_twice_at_once_does_not_mix() {
    let (server, home) = (Server::start(), Home::new());
    server.stop();
    for n in [1, 2] {
        assert!(home.run(&server, &["--kind", "k", "--run", "r"], &format!("echo {n}")).status.success());
    }
    assert_eq!(home.heads().len(), 2);
    server.restart();
    home.client_of(&server, &["spool", "send"]).output().expect("it starts");
    assert_eq!(server.run().lines(), ["1"], "the second reporter is refused");
}

#[test]
fn killed_clients_lose_and_double_no_line() {
    let (server, home) = (Server::start(), Home::new());
    server.state().lag = 4;
    let script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); [ $((i % 9)) = 0 ] && sleep 0.01; done";
    for round in 0..12 {
        let mut child = home.spawn(&server, &[], script);
        std::thread::sleep(Duration::from_millis(20 + round * 45));
        kill(&child, "KILL");
        child.wait().expect("it is dead");
        home.client_of(&server, &["spool", "send"]).status().expect("it starts");
    }
    let state = server.state();
    assert_eq!((state.runs.len(), home.heads().len()), (12, 0));
    for (name, run) in &state.runs {
        let lines = run.lines();
        assert_eq!(lines, (0..lines.len()).map(|n| format!("line {n}")).collect::<Vec<_>>(), "{name}");
        assert!(run.is_over() && run.entries[&1]["type"] == "start", "{name}");
    }
}

#[test]
fn long_log_is_thinned_at_the_source() {
    let (server, home) = (Server::start(), Home::new());
    let output = home.run(&server, &["--deliver", "60s"], "exec seq 1 250000");
    assert_eq!(output.stdout.split_inclusive(|byte| *byte == b'\n').count(), 250_000);
    let lines = server.run().lines();
    assert_eq!(lines.len(), 200_001);
    assert_eq!(
        (lines[197_999].as_str(), lines[198_001].as_str(), lines[200_000].as_str()),
        ("198000", "248001", "250000")
    );
    assert_eq!(lines[198_000], "50000 lines left out: the log is too long");
}
