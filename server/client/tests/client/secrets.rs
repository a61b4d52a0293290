//! Secrets: masked in everything that is reported, and no token for the program.

use std::fs;

use super::{
    process::{Home, stdout},
    server::Server,
};

#[test]
fn secret_is_masked_across_two_writes_but_printed_unchanged() {
    let (server, home) = (Server::start(), Home::new());
    let script = "printf 'x hunter'; sleep 0.2; printf '2222 y\\n'; sleep 0.3; echo \"$MY_NOTE\" >&2; sleep 0.3; echo $API_TOKEN";
    let mut command =
        home.client_of(&server, &["run", "--mask", "MY_NOTE", "--title", "t hunter2222", "--", "sh", "-c", script]);
    command.env("DB_PASSWORD", "hunter2222").env("MY_NOTE", "abc").env("API_TOKEN", "token-of-another-service");
    let output = command.output().expect("it starts");
    assert_eq!(stdout(&output), "x hunter2222 y\ntoken-of-another-service\n");
    let all = format!("{:?}", server.state().requests);
    assert!(!all.contains("hunter") && !all.contains("abc") && !all.contains("another-service"), "{all}");
    assert_eq!(server.run().lines(), ["x *** y", "***", "***"]);
    assert_eq!(server.run().entries[&1]["title"], "t ***");
}

#[test]
fn spool_holds_neither_secret_nor_token() {
    let (server, home) = (Server::start(), Home::new());
    server.stop();
    let mut command =
        home.client_of(&server, &["run", "--", "sh", "-c", "echo $DB_PASSWORD; echo $MILEPOST_TOKEN; env"]);
    command.env("DB_PASSWORD", "hunter2222").env("MILEPOST_TOKEN", "mp_secret_token");
    let output = command.output().expect("it starts");
    assert!(!stdout(&output).contains("mp_secret_token"), "the program gets no token");
    for entry in fs::read_dir(home.spool()).expect("a spool") {
        let text = fs::read_to_string(entry.expect("a file").path()).unwrap_or_default();
        assert!(!text.contains("hunter2222") && !text.contains("mp_secret_token"), "{text}");
    }
}

#[test]
fn token_is_passed_on_request_only() {
    let (server, home) = (Server::start(), Home::new());
    server.state().token = Some("mp_secret_token".to_owned());
    let script = "echo ${MILEPOST_TOKEN-none} $MILEPOST_KIND; test -w \"$MILEPOST_REPORT\"";
    for (flags, expected) in
        [(&["--kind", "a"][..], "none a\n"), (&["--kind", "b", "--pass-token"], "mp_secret_token b\n")]
    {
        let mut command = home.client_of(&server, &[&["run"], flags, &["--", "sh", "-c", script]].concat());
        let output = command.env("MILEPOST_TOKEN", "mp_secret_token").output().expect("it starts");
        assert_eq!((stdout(&output).as_str(), output.status.code()), (expected, Some(0)));
    }
    let state = server.state();
    assert!(state.runs.values().all(|run| !run.lines().concat().contains("mp_secret")), "{:?}", state.runs);
}
