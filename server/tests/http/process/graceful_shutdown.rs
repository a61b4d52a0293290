//! Graceful shutdown: jobs, streams, uploads and locks of a server or worker that is asked to stop.

use std::{
    fs,
    io::{Read, Write},
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use sqlx::Executor;
use tempfile::TempDir;

use crate::support::{
    browser::Browser,
    database::database,
    event_reader::EventReader,
    process::{ServerProcess, TIMEOUT, WorkerProcess, command},
};

/// The longest time from the end of the grace to the exit of the process, and what a busy machine may add to it.
const DEADLINE: Duration = Duration::from_secs(6);
const SLACK: Duration = Duration::from_secs(3);

/// A process that runs jobs: a server, or a worker beside a server that runs none.
struct JobRunner {
    browser: Browser,
    worker: Option<WorkerProcess>,
}

impl JobRunner {
    fn both(arguments: &[&str]) -> [Self; 2] {
        let server = Self { browser: Browser::with_arguments(arguments), worker: None };
        let browser = Browser::with_arguments(&["--concurrency", "0"]);
        let worker = Some(WorkerProcess::start_in(browser.data(), arguments));
        [server, Self { browser, worker }]
    }

    /// Sends SIGTERM and waits for the exit; returns the status and the time it took.
    fn stop(&mut self) -> (ExitStatus, Duration) {
        self.stop_with("TERM")
    }

    fn stop_with(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let stopped_at = Instant::now();
        let status = if let Some(worker) = &mut self.worker {
            worker.signal(signal);
            worker.wait_for_exit()
        } else {
            self.browser.server.signal(signal);
            self.browser.server.wait_for_exit()
        };
        (status, stopped_at.elapsed())
    }

    /// After the exit: a server that runs no jobs and shows the state.
    fn server_after_exit(self) -> Browser {
        if self.worker.is_some() { self.browser } else { self.browser.start_next_server(&["--concurrency", "0"]) }
    }
}

/// State, attempt, and number of charged attempts of a job.
fn job_state(browser: &Browser, job: i64) -> (String, i64, i64) {
    database(&browser.data().join("milepost.db"), async |connection| {
        let row = sqlx::query_as("select state, attempt, charged from job where id = ?").bind(job);
        row.fetch_one(connection).await.unwrap()
    })
}

fn queued(attempt: i64) -> (String, i64, i64) {
    ("queued".to_owned(), attempt, 0)
}

fn log(browser: &Browser, job: i64) -> String {
    browser.get(&format!("/jobs/{job}/log")).text().unwrap()
}

/// Starts a demo job that blocks its thread for longer than any test takes, and waits until it does.
fn start_blocking_job(browser: &Browser) -> i64 {
    let job = browser.start("demo", &json!({ "seconds": 0, "stall_seconds": 600 }));
    // On the page, because a stream that opens after the message has it in its snapshot.
    let started = Instant::now();
    while !browser.page(&format!("/jobs/{job}")).contains("on purpose") {
        assert!(started.elapsed() < TIMEOUT, "the task does not block");
        thread::sleep(Duration::from_millis(20));
    }
    job
}

#[test]
fn short_job_ends_in_grace_and_long_one_continues_later() {
    for mut runner in JobRunner::both(&["--shutdown-grace", "5s"]) {
        let browser = &runner.browser;
        let mut events = EventReader::open(browser, "topic=jobs");
        let long = browser.start("demo", &json!({ "seconds": 600 }));
        events.wait_for_state(long, "running");
        let short = browser.start("demo", &json!({ "seconds": 1 }));
        events.wait_for_state(short, "running");
        let (status, took) = runner.stop();
        assert_eq!(status.code(), Some(0));
        assert!(took >= Duration::from_secs(5), "the long job gets the whole grace: {took:?}");
        let browser = runner.server_after_exit();
        assert_eq!(job_state(&browser, short), ("succeeded".to_owned(), 1, 1));
        assert_eq!(job_state(&browser, long), queued(2));
        let log_text = log(&browser, long);
        assert!(log_text.contains("stopped because its process was asked to (shutdown)"), "{log_text}");
        let page = browser.page(&format!("/jobs/{long}"));
        assert!(page.contains("Returned to the queue") && page.contains(": its process was asked to stop"));

        let _next = WorkerProcess::start_in(browser.data(), &[]);
        let started_at = Instant::now();
        while !log(&browser, long).contains("continues after") {
            assert!(started_at.elapsed() < TIMEOUT, "it does not start again");
        }
        assert_eq!(job_state(&browser, long), ("running".to_owned(), 2, 1));
    }
}

#[test]
fn sighup_and_sigquit_release_jobs() {
    for signal in ["HUP", "QUIT"] {
        for mut runner in JobRunner::both(&["--shutdown-grace", "0s"]) {
            let job = runner.browser.start_long_job();
            let (status, _) = runner.stop_with(signal);
            assert_eq!(status.code(), Some(0), "SIG{signal}");
            assert_eq!(job_state(&runner.server_after_exit(), job), queued(2), "SIG{signal}");
        }
    }
}

#[test]
fn no_job_starts_after_the_stop_signal() {
    for mut runner in JobRunner::both(&["--shutdown-grace", "1h", "--concurrency", "1"]) {
        let browser = &runner.browser;
        let mut events = EventReader::open(browser, "topic=jobs");
        let first = browser.start("demo", &json!({ "seconds": 1 }));
        events.wait_for_state(first, "running");
        let second = browser.start("demo", &json!({ "seconds": 0 }));
        let (status, _) = runner.stop();
        assert_eq!(status.code(), Some(0));
        let browser = runner.server_after_exit();
        assert_eq!(job_state(&browser, first), ("succeeded".to_owned(), 1, 1));
        assert_eq!(job_state(&browser, second), queued(1), "it never started");
    }
}

#[test]
fn blocked_task_stream_and_upload_end_by_the_deadline() {
    for mut runner in JobRunner::both(&["--shutdown-grace", "300ms"]) {
        let job = start_blocking_job(&runner.browser);
        let mut stream = runner.browser.server.connect();
        stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 64]).unwrap() > 0);
        let mut upload = runner.browser.server.connect();
        upload
            .write_all(b"POST /uploads HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\nhalf of it")
            .unwrap();
        let uploads = runner.browser.data().join("uploads");
        while fs::read_dir(&uploads).unwrap().next().is_none() {
            thread::yield_now();
        }
        let is_server = runner.worker.is_none();
        let (status, took) = runner.stop();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_millis(300) + DEADLINE + SLACK, "it took {took:?}");
        let browser = runner.server_after_exit();
        assert_eq!(job_state(&browser, job), queued(2));
        let log_text = log(&browser, job);
        assert!(log_text.contains("cut short because its process was asked to stop (shutdown)"), "{log_text}");
        if is_server {
            assert_eq!(fs::read_dir(uploads).unwrap().count(), 0, "the partial upload is removed");
        }
    }
}

#[test]
fn locked_database_does_not_delay_exit_past_deadline() {
    for mut runner in JobRunner::both(&["--shutdown-grace", "300ms"]) {
        let job = runner.browser.start_long_job();
        let data = runner.browser.data().to_owned();
        let (status, took) = database(&data.join("milepost.db"), async |connection| {
            connection.execute("begin immediate").await.unwrap();
            runner.stop()
        });
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_millis(300) + DEADLINE + SLACK, "it took {took:?}");
        let browser = runner.server_after_exit();
        let mut events = EventReader::open(&browser, "topic=jobs");
        if job_state(&browser, job).0 == "running" {
            events.wait_for_state(job, "interrupted");
        }
        assert_eq!(
            job_state(&browser, job).0,
            "interrupted",
            "the dead worker could not write; the next process interrupts the job"
        );
    }
}

#[test]
fn unread_log_does_not_delay_exit_past_deadline() {
    let (_unread, mut log) = std::io::pipe().unwrap();
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0", "--shutdown-grace", "300ms", "--data-dir"]).arg(data.path());
    command.stderr(log.try_clone().unwrap());
    let mut server = ServerProcess::spawn(command);
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    thread::spawn(move || {
        while log.write_all(&[b'.'; 4096]).is_ok() {
            count.fetch_add(1, SeqCst);
        }
    });
    // Waits until the pipe is full: from now on, a write to it blocks.
    let mut before = 0;
    while written.load(SeqCst) != before || before == 0 {
        before = written.load(SeqCst);
        thread::sleep(Duration::from_millis(200));
    }
    let stopped_at = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(stopped_at.elapsed() < Duration::from_millis(300) + DEADLINE + SLACK, "it took {:?}", stopped_at.elapsed());
}

#[test]
fn second_signal_exits_at_once() {
    let mut browser = Browser::with_arguments(&["--shutdown-grace", "1h"]);
    browser.start_long_job();
    browser.server.signal("TERM");
    browser.server.wait_for_log("stopping; a second signal ends at once");
    browser.server.signal("TERM");
    assert_eq!(browser.server.wait_for_exit().code(), Some(130));
}
