//! Tasks that block every thread they have: pages, heartbeats and shutdown stay in time.
//!
//! A test program of its own, so that nothing else runs while times are measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "the figures are for developers")]

mod downloads;
#[expect(dead_code, reason = "tests/http uses the rest")]
mod support;

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use engine::{Ctx, Kind, Task, TaskError};
use model::Level;
use reqwest::blocking::Client;
use schemars::JsonSchema;
use serde::Deserialize;
use server::{cli, run::serve};
use tempfile::TempDir;

use support::{
    database::database,
    process::{ServerProcess, TIMEOUT, WorkerProcess},
};

/// A process without a heartbeat for this time loses its jobs.
const LEASE: Duration = Duration::from_millis(1_500);
/// Limit of the latency of pages, 99th percentile.
const MAX_P99: Duration = Duration::from_millis(100);
/// Pages in one round.
const PAGES: usize = 300;
/// Least number of rounds. The median counts: the machine may be busy in one of them.
const ROUNDS: usize = 5;

/// Async code that blocks its thread, as it should not.
struct Block;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

impl Task for Block {
    const KIND: Kind = Kind::new("block");
    const NAME: &'static str = "Block";
    const ABOUT: &'static str = "Blocks a thread for longer than any test takes.";
    type Input = Nothing;
    type Output = ();

    fn title(_: &Nothing) -> String {
        "Block a thread".to_owned()
    }

    async fn run(&self, _: Nothing, ctx: &Ctx) -> Result<(), TaskError> {
        ctx.log(Level::Info, "blocks");
        thread::sleep(Duration::from_hours(1));
        Ok(())
    }
}

#[test]
#[ignore = "the program that the other tests run"]
fn server_with_blocking_task() {
    // The settings come from the environment.
    let cli::Command::Serve(settings) = cli::Cli::parse_from(["milepost"]).command() else { unreachable!() };
    serve::run(settings.config().unwrap(), |builder, settings| tasks::register(builder, settings).register(Block))
        .unwrap();
}

fn program(data: &Path, slots: usize) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["server_with_blocking_task", "--exact", "--ignored", "--nocapture"]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("MILEPOST_DATA_DIR", data).env("MILEPOST_ADDR", "127.0.0.1:0").env("MILEPOST_NO_AUTH", "true");
    command.env("MILEPOST_CONCURRENCY", slots.to_string()).env("MILEPOST_LEASE", format!("{}ms", LEASE.as_millis()));
    command.env("MILEPOST_SHUTDOWN_GRACE", "100ms");
    command
}

/// Held while a test measures times: one at a time.
fn measure_alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Latency of these pages, 99th percentile. Each page must contain `word`.
fn p99(client: &Client, milepost: &ServerProcess, paths: &[&str], word: &str) -> Duration {
    let mut took: Vec<Duration> = paths
        .iter()
        .cycle()
        .take(PAGES)
        .map(|path| {
            let begun = Instant::now();
            let page = client.get(milepost.url(path)).send().unwrap().error_for_status().unwrap().text().unwrap();
            assert!(page.contains(word), "{path} is complete");
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[PAGES * 99 / 100]
}

/// Heartbeats of the server so far.
fn heartbeats(data: &Path) -> i64 {
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query_scalar("select heartbeat from node where role = 'server'").fetch_one(connection).await.unwrap()
    })
}

/// Number of jobs in this state and attempt with `charged` attempts charged.
fn jobs(data: &Path, state: &str, attempt: i64, charged: i64) -> usize {
    let count: i64 = database(&data.join("milepost.db"), async |connection| {
        let query = sqlx::query_scalar("select count(*) from job where state = ? and attempt = ? and charged = ?");
        query.bind(state).bind(attempt).bind(charged).fetch_one(connection).await.unwrap()
    });
    count as usize
}

#[test]
fn blocking_tasks_delay_no_page_heartbeat_or_shutdown() {
    let _alone = measure_alone();
    // Tasks have as many threads as there are cores.
    let threads = thread::available_parallelism().unwrap().get();
    let tasks = threads.max(4);
    let data = TempDir::new().unwrap();
    let server = ServerProcess::spawn(program(data.path(), tasks));
    // It takes the jobs of processes whose lease has expired.
    let _worker = WorkerProcess::start_in(data.path(), &[]);
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    for _ in 0..tasks {
        let form = [("kind", "block"), ("input", "{}")];
        client.post(server.url("/api/start_job")).form(&form).send().unwrap().error_for_status().unwrap();
    }
    let log = |job: usize| client.get(server.url(&format!("/jobs/{job}/log"))).send().unwrap().text().unwrap();
    let begun = Instant::now();
    while (1..=tasks).filter(|job| log(*job).contains("blocks")).count() < threads {
        assert!(begun.elapsed() < TIMEOUT, "not all threads are blocked");
    }

    let (begun, before) = (Instant::now(), heartbeats(data.path()));
    let mut rounds: Vec<Duration> = Vec::new();
    while rounds.len() < ROUNDS || begun.elapsed() < 3 * LEASE {
        rounds.push(p99(&client, &server, &["/", "/jobs", "/jobs/1"], "Block a thread"));
    }
    let (watched, beats) = (begun.elapsed(), heartbeats(data.path()) - before);
    eprintln!(
        "{tasks} tasks block {threads} threads for {watched:?}: p99 of {PAGES} pages {rounds:?}, {beats} heartbeats"
    );
    rounds.sort_unstable();
    assert!(rounds[rounds.len() / 2] < MAX_P99, "p99 of the pages: {rounds:?}");
    assert!(beats >= (watched.as_millis() / LEASE.as_millis()) as i64, "{beats} heartbeats in {watched:?}");
    assert_eq!(jobs(data.path(), "running", 1, 1), tasks, "no lease was lost");

    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(jobs(data.path(), "queued", 2, 0), tasks, "all were released");
}
