//! What passes through the client unchanged: arguments, input, outputs, exit codes, signals.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    process::{Home, kill, stderr, stdout, with_input},
    server::Server,
};

#[test]
fn streams_and_exit_code_are_those_of_the_program() {
    let (server, home) = (Server::start(), Home::new());
    let output = home.run(&server, &[], "echo a; echo b >&2; exit 7");
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str(), output.status.code()), ("a\n", "b\n", Some(7)));
    let run = server.run();
    assert_eq!(run.last("finish").expect("it is over")["exit_code"], 7);
    let mut lines = run.lines();
    lines.sort();
    assert_eq!(lines, ["a", "b"]);
    assert_eq!(home.heads(), [""; 0], "all is delivered");
}

#[test]
fn short_program_is_one_request() {
    let (server, home) = (Server::start(), Home::new());
    home.run(&server, &["--kind", "short", "--run", "r.1", "--title", "Short one"], "echo a");
    let requests = server.state().requests.clone();
    let batches: Vec<_> = requests.iter().filter(|(path, _)| path == "POST /api/v1/report/short/r.1").collect();
    assert_eq!(batches.len(), 1, "{requests:?}");
    let run = server.run();
    assert_eq!(run.entries[&1]["title"], "Short one");
    assert_eq!(run.entries.len(), 3);
}

#[test]
fn arguments_pass_unchanged() {
    let (server, home) = (Server::start(), Home::new());
    let args = ["a b", "$HOME", "\"'`", "new\nline", "", "--flag", "-v", "\\", "*", "ü"];
    let script = "for arg; do printf '[%s]' \"$arg\"; done";
    let command = [&["run", "--", "sh", "-c", script, "name"], &args[..]].concat();
    let output = home.client_of(&server, &command).output().expect("it starts");
    assert_eq!(stdout(&output), args.map(|arg| format!("[{arg}]")).concat());
    let reported = server.run().entries[&1].to_string();
    assert!(!reported.contains("HOME"), "arguments are not reported: {reported}");
}

#[test]
fn binary_input_passes_to_the_output() {
    let (server, home) = (Server::start(), Home::new());
    let input: Vec<u8> = (0..2_000_000_u32).map(|n| (n * 7 + n / 251) as u8).collect();
    let output = with_input(home.client_of(&server, &["run", "--", "cat"]), &input);
    assert!(output.status.success());
    assert!(output.stdout == input, "{} bytes of {}", output.stdout.len(), input.len());
}

#[test]
fn output_is_forwarded_at_once() {
    let (server, home) = (Server::start(), Home::new());
    // Without a line end, and the program waits for its input afterwards.
    let mut command = home.client_of(&server, &["run", "--", "sh", "-c", "printf prompt; read line; echo \"$line\""]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut out = child.stdout.take().expect("it is piped");
    let mut prompt = [0; 6];
    out.read_exact(&mut prompt).expect("the prompt");
    assert_eq!(&prompt, b"prompt");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn closed_output_ends_the_program() {
    let (server, home) = (Server::start(), Home::new());
    let mut child = home.client_of(&server, &["run", "--", "yes"]).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut first).expect("a line");
    // The reader is gone: `yes` gets SIGPIPE, as without the client.
    assert_eq!(child.wait().expect("it ends").code(), Some(141));
}

#[test]
fn program_that_cannot_start_has_the_exit_code_of_a_shell() {
    let (server, home) = (Server::start(), Home::new());
    let code = |program| home.client_of(&server, &["run", "--", program]).output().expect("it starts").status.code();
    assert_eq!(code("/nonexistent/program"), Some(127));
    assert_eq!(code("/etc/passwd"), Some(126));
    assert_eq!(server.state().runs.len(), 2, "both are reported");
    let wrong = home.client_of(&server, &["run", "--bogus", "--", "true"]).output().expect("it starts");
    assert_eq!(wrong.status.code(), Some(125));
}

#[test]
fn killed_program_has_code_128_and_the_signal() {
    let (server, home) = (Server::start(), Home::new());
    assert_eq!(home.run(&server, &[], "kill -KILL $$").status.code(), Some(137));
    let finish = server.run().last("finish").expect("it is over").clone();
    assert_eq!((&finish["signal"], finish.get("exit_code")), (&"KILL".into(), None));
}

#[test]
fn signals_are_forwarded() {
    let (server, home) = (Server::start(), Home::new());
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129), ("USR1", 138)] {
        let mut child = home.spawn(&server, &[], "echo ready; exec sleep 60");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        out.read_line(&mut String::new()).expect("it is ready");
        kill(&child, signal);
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
    }
    let state = server.state();
    let ends: Vec<_> = state.runs.values().filter_map(|run| run.last("finish")).collect();
    let cancelled = ends.iter().filter(|finish| finish["state"] == "cancelled").count();
    assert_eq!((ends.len(), cancelled), (4, 2), "TERM and INT are cancelled: {ends:?}");
}

#[test]
fn second_interrupt_kills() {
    let (server, home) = (Server::start(), Home::new());
    let mut child = home.spawn(&server, &[], "trap 'echo no' INT; echo ready; while :; do sleep 0.1; done");
    let mut out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    out.next();
    kill(&child, "INT");
    assert_eq!(out.next().expect("a line").expect("text"), "no");
    kill(&child, "INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(137));
}

#[test]
fn ignored_hangup_stays_ignored() {
    let (server, home) = (Server::start(), Home::new());
    let script =
        format!("trap '' HUP; exec {} run -- sh -c 'echo ready; kill -HUP $$; echo alive'", super::process::CLIENT);
    let mut command = home.client_of(&server, &[]);
    let envs: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new("sh");
    command.env_clear().envs(envs.into_iter().filter_map(|(name, value)| Some((name, value?)))).args(["-c", &script]);
    assert_eq!(stdout(&command.output().expect("it starts")), "ready\nalive\n");
}

#[test]
fn background_process_does_not_hold_the_client() {
    let (server, home) = (Server::start(), Home::new());
    let begun = Instant::now();
    let mut command = home.client_of(&server, &["run", "--", "sh", "-c", "sleep 8 & echo done"]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts");
    assert!(status.success() && status.signal().is_none());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn quiet_prints_only_a_failure() {
    let (server, home) = (Server::start(), Home::new());
    let good = home.run(&server, &["--quiet"], "echo a; echo b >&2");
    assert_eq!((stdout(&good), stderr(&good)), (String::new(), String::new()));
    let bad = home.run(&server, &["--quiet"], "echo a; echo b >&2; exit 3");
    assert_eq!((stdout(&bad).as_str(), stderr(&bad).as_str(), bad.status.code()), ("a\n", "b\n", Some(3)));
    let silent = home.run(&server, &["--silent"], "echo a; echo b >&2; exit 3");
    assert_eq!((stdout(&silent), stderr(&silent), silent.status.code()), (String::new(), String::new(), Some(3)));
}
