//! Commands inside of a run, files, and the commands that start no program.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{
    process::{CLIENT, Home, stdout, with_input},
    server::Server,
};

#[test]
fn commands_inside_a_run_are_reported() {
    let (server, home) = (Server::start(), Home::new());
    let file = home.path().join("a result.txt");
    let script = format!(
        "m() {{ {CLIENT} \"$@\"; }}; m progress 3/10 tables done; m note first note; m warn careful; sleep 0.5; m progress 42%; \
         echo content > '{0}'; m artifact '{0}'; echo '{{\"stage\":1,\"value\":4,\"max\":8,\"unit\":\"files\"}}' >> $MILEPOST_REPORT",
        file.display()
    );
    let output = home.run(&server, &[], &script);
    assert!(output.status.success(), "{output:?}");
    let run = server.run();
    assert_eq!(run.lines(), ["first note", "careful"]);
    let progress: Vec<_> = run.entries.values().filter(|entry| entry["type"] == "progress").collect();
    assert_eq!(
        (&progress[0]["value"], &progress[0]["max"], &progress[0]["message"]),
        (&3.into(), &10.into(), &"tables done".into())
    );
    let last = progress[progress.len() - 1];
    assert_eq!((&last["stage"], &last["value"], &last["unit"]), (&1.into(), &4.into(), &"files".into()));
    let state = server.state();
    let (digest, content) = &state.artifacts["a%20result.txt"];
    assert_eq!(content, b"content\n");
    assert_eq!(
        digest, "sha-256=:Q0copBCnj1b8G1iZw1k0NuYasMcx6QctleltspAgXlM=:",
        "echo content | openssl sha256 -binary | base64"
    );
}

#[test]
fn files_are_reported_at_the_end() {
    let (server, home) = (Server::start(), Home::new());
    let directory = home.path().display().to_string();
    let (glob, result) = (format!("{directory}/*.log"), format!("{directory}/result.json"));
    let script = format!("echo a > {directory}/a.log; echo b > {directory}/b.log; echo '{{\"rows\":3}}' > {result}");
    home.run(&server, &["--artifact", &glob, "--result", &result, "--link", "https://ci.example.org/7"], &script);
    let run = server.run();
    assert_eq!(run.last("finish").expect("it is over")["result"]["rows"], 3);
    assert_eq!(run.entries[&1]["link"], "https://ci.example.org/7");
    let mut names: Vec<String> = server.state().artifacts.keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["a.log", "b.log"]);
}

#[test]
fn commands_outside_a_run_do_nothing() {
    let home = Home::new();
    assert_eq!(home.client(&["progress", "3/10"]).status().expect("it starts").code(), Some(0));
    assert_eq!(home.client(&["progress", "lots"]).status().expect("it starts").code(), Some(125));
}

#[test]
fn login_stores_a_private_token_that_runs_use() {
    let (server, home) = (Server::start(), Home::new());
    server.state().token = Some("mp_abc".to_owned());
    let url = server.url();
    assert!(with_input(home.client(&["login", "--server", &url]), b"mp_abc\n").status.success());
    let file = home.path().join(".config/milepost/token");
    assert_eq!(fs::metadata(&file).expect("stored").permissions().mode() & 0o777, 0o600);
    assert!(home.client(&["run", "--", "true"]).status().expect("it starts").success());
    assert!(server.run().last("finish").is_some());
    let doctor = home.client(&["doctor"]).output().expect("it starts");
    assert!(doctor.status.success(), "{}", stdout(&doctor));
    server.state().token = Some("mp_other".to_owned());
    let doctor = home.client(&["doctor"]).output().expect("it starts");
    assert_eq!(doctor.status.code(), Some(1));
    assert!(stdout(&doctor).contains("FAILED\taccess"), "{}", stdout(&doctor));
}

#[test]
fn configuration_of_the_working_directory_is_not_read() {
    let (server, home) = (Server::start(), Home::new());
    fs::write(home.path().join("client.toml"), format!("server = \"{}\"", server.url())).expect("written");
    home.client(&["run", "--", "true"]).current_dir(home.path()).status().expect("it starts");
    assert!(server.state().requests.is_empty());
}
