//! What becomes of jobs, and of all else that is under way, when their process is told to stop.

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

/// A process has ended so long after its grace, whatever happens; and what a busy machine may add to that.
const DEADLINE: Duration = Duration::from_secs(6);
const SLACK: Duration = Duration::from_secs(3);

/// A process that runs jobs: the server itself, or a worker beside one that runs none.
struct Runs {
    browser: Browser,
    worker: Option<WorkerProcess>,
}

impl Runs {
    /// One of each.
    fn both(arguments: &[&str]) -> [Self; 2] {
        let server = Self { browser: Browser::with_arguments(arguments), worker: None };
        let browser = Browser::with_arguments(&["--concurrency", "0"]);
        let worker = Some(WorkerProcess::start_in(browser.data(), arguments));
        [server, Self { browser, worker }]
    }

    /// Tells it to stop and waits for its end; answers how it ended, and after how long.
    fn stop(&mut self) -> (ExitStatus, Duration) {
        self.stop_by("TERM")
    }

    fn stop_by(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let told = Instant::now();
        let status = if let Some(worker) = &mut self.worker {
            worker.signal(signal);
            worker.wait_for_exit()
        } else {
            self.browser.server.signal(signal);
            self.browser.server.wait_for_exit()
        };
        (status, told.elapsed())
    }

    /// After its end: a server that runs no jobs, and shows what was left.
    fn left(self) -> Browser {
        if self.worker.is_some() { self.browser } else { self.browser.start_next_server(&["--concurrency", "0"]) }
    }
}

/// State, attempt, and how many attempts have been charged.
fn standing(browser: &Browser, job: i64) -> (String, i64, i64) {
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

/// Starts a demonstration that blocks a thread for longer than any test takes, and waits until it does.
fn keep_blocking(browser: &Browser) -> i64 {
    let job = browser.start("demo", &json!({ "seconds": 0, "stall_seconds": 600 }));
    let mut events = EventReader::open(browser, &format!("job={job}"));
    events.wait_for_event("progress", |data| {
        data["message"].as_str().is_some_and(|message| message.contains("on purpose"))
    });
    job
}

#[test]
fn short_job_ends_in_grace_and_long_one_continues_later() {
    for mut runs in Runs::both(&["--shutdown-grace", "5s"]) {
        let browser = &runs.browser;
        let mut events = EventReader::open(browser, "topic=jobs");
        let long = browser.start("demo", &json!({ "seconds": 600 }));
        events.wait_for_state(long, "running");
        let short = browser.start("demo", &json!({ "seconds": 1 }));
        events.wait_for_state(short, "running");
        let (status, took) = runs.stop();
        assert_eq!(status.code(), Some(0));
        assert!(took >= Duration::from_secs(5), "the long one is given all of the grace, too: {took:?}");
        let browser = runs.left();
        assert_eq!(standing(&browser, short), ("succeeded".to_owned(), 1, 1));
        assert_eq!(standing(&browser, long), queued(2));
        let said = log(&browser, long);
        assert!(said.contains("stopped because its process was asked to (shutdown)"), "{said}");
        let page = browser.page(&format!("/jobs/{long}"));
        assert!(page.contains("Returned to the queue") && page.contains(": its process was asked to stop"));

        let _next = WorkerProcess::start_in(browser.data(), &[]);
        let begun = Instant::now();
        while !log(&browser, long).contains("continues after") {
            assert!(begun.elapsed() < TIMEOUT, "it does not begin anew");
        }
        assert_eq!(standing(&browser, long), ("running".to_owned(), 2, 1));
    }
}

#[test]
fn sighup_and_sigquit_release_jobs() {
    for signal in ["HUP", "QUIT"] {
        for mut runs in Runs::both(&["--shutdown-grace", "0s"]) {
            let job = runs.browser.start_long_job();
            let (status, _) = runs.stop_by(signal);
            assert_eq!(status.code(), Some(0), "SIG{signal}");
            assert_eq!(standing(&runs.left(), job), queued(2), "SIG{signal}");
        }
    }
}

#[test]
fn no_job_starts_after_the_stop_signal() {
    for mut runs in Runs::both(&["--shutdown-grace", "1h", "--concurrency", "1"]) {
        let browser = &runs.browser;
        let mut events = EventReader::open(browser, "topic=jobs");
        let first = browser.start("demo", &json!({ "seconds": 1 }));
        events.wait_for_state(first, "running");
        let second = browser.start("demo", &json!({ "seconds": 0 }));
        let (status, _) = runs.stop();
        assert_eq!(status.code(), Some(0));
        let browser = runs.left();
        assert_eq!(standing(&browser, first), ("succeeded".to_owned(), 1, 1));
        assert_eq!(standing(&browser, second), queued(1), "it was never begun");
    }
}

#[test]
fn blocked_task_stream_and_upload_end_by_the_deadline() {
    for mut runs in Runs::both(&["--shutdown-grace", "300ms"]) {
        let job = keep_blocking(&runs.browser);
        let mut stream = runs.browser.server.connect();
        stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 64]).unwrap() > 0);
        let mut upload = runs.browser.server.connect();
        upload
            .write_all(b"POST /uploads HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\nhalf of it")
            .unwrap();
        let uploads = runs.browser.data().join("uploads");
        while fs::read_dir(&uploads).unwrap().next().is_none() {
            thread::yield_now();
        }
        let of_server = runs.worker.is_none();
        let (status, took) = runs.stop();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_millis(300) + DEADLINE + SLACK, "it took {took:?}");
        let browser = runs.left();
        assert_eq!(standing(&browser, job), queued(2));
        let said = log(&browser, job);
        assert!(said.contains("cut short because its process was asked to stop (shutdown)"), "{said}");
        if of_server {
            assert_eq!(fs::read_dir(uploads).unwrap().count(), 0, "nothing is kept of half an upload");
        }
    }
}

#[test]
fn locked_database_does_not_delay_exit_past_deadline() {
    for mut runs in Runs::both(&["--shutdown-grace", "300ms"]) {
        let job = runs.browser.start_long_job();
        let data = runs.browser.data().to_owned();
        let (status, took) = database(&data.join("milepost.db"), async |connection| {
            connection.execute("begin immediate").await.unwrap();
            runs.stop()
        });
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_millis(300) + DEADLINE + SLACK, "it took {took:?}");
        let browser = runs.left();
        let mut events = EventReader::open(&browser, "topic=jobs");
        if standing(&browser, job).0 == "running" {
            events.wait_for_state(job, "interrupted");
        }
        assert_eq!(standing(&browser, job).0, "interrupted", "nothing could be written; the next process finds it");
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
    // Until the pipe is full: whoever writes to it now waits for ever.
    let mut before = 0;
    while written.load(SeqCst) != before || before == 0 {
        before = written.load(SeqCst);
        thread::sleep(Duration::from_millis(200));
    }
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(told.elapsed() < Duration::from_millis(300) + DEADLINE + SLACK, "it took {:?}", told.elapsed());
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
