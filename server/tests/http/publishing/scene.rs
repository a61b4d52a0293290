//! What happens around the sleeper: its job is taken from it, another attempt brings the job to its end, and it wakes up
//! before that or after.

use std::{fs, thread, time::Instant};

use serde_json::{Value, json};

use super::sleeper::{Nth, Point, Sleeper, can_stop_processes, look_again};
use crate::{
    browser::Browser,
    database::{database, end_leases, is_locked},
    milepost::Worker,
};

/// How often a scene is played, until the sleeper falls asleep where it should: it may be stopped while another thread of
/// it writes to the database, which holds up everybody.
const TRIES: u32 = 10;
/// Scenes at once: most of a scene is waiting for those who look whether the others live.
const SCENES: usize = 3;

/// A task, and what it publishes.
pub(super) struct Publication {
    pub(super) kind: &'static str,
    /// Prepares the data, and answers the job's input.
    pub(super) input: fn(&Browser) -> Value,
    /// Checks that nothing of the job is published.
    pub(super) nothing: fn(&Browser, i64),
    /// Checks that all of it is, once, by its second attempt.
    pub(super) once: fn(&Browser, i64),
}

/// When the sleeper wakes up.
#[derive(Clone, Copy, Debug)]
enum Waking {
    /// Before anybody tries the job again.
    Before,
    /// When the next attempt has succeeded; or is under way, where it waits for a lock that the sleeper holds.
    After,
}

impl Publication {
    /// Plays all scenes of a worker that is stopped at one of `points`.
    pub(super) fn is_published_once(&self, points: &[Point]) {
        if !can_stop_processes() {
            return;
        }
        let scenes: Vec<_> =
            points.iter().flat_map(|point| [(*point, Waking::Before), (*point, Waking::After)]).collect();
        for some in scenes.chunks(SCENES) {
            thread::scope(|scope| {
                for (point, waking) in some {
                    scope.spawn(move || self.is_published_once_at(*point, *waking));
                }
            });
        }
    }

    fn is_published_once_at(&self, point: Point, waking: Waking) {
        let nth = match point.nth {
            Nth::Of(nth) => nth,
            Nth::Last(argument) => Scene::begin(self, point, None).rehearse(argument),
        };
        for _ in 0..TRIES {
            let scene = Scene::begin(self, point, Some(nth));
            if scene.falls_asleep() {
                return scene.play(waking);
            }
        }
        panic!("{} never falls asleep at {point:?}", self.kind);
    }
}

/// One sleeper on a data directory of its own.
struct Scene<'a> {
    publication: &'a Publication,
    point: Point,
    browser: Browser,
    sleeper: Sleeper,
    job: i64,
}

impl<'a> Scene<'a> {
    /// With the job under way, and the sleeper to be stopped at the `nth` call of a thread.
    fn begin(publication: &'a Publication, point: Point, nth: Option<u32>) -> Self {
        let browser = Browser::of(&["--concurrency", "0", "--allow-private-links"]);
        let input = (publication.input)(&browser);
        let next = one(&browser, "select last_job + 1 from ledger", 0);
        let arguments = ["--lease", "6s", "--concurrency", "1", "--allow-private-links"];
        let sleeper = Sleeper::start(browser.data(), next, point, nth, &arguments);
        let job = browser.start(publication.kind, &input);
        assert_eq!(job, next);
        Self { publication, point, browser, sleeper, job }
    }

    /// Lets the job come to its end, and answers which call of its thread was the last with this argument.
    fn rehearse(self, argument: &str) -> u32 {
        self.browser.wait(&[self.job]);
        self.sleeper.last_with(argument).expect("there is such a call")
    }

    /// Whether the sleeper is asleep, and in nobody's way.
    fn falls_asleep(&self) -> bool {
        let is_lost = || {
            // Who is stopped while it writes keeps everybody out.
            let Some((state, attempt)) = self.state_unless_locked() else { return false };
            assert_ne!(state, "succeeded", "{} does not come to {:?}", self.publication.kind, self.point);
            attempt > 1 || state == "interrupted"
        };
        self.sleeper.falls_asleep(is_lost) && !is_locked(&self.browser.data().join("milepost.db"))
    }

    fn play(self, waking: Waking) {
        let Self { publication, browser, sleeper, job, .. } = &self;
        end_leases(browser.data());
        self.when("its job is never taken from it", |state, attempt| state == "interrupted" || attempt > 1);
        match waking {
            Waking::Before => {
                sleeper.wake();
                // It has one slot, which is free when the attempt is over; a job that is tried again by itself waits for it too.
                browser.run(&json!({ "seconds": 0 }));
                if !self.point.has_published && self.state().0 == "interrupted" {
                    (publication.nothing)(browser, *job);
                }
                self.try_again();
                self.when_succeeded();
            }
            Waking::After => {
                let other = Worker::start_in(browser.data(), &["--allow-private-links"]);
                self.try_again();
                let imports = browser.data().join("imports.db");
                let waits_for_the_sleeper = imports.exists() && is_locked(&imports);
                if waits_for_the_sleeper {
                    self.when("nobody tries it again", |state, attempt| attempt > 1 && state == "running");
                    sleeper.wake();
                }
                self.when_succeeded();
                drop(other);
                sleeper.wake();
                browser.run(&json!({ "seconds": 0 }));
            }
        }
        self.check();
    }

    fn try_again(&self) {
        if self.state().0 == "interrupted" {
            let id = self.job.to_string();
            self.browser.post("/api/retry_job", &[("id", id.as_str())]).error_for_status().unwrap();
        }
    }

    /// Its state and attempt.
    fn state(&self) -> (String, i64) {
        self.state_unless_locked().expect("nobody keeps the database locked")
    }

    fn state_unless_locked(&self) -> Option<(String, i64)> {
        database(&self.browser.data().join("milepost.db"), async |connection| {
            let select = sqlx::query_as("select state, attempt from job where id = ?").bind(self.job);
            match select.fetch_one(connection).await {
                Ok(known) => Some(known),
                Err(error) if error.to_string().contains("locked") => None,
                Err(error) => panic!("{error}"),
            }
        })
    }

    fn when(&self, never: &str, is: impl Fn(&str, i64) -> bool) {
        let begun = Instant::now();
        loop {
            let (state, attempt) = self.state();
            if is(&state, attempt) {
                return;
            }
            look_again(begun, &format!("{never}: {} at {:?} is {state}", self.publication.kind, self.point));
        }
    }

    fn when_succeeded(&self) {
        self.when("it does not succeed", |state, _| {
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
        assert_eq!(one(browser, started, *job), 2, "each attempt has one owner");
        (publication.once)(browser, *job);

        let Self { publication, browser, sleeper, job, .. } = self;
        drop(sleeper);
        // What stays behind is swept at the start of a server.
        let browser = browser.again(&["--concurrency", "0"]);
        let begun = Instant::now();
        while let left = folders(&browser, job)
            && left.iter().any(|folder| folder != "2")
        {
            look_again(begun, &format!("{} has left {left:?}", publication.kind));
        }
        (publication.once)(&browser, job);
    }
}

/// Runs `act` while there is a worker that is always awake.
pub(super) fn with_worker(browser: &Browser, act: impl FnOnce()) {
    let worker = Worker::start_in(browser.data(), &[]);
    act();
    worker.signal("TERM");
    assert!(worker.wait().success());
}

/// A number that the server's database knows of a job.
pub(super) fn one(browser: &Browser, sql: &'static str, job: i64) -> i64 {
    database(&browser.data().join("milepost.db"), async |connection| {
        sqlx::query_scalar(sql).bind(job).fetch_one(connection).await.unwrap()
    })
}

/// What lies in a folder of the data directory, in order.
pub(super) fn names_in(browser: &Browser, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(browser.data().join(folder)).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// What attempts of a job keep.
fn folders(browser: &Browser, job: i64) -> Vec<String> {
    names_in(browser, &format!("jobs/{job}"))
}
