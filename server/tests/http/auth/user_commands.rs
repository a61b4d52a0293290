//! The commands `milepost setup-link` and `milepost user`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Output, Stdio},
    sync::Arc,
};

use accounts::AuthService;
use engine::store::{AuditQuery, LinkFor, SqliteOptions, SqliteStore, Store};
use model::Role;
use tempfile::TempDir;

use crate::support::process::{ServerProcess, command, read_setup_link, signal};

const PASSWORD: &str = "correct horse battery";

/// Runs a command on `data`, with a password on its standard input.
fn with_password(data: &Path, arguments: &[&str], password: &str) -> Output {
    let mut command = command();
    command.args(arguments).arg("--data-dir").arg(data).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn run_on(data: &Path, arguments: &[&str]) -> Output {
    with_password(data, arguments, "")
}

/// Standard output of a successful command.
fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Standard error of a rejected command, which prints nothing else.
fn rejected(output: Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn secret(link: &str) -> &str {
    link.split_once("/setup?link=").unwrap_or_else(|| panic!("no link: {link}")).1
}

/// Opens the accounts in `data`.
fn open_accounts<T>(data: &Path, act: impl AsyncFnOnce(&AuthService, &dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteOptions { migrate: false, ..SqliteOptions::new(data.join("milepost.db")) };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).await.unwrap());
        act(&AuthService::open(Arc::clone(&store), Vec::new()).await.unwrap(), &*store).await
    })
}

fn link_for(data: &Path, link: &str) -> Option<LinkFor> {
    open_accounts(data, async |auth, _| auth.link_for(secret(link)).await.unwrap())
}

fn can_sign_in(data: &Path, name: &str, password: &str) -> bool {
    open_accounts(data, async |auth, _| auth.sign_in(name, password, None).await.is_ok())
}

/// Creates the administrator root with [`PASSWORD`].
fn add_administrator(data: &Path) {
    succeeded(with_password(data, &["user", "add", "root", "--role", "administrator", "--password-stdin"], PASSWORD));
}

/// A server with accounts.
struct Server(Child);

impl Server {
    fn start(data: &Path, arguments: &[&str]) -> (Self, String, String) {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data).args(arguments);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        let (listening, setup_line) = (next(), next());
        (Self(child), listening.strip_prefix("listening on ").unwrap().to_owned(), setup_line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn setup_link_is_written_to_a_private_file_and_not_to_the_log() {
    let data = TempDir::new().unwrap();
    let (mut server, listening, setup_line) = Server::start(data.path(), &[]);
    let link = read_setup_link(&setup_line);
    assert!(link.starts_with(&format!("{listening}/setup?link=")), "{link}");
    assert_eq!(link_for(data.path(), &link), Some(LinkFor::Setup));
    let file = data.path().join("setup-link");
    assert!(setup_line.ends_with(file.to_str().unwrap()), "{setup_line}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let secret = link.split_once("link=").unwrap().1;
    signal(server.0.id(), "TERM");
    let mut log = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!log.contains(secret) && !setup_line.contains(secret), "others may read the log: {log}");
}

#[test]
fn server_with_administrator_prints_no_setup_link() {
    let (mut without, data) = ServerProcess::start();
    add_administrator(data.path());
    std::fs::write(data.path().join("setup-link"), "of an earlier start").unwrap();
    without.signal("TERM");
    without.wait_for_exit();
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("listening on "));
    signal(child.id(), "TERM");
    assert!(lines.next().is_none());
    child.wait().unwrap();
    assert!(!data.path().join("setup-link").exists(), "the link is obsolete");
}

#[test]
fn link_starts_with_the_public_url() {
    let data = TempDir::new().unwrap();
    let public = ["--public-url", "https://milepost.example.org"];
    let (_server, _, setup_line) = Server::start(data.path(), &public);
    assert!(read_setup_link(&setup_line).starts_with("https://milepost.example.org/setup?link="), "{setup_line}");
    let link = succeeded(run_on(data.path(), &[&["setup-link"][..], &public].concat()));
    assert!(link.starts_with("https://milepost.example.org/setup?link="), "{link}");
    let link = succeeded(run_on(data.path(), &["user", "--addr", "127.0.0.1:4711", "add", "ada", "--role", "viewer"]));
    assert!(link.starts_with("http://127.0.0.1:4711/setup?link="), "{link}");
    let link = succeeded(run_on(data.path(), &["user", "add", "ben", "--role", "viewer"]));
    assert!(link.starts_with("https://milepost.example.org/setup?link="), "the address of the server: {link}");
}

#[test]
fn link_starts_with_the_address_of_the_server_of_the_data_directory() {
    let (server, data) = ServerProcess::start_with(&["--base-path", "/jobs"]);
    add_administrator(data.path());
    let link = || succeeded(run_on(data.path(), &["user", "reset", "root"]));
    let start = server.url("/jobs/setup?link=");
    assert!(link().starts_with(&start), "{start}");
    server.signal("TERM");
    server.wait();
    assert!(link().starts_with(&start), "it was there last");
    std::fs::write(data.path().join("serve.lock"), "123\n").unwrap();
    assert!(link().starts_with("http://127.0.0.1:3000/setup?link="));
}

#[test]
fn new_setup_link_replaces_the_previous_one() {
    let data = TempDir::new().unwrap();
    let (_server, _, setup_line) = Server::start(data.path(), &[]);
    let link = succeeded(run_on(data.path(), &["setup-link"]));
    assert_eq!(link_for(data.path(), &link), Some(LinkFor::Setup));
    assert_eq!(link_for(data.path(), &read_setup_link(&setup_line)), None);
    add_administrator(data.path());
    let stderr = rejected(run_on(data.path(), &["setup-link"]), 1);
    assert!(stderr.contains("milepost user reset"), "{stderr}");
}

#[test]
fn user_command_manages_users_of_a_running_server() {
    let (_server, data) = ServerProcess::start();
    let data = data.path();
    add_administrator(data);
    let link = succeeded(run_on(data, &["user", "add", "Ada", "--role", "viewer"]));
    assert_eq!(link_for(data, &link), Some(LinkFor::User("ada".into())));
    assert!(succeeded(run_on(data, &["user", "role", "ada", "operator"])).contains("operator"));
    let role = open_accounts(data, async |auth, _| auth.accounts().user_named("ada").unwrap().role);
    assert_eq!(role, Role::Operator);

    let reset = succeeded(run_on(data, &["user", "reset", "ADA"]));
    assert_eq!(link_for(data, &link), None);
    assert_eq!(link_for(data, &reset), Some(LinkFor::User("ada".into())));
    succeeded(with_password(data, &["user", "reset", "ada", "--password-stdin"], &format!("{PASSWORD}\n")));
    assert_eq!(link_for(data, &reset), None);
    assert!(can_sign_in(data, "ada", PASSWORD));
    assert_eq!(succeeded(run_on(data, &["user", "sign-out", "ada"])), "ended 0 sessions of ada");

    succeeded(run_on(data, &["user", "remove", "ada"]));
    assert!(!can_sign_in(data, "ada", PASSWORD));
    let list = succeeded(run_on(data, &["user", "list"]));
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("ada   operator       removed 2"), "{list}");
    assert!(lines[1].starts_with("root  administrator  seen 2"), "{list}");
}

#[test]
fn display_name_is_set_listed_and_removed() {
    let (_server, data) = ServerProcess::start();
    let data = data.path();
    add_administrator(data);
    let add = ["user", "add", "ada", "--role", "viewer", "--display-name", " Ada Lovelace "];
    let link = succeeded(run_on(data, &add));
    assert_eq!(link_for(data, &link), Some(LinkFor::User("ada".into())));
    let list = || succeeded(run_on(data, &["user", "list"]));
    assert!(list().lines().next().unwrap().ends_with("no password yet  Ada Lovelace"), "{}", list());

    let rename = |user, name| run_on(data, &["user", "rename", user, "--display-name", name]);
    assert_eq!(succeeded(rename("ADA", "Countess 李")), "ada is shown as Countess 李 now");
    assert!(rejected(rename("root", "ada"), 2).contains("Choose another one"));
    assert!(rejected(rename("root", "countess  李"), 2).contains("Choose another one"));
    assert!(rejected(rename("root", "\u{202e}x"), 2).contains("control characters"));
    assert!(rejected(rename("zoe", "x"), 1).contains("no user zoe"));
    assert_eq!(succeeded(rename("ada", "")), "ada has no display name now");
    assert!(!list().contains("李"), "{}", list());
    let changes = open_accounts(data, async |_, store| {
        let query = AuditQuery { what: Some("display_name_changed".to_owned()), limit: 10, ..AuditQuery::default() };
        store.audit(&query).await.unwrap().rows
    });
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|row| &*row.by.name == "milepost user"), "{changes:?}");
    assert_eq!(changes[1].detail, "ada, from “Ada Lovelace” to “Countess 李”");
}

#[test]
fn audit_log_attributes_command_to_milepost_user() {
    let (_server, data) = ServerProcess::start();
    add_administrator(data.path());
    let noted = open_accounts(data.path(), async |_, store| {
        let query = AuditQuery { what: Some("user_added".to_owned()), limit: 10, ..AuditQuery::default() };
        store.audit(&query).await.unwrap().rows
    });
    assert_eq!((&*noted[0].by.name, noted[0].by.address), ("milepost user", None));
}

#[test]
fn invalid_user_command_is_rejected_with_the_reason() {
    let (_server, data) = ServerProcess::start();
    let data = data.path();
    add_administrator(data);
    let add =
        |name, password| with_password(data, &["user", "add", name, "--role", "viewer", "--password-stdin"], password);
    assert!(rejected(add("ada", "short"), 2).contains("at least 12 characters"));
    assert!(rejected(add("a b", PASSWORD), 2).contains("cannot contain"));
    assert!(rejected(add("root", PASSWORD), 2).contains("root already"));
    assert!(rejected(run_on(data, &["user", "role", "root", "viewer"]), 1).contains("only administrator"));
    assert!(rejected(run_on(data, &["user", "remove", "root"]), 1).contains("only administrator"));
    for command in ["reset", "remove", "sign-out"] {
        assert!(rejected(run_on(data, &["user", command, "nobody"]), 1).contains("no user nobody"), "{command}");
    }
    assert!(rejected(run_on(data, &["user", "role", "root", "king"]), 2).contains("administrator"));
    assert!(rejected(run_on(data, &["user", "add", "eve"]), 2).contains("--role"));
    assert_eq!(succeeded(run_on(data, &["user", "list"])).lines().count(), 1);
}

#[test]
fn user_command_does_not_create_or_migrate_a_database() {
    let data = TempDir::new().unwrap();
    for arguments in [&["setup-link"][..], &["user", "list"], &["user", "add", "ada", "--role", "viewer"]] {
        assert!(rejected(run_on(data.path(), arguments), 1).contains("start `milepost serve` on it first"));
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);

    std::fs::write(data.path().join("migrate.lock"), "").unwrap();
    let former = concat!(env!("CARGO_MANIFEST_DIR"), "/engine/tests/fixtures/schema-9.db");
    std::fs::copy(former, data.path().join("milepost.db")).unwrap();
    let stderr = rejected(run_on(data.path(), &["user", "list"]), 1);
    assert!(stderr.contains("milepost serve"), "{stderr}");
}

#[test]
fn help_of_user_commands_omits_server_settings() {
    for arguments in [&["setup-link", "--help"][..], &["user", "--help"], &["user", "add", "--help"]] {
        let help = String::from_utf8(command().args(arguments).output().unwrap().stdout).unwrap();
        assert!(help.contains("--data-dir") && help.contains("--public-url"), "{help}");
        assert!(!help.contains("--concurrency") && !help.contains("--no-auth"), "{help}");
    }
}
