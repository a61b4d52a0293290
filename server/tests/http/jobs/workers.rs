//! Workers: processes of their own that share a data directory with the server.

use std::{
    fs::{self, File},
    path::Path,
    time::Instant,
};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    browser::Browser,
    database::{database, end_leases, is_locked},
    event_reader::EventReader,
    process::{ServerProcess, TIMEOUT, WorkerProcess, command, run},
};

/// A server that runs no jobs itself, and a worker.
fn server_and_worker(arguments: &[&str]) -> (Browser, WorkerProcess) {
    let browser = Browser::with_arguments(&[&["--concurrency", "0"], arguments].concat());
    let worker = WorkerProcess::start_in(browser.data(), arguments);
    (browser, worker)
}

#[test]
fn case_20_stream_shows_job_that_runs_in_a_worker() {
    let (browser, _worker) = server_and_worker(&[]);
    let long = browser.start("demo", &json!({ "seconds": 600 }));
    let mut events = EventReader::open(&browser, &format!("job={long}&topic=jobs"));
    let first = events.wait_for_event("progress", |data| data["job"] == long && data["value"].as_u64() > Some(0));
    events.wait_for_event("progress", |data| data["job"] == long && data["rev"].as_u64() > first["rev"].as_u64());
    events.wait_for_event("log", |data| data["job"] == long);
    let short = browser.start("demo", &json!({ "seconds": 0 }));
    events.wait_for_state(short, "running");
    events.wait_for_state(short, "succeeded");
    let report = browser.get(&format!("/jobs/{short}/artifacts/demo.txt"));
    assert_eq!(report.status(), 200);
}

#[test]
fn cancel_reaches_the_worker() {
    let (browser, _worker) = server_and_worker(&[]);
    let mut events = EventReader::open(&browser, "topic=jobs");
    let job = browser.start("demo", &json!({ "seconds": 600 }));
    events.wait_for_state(job, "running");
    browser.cancel(job);
    events.wait_for_state(job, "cancelled");
}

#[test]
fn jobs_of_killed_worker_are_interrupted_before_lease_ends() {
    let (browser, worker) = server_and_worker(&["--lease", "1h"]);
    let mut events = EventReader::open(&browser, "topic=jobs");
    let job = browser.start("demo", &json!({ "seconds": 600, "attempts": 1 }));
    events.wait_for_state(job, "running");
    worker.signal("KILL");
    assert_eq!(worker.wait().code(), None);
    events.wait_for_state(job, "interrupted");
}

#[test]
fn worker_stopped_beyond_its_lease_publishes_nothing() {
    let (browser, worker) = server_and_worker(&["--lease", "6s", "--cancel-grace", "100ms"]);
    let mut events = EventReader::open(&browser, "topic=jobs");
    // Long enough that the worker is stopped before it ends.
    let job = browser.start("demo", &json!({ "seconds": 3, "attempts": 1 }));
    events.wait_for_state(job, "running");
    stop_between_transactions(&browser, &worker);
    end_leases(browser.data());
    let end = events.wait_for_state(job, "interrupted");
    assert_eq!(end["attempt"], 1);
    worker.signal("CONT");
    // The next attempt needs the worker, too: so it has resumed.
    let after = browser.submit(&format!("/jobs/{job}"), "/api/retry_job", &[("id", &job.to_string())]);
    assert!(after.status().is_success());
    let end = events
        .wait_for_event("state", |data| data["job"] == job && data["attempt"] != 2 || data["state"] == "succeeded");
    assert_eq!((&end["attempt"], &end["state"]), (&json!(2), &json!("succeeded")), "no event of attempt 1 follows");
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Attempt 2") && page.contains("Attempt 1"));
    let published: Vec<u32> = database(&browser.data().join("milepost.db"), async |connection| {
        let attempts = sqlx::query_scalar("select attempt from artifact where job = ?").bind(job);
        attempts.fetch_all(connection).await.unwrap()
    });
    assert_eq!(published, [2], "nothing of the first attempt is published");
}

/// Stops the worker (SIGSTOP) while it does not hold the write lock of the database, which would block the server.
fn stop_between_transactions(browser: &Browser, worker: &WorkerProcess) {
    loop {
        worker.signal("STOP");
        if !is_locked(&browser.data().join("milepost.db")) {
            return;
        }
        worker.signal("CONT");
    }
}

#[test]
fn stopped_worker_releases_its_jobs_and_exits_with_code_0() {
    for signal in ["TERM", "INT"] {
        let (browser, worker) = server_and_worker(&["--shutdown-grace", "100ms"]);
        let mut events = EventReader::open(&browser, "topic=jobs");
        let job = browser.start("demo", &json!({ "seconds": 600 }));
        events.wait_for_state(job, "running");
        worker.signal(signal);
        let back = events.wait_for_state(job, "queued");
        assert_eq!(back["attempt"], 2);
        assert_eq!(worker.wait().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn worker_waits_for_its_server() {
    let data = TempDir::new().unwrap();
    let waiting = WorkerProcess::spawn_in(data.path(), &[]);
    let _server = ServerProcess::start_in(data.path(), &[]);
    waiting.ready();
}

#[test]
fn server_restarts_while_worker_runs_its_jobs() {
    let (browser, _worker) = server_and_worker(&[]);
    let job = browser.start_long_job();
    let browser = browser.restart_server(&["--concurrency", "0"]);
    let mut events = EventReader::open(&browser, &format!("job={job}"));
    events.wait_for_event("progress", |data| data["job"] == job);
    browser.cancel(job);
    events.wait_for_state(job, "cancelled");
}

#[test]
fn server_does_not_migrate_beside_a_worker() {
    let data = TempDir::new().unwrap();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/tests/fixtures/schema-3.db");
    fs::copy(old, data.path().join("milepost.db")).unwrap();
    let as_a_worker = File::create(data.path().join("migrate.lock")).unwrap();
    as_a_worker.lock_shared().unwrap();
    let serve = || command().args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).output().unwrap();
    let rejected = serve();
    assert_eq!(rejected.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&rejected.stderr).contains("workers of an older one"));
    drop(as_a_worker);
    ServerProcess::start_in(data.path(), &[]);
}

#[test]
fn worker_command_rejects_server_settings() {
    let help = String::from_utf8(run(&["worker", "--help"]).stdout).unwrap();
    assert!(help.contains("--data-dir") && help.contains("--concurrency") && !help.contains("--addr"), "{help}");
    let output = run(&["worker", "--concurrency", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["worker", "--lease", "1ms"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn overview_counts_slots_of_all_processes() {
    let (browser, _worker) = server_and_worker(&[]);
    browser.run(&json!({ "seconds": 0 }));
    let started_at = Instant::now();
    while !browser.page("/").contains("of 8 slots") {
        assert!(started_at.elapsed() < TIMEOUT, "{}", browser.page("/"));
    }
}
