//! A server and its workers: processes of their own on one data directory.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    time::Instant,
};

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    browser::Browser,
    database::{database, end_leases, is_locked},
    milepost::{Milepost, PATIENCE, Worker, command, run},
};

/// A server that leaves all jobs to its workers, and one of these.
fn server_and_worker(arguments: &[&str]) -> (Browser, Worker) {
    let browser = Browser::of(&[&["--concurrency", "0"], arguments].concat());
    let worker = Worker::start_in(browser.data(), arguments);
    (browser, worker)
}

/// The events of a stream, one after the other.
pub(crate) struct Stream(BufReader<Response>);

impl Stream {
    /// A stream whose snapshot has come: whatever happens from now on comes as an event.
    pub(crate) fn of(browser: &Browser, topics: &str) -> Self {
        let client = Client::builder().timeout(3 * PATIENCE).build().unwrap();
        let answer = client.get(browser.milepost.url(&format!("/events?{topics}"))).send().unwrap();
        let mut stream = Self(BufReader::new(answer));
        stream.until("snapshot", |_| true);
        stream
    }

    /// Reads on to an event of this name whose data fit.
    pub(crate) fn until(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(data).unwrap();
                if event == name && fits(&data) {
                    return data;
                }
            }
        }
    }

    pub(crate) fn state(&mut self, job: i64, state: &str) -> Value {
        self.until("state", |data| data["job"] == job && data["state"] == state)
    }
}

#[test]
fn case_20_a_job_runs_in_the_worker_and_the_stream_of_the_server_shows_it_to_its_end() {
    let (browser, _worker) = server_and_worker(&[]);
    let long = browser.start("demo", &json!({ "seconds": 600 }));
    let mut stream = Stream::of(&browser, &format!("job={long}&topic=jobs"));
    let first = stream.until("progress", |data| data["job"] == long && data["value"].as_u64() > Some(0));
    stream.until("progress", |data| data["job"] == long && data["rev"].as_u64() > first["rev"].as_u64());
    stream.until("log", |data| data["job"] == long);
    let short = browser.start("demo", &json!({ "seconds": 0 }));
    stream.state(short, "running");
    stream.state(short, "succeeded");
    let report = browser.get(&format!("/jobs/{short}/artifacts/demo.txt"));
    assert_eq!(report.status(), 200);
}

#[test]
fn a_cancel_reaches_the_worker() {
    let (browser, _worker) = server_and_worker(&[]);
    let mut stream = Stream::of(&browser, "topic=jobs");
    let job = browser.start("demo", &json!({ "seconds": 600 }));
    stream.state(job, "running");
    browser.cancel(job);
    stream.state(job, "cancelled");
}

#[test]
fn the_jobs_of_a_worker_that_was_killed_are_interrupted_without_a_lease_having_to_end() {
    let (browser, worker) = server_and_worker(&["--lease", "1h"]);
    let mut stream = Stream::of(&browser, "topic=jobs");
    let job = browser.start("demo", &json!({ "seconds": 600 }));
    stream.state(job, "running");
    worker.signal("KILL");
    assert_eq!(worker.wait().code(), None);
    stream.state(job, "interrupted");
}

#[test]
fn a_worker_that_slept_beyond_its_lease_publishes_nothing_and_works_on() {
    let (browser, worker) = server_and_worker(&["--lease", "6s", "--cancel-grace", "100ms"]);
    let mut stream = Stream::of(&browser, "topic=jobs");
    // Not over before the worker is asleep.
    let job = browser.start("demo", &json!({ "seconds": 3 }));
    stream.state(job, "running");
    stop_between_transactions(&browser, &worker);
    end_leases(browser.data());
    let end = stream.state(job, "interrupted");
    assert_eq!(end["attempt"], 1);
    worker.signal("CONT");
    // The next attempt is the worker's as well: by then it has woken.
    let after = browser.submit(&format!("/jobs/{job}"), "/api/retry_job", &[("id", &job.to_string())]);
    assert!(after.status().is_success());
    let end = stream.until("state", |data| data["job"] == job && data["attempt"] != 2 || data["state"] == "succeeded");
    assert_eq!((&end["attempt"], &end["state"]), (&json!(2), &json!("succeeded")), "nothing follows of attempt 1");
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Attempt 2") && page.contains("Attempt 1"));
    let published: Vec<u32> = database(&browser.data().join("milepost.db"), async |connection| {
        let attempts = sqlx::query_scalar("select attempt from artifact where job = ?").bind(job);
        attempts.fetch_all(connection).await.unwrap()
    });
    assert_eq!(published, [2], "what the first attempt made is nobody's to see");
}

/// Sends SIGSTOP at a moment at which the worker does not hold the database, which nobody could write to until it wakes.
fn stop_between_transactions(browser: &Browser, worker: &Worker) {
    loop {
        worker.signal("STOP");
        if !is_locked(&browser.data().join("milepost.db")) {
            return;
        }
        worker.signal("CONT");
    }
}

#[test]
fn a_worker_that_is_told_to_stop_hands_its_jobs_back_and_ends_with_code_0() {
    for signal in ["TERM", "INT"] {
        let (browser, worker) = server_and_worker(&["--shutdown-grace", "100ms"]);
        let mut stream = Stream::of(&browser, "topic=jobs");
        let job = browser.start("demo", &json!({ "seconds": 600 }));
        stream.state(job, "running");
        worker.signal(signal);
        let back = stream.state(job, "queued");
        assert_eq!(back["attempt"], 2);
        assert_eq!(worker.wait().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn a_worker_may_come_before_its_server() {
    let data = TempDir::new().unwrap();
    let waiting = Worker::spawn_in(data.path(), &[]);
    let _server = Milepost::start_in(data.path(), &[]);
    waiting.ready();
}

#[test]
fn a_server_can_be_started_again_while_a_worker_runs_its_jobs() {
    let (browser, _worker) = server_and_worker(&[]);
    let job = browser.keep_running();
    let browser = browser.again(&["--concurrency", "0"]);
    let mut stream = Stream::of(&browser, &format!("job={job}"));
    stream.until("progress", |data| data["job"] == job);
    browser.cancel(job);
    stream.state(job, "cancelled");
}

#[test]
fn a_server_does_not_migrate_under_a_worker() {
    let data = TempDir::new().unwrap();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/tests/fixtures/schema-3.db");
    fs::copy(old, data.path().join("milepost.db")).unwrap();
    let as_a_worker = File::create(data.path().join("migrate.lock")).unwrap();
    as_a_worker.lock_shared().unwrap();
    let serve = || command().args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).output().unwrap();
    let refused = serve();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("workers of an older one"));
    drop(as_a_worker);
    Milepost::start_in(data.path(), &[]);
}

#[test]
fn a_worker_has_no_settings_of_a_server_and_at_least_one_job() {
    let help = String::from_utf8(run(&["worker", "--help"]).stdout).unwrap();
    assert!(help.contains("--data-dir") && help.contains("--concurrency") && !help.contains("--addr"), "{help}");
    let output = run(&["worker", "--concurrency", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["worker", "--lease", "1ms"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_overview_counts_the_slots_of_all_processes() {
    let (browser, _worker) = server_and_worker(&[]);
    browser.run(&json!({ "seconds": 0 }));
    let begun = Instant::now();
    while !browser.page("/").contains("of 8 slots") {
        assert!(begun.elapsed() < PATIENCE, "{}", browser.page("/"));
    }
}
