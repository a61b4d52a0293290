//! Data that cannot be written, or that was removed under the running server.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::Command,
};

use reqwest::blocking::{Client, Response};
use rusqlite::Connection;
use serde_json::Value;

use crate::support::process::{ServerProcess, TIMEOUT, command, report_skipped};

struct Bench {
    server: ServerProcess,
    client: Client,
}

impl Bench {
    fn of(server: ServerProcess) -> Self {
        let bench = Self { server, client: Client::builder().timeout(TIMEOUT).build().unwrap() };
        bench.start().error_for_status().unwrap();
        bench
    }

    fn start(&self) -> Response {
        let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        self.client.post(self.server.url("/api/start_job")).form(&form).send().unwrap()
    }

    fn upload(&self) -> Response {
        self.client.post(self.server.url("/uploads?name=a.csv")).body("a,b\n").send().unwrap()
    }

    fn overview(&self) -> String {
        self.client.get(self.server.url("/")).send().unwrap().error_for_status().unwrap().text().unwrap()
    }
}

fn assert_refused(answer: Response, code: &str) {
    assert_eq!(answer.status().as_u16(), 503);
    let refusal: Value = answer.json().unwrap();
    assert_eq!(refusal["code"], code, "{refusal}");
}

/// Says in the file's header that a newer SQLite is needed to write it. `other` then writes once, from its own memory of
/// the header, so that the server reads it again.
fn require_newer_program(database: &Path, other: &Connection) {
    let busy = || other.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0)).unwrap();
    while busy() != 0 {}
    let mut file = fs::File::options().write(true).open(database).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[3]).unwrap();
    other.execute_batch("update ledger set seq = seq").unwrap();
}

#[test]
fn read_only_database_returns_503_and_is_on_overview() {
    let (server, data) = ServerProcess::start();
    let (bench, database) = (Bench::of(server), data.path().join("milepost.db"));
    // After its end nothing else is written.
    bench.client.get(bench.server.url("/events?job=1&until=end")).send().unwrap().text().unwrap();
    let other = Connection::open(&database).unwrap();
    require_newer_program(&database, &other);
    assert_refused(bench.start(), "read_only");
    let page = bench.overview();
    let main = page.split_once("<main").unwrap().1;
    assert!(main.contains("The disk is read-only"), "{main}");
}

#[test]
fn removed_database_returns_503_and_is_on_overview() {
    let (server, data) = ServerProcess::start();
    let bench = Bench::of(server);
    fs::remove_file(data.path().join("milepost.db")).unwrap();
    assert_refused(bench.start(), "data_removed");
    assert!(bench.overview().contains("The database was removed or replaced"));
}

#[test]
fn upload_without_its_folder_is_rejected() {
    let (server, data) = ServerProcess::start();
    let bench = Bench::of(server);
    fs::remove_dir_all(data.path().join("uploads")).unwrap();
    assert_refused(bench.upload(), "data_removed");
}

#[test]
fn upload_to_read_only_disk_returns_503() {
    let Some(server) = ServerProcess::start_on_small_disk("80m") else {
        return report_skipped("this system lets nobody mount a disk of their own");
    };
    let bench = Bench::of(server);
    bench.upload().error_for_status().unwrap();
    // What the server has open stays writable: a disk that is written to cannot be made read-only by anyone.
    let above = "mount --bind /mnt /mnt && mount -o remount,bind,ro /mnt";
    let pid = bench.server.pid().to_string();
    let mut enter = Command::new("nsenter");
    enter.args(["-t", &pid, "-U", "-m", "--preserve-credentials", "sh", "-c", above]);
    assert!(enter.status().unwrap().success());
    assert_refused(bench.upload(), "read_only");
}

#[test]
fn damaged_database_is_named_with_the_newest_backup() {
    let (server, data) = ServerProcess::start();
    server.signal("TERM");
    server.wait();
    let database = data.path().join("milepost.db");
    for file in ["milepost.db-wal", "milepost.db-shm"] {
        let _ = fs::remove_file(data.path().join(file));
    }
    fs::write(&database, "x".repeat(100_000)).unwrap();
    let backup = data.path().join("backups").join("milepost-1.db");
    fs::create_dir_all(backup.parent().unwrap()).unwrap();
    fs::write(&backup, "").unwrap();
    let output = command().args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    for path in [&database, &backup] {
        assert!(said.contains(path.to_str().unwrap()), "{said}");
    }
}
