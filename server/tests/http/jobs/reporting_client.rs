//! The reporting client against a real server: `milepost run`, while the server dies, and when a user cancels.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::support::{
    browser::Browser,
    process::{ServerProcess, command, system_command},
};

/// `milepost run`, by the program of the server, with a spool of its own.
fn run(browser: &Browser, spool: &TempDir, arguments: &[&str]) -> Command {
    let mut command = system_command(env!("CARGO_BIN_EXE_milepost"));
    command.arg("run").args(arguments);
    command.env("MILEPOST_URL", browser.server.url("")).env("MILEPOST_SPOOL", spool.path());
    command
}

fn send_spool(browser: &Browser, spool: &TempDir) {
    let mut command = system_command(env!("CARGO_BIN_EXE_milepost"));
    command.args(["spool", "send"]);
    command.env("MILEPOST_URL", browser.server.url("")).env("MILEPOST_SPOOL", spool.path());
    assert!(command.status().unwrap().success());
}

/// Starts a server at the address of an earlier one.
fn serve_at(address: SocketAddr, data: &Path) -> ServerProcess {
    let mut command = command();
    command.args(["--no-auth", "--addr", &address.to_string(), "--data-dir"]).arg(data);
    ServerProcess::spawn(command)
}

fn next_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn log_of(browser: &Browser, job: i64) -> String {
    browser.get(&format!("/jobs/{job}/log")).text().unwrap()
}

#[test]
fn wrapped_program_keeps_outputs_and_exit_code_and_is_a_job() {
    let (browser, spool) = (Browser::new(), TempDir::new().unwrap());
    let odd = "a b\n$HOME \"x\"";
    let script = r#"echo out; echo err >&2; printf '%s' "$1"; exit 7"#;
    let output = run(&browser, &spool, &["--kind", "wrapped", "--", "sh", "-c", script, "sh", odd]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("out\n{odd}"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "err\n");
    let page = browser.page("/jobs/1");
    assert!(page.contains("exit_7") && page.contains("Reported from"), "{page}");
    let log = log_of(&browser, 1);
    assert!(log.contains("out\n") && log.contains("err\n"), "{log}");
}

#[test]
fn lines_reported_while_server_dies_arrive_once_and_in_order() {
    let (mut browser, spool) = (Browser::new(), TempDir::new().unwrap());
    let address = browser.server.addr;
    let script = "for i in $(seq 1 120); do echo line $i; sleep 0.05; done";
    let mut child = run(&browser, &spool, &["--kind", "survives", "--", "bash", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(next_line(&mut child), "line 1\n");
    // The job exists before the server dies.
    while !log_of(&browser, 1).contains("line 5\n") {}
    browser.server.signal("KILL");
    browser.server.wait_for_exit();
    browser.server = serve_at(address, browser.data());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    send_spool(&browser, &spool);
    let numbers: Vec<String> =
        log_of(&browser, 1).lines().filter_map(|line| Some(line.split_once("line ")?.1.to_owned())).collect();
    assert_eq!(numbers, (1..=120).map(|number| number.to_string()).collect::<Vec<_>>());
    let page = browser.page("/jobs/1");
    assert!(page.contains("Succeeded") && !page.contains("Interrupted"), "{page}");
}

#[test]
fn cancel_on_the_page_ends_the_wrapped_program() {
    let (browser, spool) = (Browser::new(), TempDir::new().unwrap());
    let script = "trap 'echo got TERM; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child =
        run(&browser, &spool, &["--kind", "stops", "--", "bash", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(next_line(&mut child), "ready\n");
    while !log_of(&browser, 1).contains("ready") {}
    browser.cancel(1);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(3), "the program decides how it ends");
    send_spool(&browser, &spool);
    let page = browser.page("/jobs/1");
    assert!(page.contains(r#"data-state="cancelled""#), "{page}");
    assert!(log_of(&browser, 1).contains("got TERM"));
}
