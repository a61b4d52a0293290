//! Orphan files: files of jobs and uploads that are not in the database.

use std::fs;

use reqwest::blocking::get;
use tempfile::TempDir;

use crate::support::process::{ServerProcess, command};

const NOTICE: &str = "Files of jobs (1) and uploads (0) that the database does not know";

fn overview(server: &ServerProcess) -> String {
    get(server.url("/")).unwrap().text().unwrap()
}

#[test]
fn orphan_files_are_on_the_overview_until_swept() {
    let (server, data) = ServerProcess::start();
    server.signal("TERM");
    assert!(server.wait().success());
    let log = fs::metadata(data.path().join("milepost.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "all is in milepost.db after a clean stop");
    let foreign = data.path().join("jobs/1000");
    fs::create_dir_all(&foreign).unwrap();
    let mut server = ServerProcess::start_in(data.path(), &[]);
    server.wait_for_log("folders of jobs that the database does not know");
    assert!(overview(&server).contains(NOTICE), "{}", overview(&server));
    assert!(foreign.exists());
    server.signal("TERM");
    assert!(server.wait().success());
    let server = ServerProcess::start_in(data.path(), &["--sweep-orphans"]);
    assert!(!overview(&server).contains("database does not know"));
    assert!(!foreign.exists());
    assert_eq!(fs::read_dir(data.path().join("orphans")).unwrap().count(), 1, "kept for a day");
}

#[test]
fn start_without_database_is_rejected_and_keeps_files() {
    let data = TempDir::new().unwrap();
    let artifact = data.path().join("jobs/1/1/a.csv");
    fs::create_dir_all(artifact.parent().unwrap()).unwrap();
    fs::write(&artifact, "abc").unwrap();
    let rejected =
        command().args(["--no-auth", "--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).output().unwrap();
    assert!(!rejected.status.success());
    let stderr = String::from_utf8(rejected.stderr).unwrap();
    assert!(stderr.contains("files of 1 jobs") && stderr.contains("Put milepost.db back"), "{stderr}");
    assert!(artifact.exists());
}
