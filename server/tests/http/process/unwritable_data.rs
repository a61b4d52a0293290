//! Unwritable data: a read-only, removed or damaged database, and uploads that cannot be stored.

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

struct Fixture {
    server: ServerProcess,
    client: Client,
}

impl Fixture {
    fn of(server: ServerProcess) -> Self {
        let fixture = Self { server, client: Client::builder().timeout(TIMEOUT).build().unwrap() };
        fixture.start().error_for_status().unwrap();
        fixture
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

fn assert_refused(response: Response, code: &str) {
    assert_eq!(response.status().as_u16(), 503);
    let rejection: Value = response.json().unwrap();
    assert_eq!(rejection["code"], code, "{rejection}");
}

/// Marks the database in its header as writable only by a newer SQLite. `other` then writes once, from its cached
/// header, so that the server reads the header again.
fn require_newer_sqlite(database: &Path, other: &Connection) {
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
    let (fixture, database) = (Fixture::of(server), data.path().join("milepost.db"));
    // After the job has ended, nothing else is written.
    fixture.client.get(fixture.server.url("/events?job=1&until=end")).send().unwrap().text().unwrap();
    let other = Connection::open(&database).unwrap();
    require_newer_sqlite(&database, &other);
    assert_refused(fixture.start(), "read_only");
    let page = fixture.overview();
    let main = page.split_once("<main").unwrap().1;
    assert!(main.contains("The disk is read-only"), "{main}");
}

#[test]
fn removed_database_returns_503_and_is_on_overview() {
    let (server, data) = ServerProcess::start();
    let fixture = Fixture::of(server);
    fs::remove_file(data.path().join("milepost.db")).unwrap();
    assert_refused(fixture.start(), "data_removed");
    assert!(fixture.overview().contains("The database was removed or replaced"));
}

#[test]
fn upload_without_its_folder_is_rejected() {
    let (server, data) = ServerProcess::start();
    let fixture = Fixture::of(server);
    fs::remove_dir_all(data.path().join("uploads")).unwrap();
    assert_refused(fixture.upload(), "data_removed");
}

#[test]
fn upload_to_read_only_disk_returns_503() {
    let Some(server) = ServerProcess::start_on_small_disk("80m") else {
        return report_skipped("this system does not permit mounting a disk");
    };
    let fixture = Fixture::of(server);
    fixture.upload().error_for_status().unwrap();
    // A disk with open files cannot be made read-only, so a read-only bind mount covers it.
    let above = "mount --bind /mnt /mnt && mount -o remount,bind,ro /mnt";
    let pid = fixture.server.pid().to_string();
    let mut enter = Command::new("nsenter");
    enter.args(["-t", &pid, "-U", "-m", "--preserve-credentials", "sh", "-c", above]);
    assert!(enter.status().unwrap().success());
    assert_refused(fixture.upload(), "read_only");
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
    let stderr = String::from_utf8(output.stderr).unwrap();
    for path in [&database, &backup] {
        assert!(stderr.contains(path.to_str().unwrap()), "{stderr}");
    }
}
