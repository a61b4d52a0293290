//! A scenario: a stopped worker loses its job, another attempt completes the job, and the worker resumes before or
//! after that.

use std::{fs, thread, time::Instant};

use serde_json::{Value, json};

use super::stopped_worker::{Nth, StopPoint, StoppedWorker, can_stop_processes, poll_again};

use crate::support::{
    browser::Browser,
    database::{database, end_leases, is_locked},
    process::WorkerProcess,
};

/// How often a scenario is tried until the worker stops where it should: it may be stopped while another of its threads
/// writes to the database, which blocks all processes.
const TRIES: u32 = 10;
/// Most of a scenario is waiting for the liveness check of the other processes.
const CONCURRENT_SCENARIOS: usize = 3;

/// A task, and what it publishes.
pub(super) struct Publication {
    pub(super) kind: &'static str,
    /// Prepares the data; returns the input of the job.
    pub(super) input: fn(&Browser) -> Value,
    /// Asserts that nothing of the job is published.
    pub(super) assert_unpublished: fn(&Browser, i64),
    /// Asserts that all of it is published once, by the second attempt.
    pub(super) assert_published_once: fn(&Browser, i64),
}

/// When the stopped worker resumes.
#[derive(Clone, Copy, Debug)]
enum Resume {
    BeforeRetry,
    /// When the next attempt has succeeded, or while it waits for a lock that the stopped worker holds.
    AfterRetry,
}

impl Publication {
    /// Runs both scenarios of a worker that is stopped at each of `points`.
    pub(super) fn check_exactly_once(&self, points: &[StopPoint]) {
        if !can_stop_processes() {
            return;
        }
        let scenarios: Vec<_> =
            points.iter().flat_map(|point| [(*point, Resume::BeforeRetry), (*point, Resume::AfterRetry)]).collect();
        for chunk in scenarios.chunks(CONCURRENT_SCENARIOS) {
            thread::scope(|scope| {
                for (point, resume) in chunk {
                    scope.spawn(move || self.check_scenario(*point, *resume));
                }
            });
        }
    }

    fn check_scenario(&self, point: StopPoint, resume: Resume) {
        let nth = match point.nth {
            Nth::Of(nth) => nth,
            Nth::Last(argument) => Scenario::begin(self, point, None).count_calls(argument),
        };
        for _ in 0..TRIES {
            let scenario = Scenario::begin(self, point, Some(nth));
            if scenario.wait_until_stopped() {
                return scenario.run(resume);
            }
        }
        panic!("{} is never stopped at {point:?}", self.kind);
    }
}

/// A stopped worker on a data directory of its own.
struct Scenario<'a> {
    publication: &'a Publication,
    point: StopPoint,
    browser: Browser,
    stopped: StoppedWorker,
    job: i64,
}

impl<'a> Scenario<'a> {
    /// Starts the job; its worker will be stopped at the `nth` call of a thread.
    fn begin(publication: &'a Publication, point: StopPoint, nth: Option<u32>) -> Self {
        let browser = Browser::with_arguments(&["--concurrency", "0", "--allow-private-links"]);
        let input = (publication.input)(&browser);
        let next = query_job(&browser, "select last_job + 1 from ledger", 0);
        let arguments = ["--lease", "6s", "--concurrency", "1", "--allow-private-links"];
        let stopped = StoppedWorker::start(browser.data(), next, point, nth, &arguments);
        let job = browser.start(publication.kind, &input);
        assert_eq!(job, next);
        Self { publication, point, browser, stopped, job }
    }

    /// Lets the job run to its end; returns which call of its thread was the last with this argument.
    fn count_calls(self, argument: &str) -> u32 {
        self.browser.wait(&[self.job]);
        self.stopped.last_with(argument).expect("there is such a call")
    }

    /// Waits until the worker is stopped; `false` where it stops in the wrong place or holds a lock.
    fn wait_until_stopped(&self) -> bool {
        let is_lost = || {
            // A worker that is stopped during a write locks the database.
            let Some((state, attempt)) = self.state_unless_locked() else { return false };
            assert_ne!(state, "succeeded", "{} does not reach {:?}", self.publication.kind, self.point);
            attempt > 1 || state == "interrupted"
        };
        self.stopped.wait_until_stopped(is_lost) && !is_locked(&self.browser.data().join("milepost.db"))
    }

    fn run(self, resume: Resume) {
        let Self { publication, browser, stopped, job, .. } = &self;
        end_leases(browser.data());
        self.wait_until("its job is never taken from it", |state, attempt| state == "interrupted" || attempt > 1);
        match resume {
            Resume::BeforeRetry => {
                stopped.resume();
                // The worker has one slot, which is free when the attempt is over. An automatic retry of the job
                // waits for it, too.
                browser.run(&json!({ "seconds": 0 }));
                if !self.point.may_have_published && self.state().0 == "interrupted" {
                    (publication.assert_unpublished)(browser, *job);
                }
                self.retry_if_interrupted();
                self.wait_until_succeeded();
            }
            Resume::AfterRetry => {
                let other = WorkerProcess::start_in(browser.data(), &["--allow-private-links"]);
                self.retry_if_interrupted();
                let imports = browser.data().join("imports.db");
                let waits_for_stopped_worker = imports.exists() && is_locked(&imports);
                if waits_for_stopped_worker {
                    self.wait_until("it is not retried", |state, attempt| attempt > 1 && state == "running");
                    stopped.resume();
                }
                self.wait_until_succeeded();
                drop(other);
                stopped.resume();
                browser.run(&json!({ "seconds": 0 }));
            }
        }
        self.check();
    }

    fn retry_if_interrupted(&self) {
        if self.state().0 == "interrupted" {
            let id = self.job.to_string();
            self.browser.post("/api/retry_job", &[("id", id.as_str())]).error_for_status().unwrap();
        }
    }

    /// State and attempt of the job.
    fn state(&self) -> (String, i64) {
        self.state_unless_locked().expect("the database is not locked")
    }

    fn state_unless_locked(&self) -> Option<(String, i64)> {
        database(&self.browser.data().join("milepost.db"), async |connection| {
            let select = sqlx::query_as("select state, attempt from job where id = ?").bind(self.job);
            match select.fetch_one(connection).await {
                Ok(state) => Some(state),
                Err(error) if error.to_string().contains("locked") => None,
                Err(error) => panic!("{error}"),
            }
        })
    }

    fn wait_until(&self, never: &str, is: impl Fn(&str, i64) -> bool) {
        let started_at = Instant::now();
        loop {
            let (state, attempt) = self.state();
            if is(&state, attempt) {
                return;
            }
            poll_again(started_at, &format!("{never}: {} at {:?} is {state}", self.publication.kind, self.point));
        }
    }

    fn wait_until_succeeded(&self) {
        self.wait_until("it does not succeed", |state, _| {
            assert_ne!(state, "failed", "{}", self.browser.page(&format!("/jobs/{}", self.job)));
            state == "succeeded"
        });
    }

    fn check(self) {
        let Self { publication, browser, job, .. } = &self;
        let attempts: Vec<(i64, String)> = database(&browser.data().join("milepost.db"), async |connection| {
            let select = sqlx::query_as("select attempt, state from attempt where job = ? order by attempt").bind(*job);
            select.fetch_all(connection).await.unwrap()
        });
        assert_eq!(attempts, [(1, "interrupted".to_owned()), (2, "succeeded".to_owned())]);
        let started = "select count(*) from event where job = ? and type = 'state' and body ->> '$[2]' = 'started'";
        assert_eq!(query_job(browser, started, *job), 2, "each attempt has one owner");
        (publication.assert_published_once)(browser, *job);

        let Self { publication, browser, stopped, job, .. } = self;
        drop(stopped);
        // The next start of a server removes leftover folders.
        let browser = browser.restart_server(&["--concurrency", "0"]);
        let started_at = Instant::now();
        while let left = folders(&browser, job)
            && left.iter().any(|folder| folder != "2")
        {
            poll_again(started_at, &format!("{} has left {left:?}", publication.kind));
        }
        (publication.assert_published_once)(&browser, job);
    }
}

/// Runs `act` beside a worker that is not stopped.
pub(super) fn with_worker(browser: &Browser, act: impl FnOnce()) {
    let worker = WorkerProcess::start_in(browser.data(), &[]);
    act();
    worker.signal("TERM");
    assert!(worker.wait().success());
}

/// A number from the database, for a job.
pub(super) fn query_job(browser: &Browser, sql: &'static str, job: i64) -> i64 {
    database(&browser.data().join("milepost.db"), async |connection| {
        sqlx::query_scalar(sql).bind(job).fetch_one(connection).await.unwrap()
    })
}

/// The names in a folder of the data directory, sorted.
pub(super) fn names_in(browser: &Browser, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(browser.data().join(folder)).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// The folders of the attempts of a job.
fn folders(browser: &Browser, job: i64) -> Vec<String> {
    names_in(browser, &format!("jobs/{job}"))
}
