//! Tasks that block every thread they have: what that costs the people who look on, and the processes that watch.
//!
//! A program of its own, so that nothing else runs while times are measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "the figures are for people")]

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

/// After such a silence a process loses its jobs.
const LEASE: Duration = Duration::from_millis(1_500);
/// Within this 99 of 100 pages come.
const QUICK: Duration = Duration::from_millis(100);
/// How many are asked for in a row.
const PAGES: usize = 300;
/// So often at least. The middle one of these rounds counts: the machine may have something else to do in one of them.
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
#[ignore = "the program that the other test runs"]
fn a_server_with_a_task_that_blocks() {
    // Its settings come from the environment.
    let cli::Command::Serve(settings) = cli::Cli::parse_from(["milepost"]).command() else { unreachable!() };
    serve::run(settings.config().unwrap(), |builder, settings| tasks::register(builder, settings).register(Block))
        .unwrap();
}

fn program(data: &Path, slots: usize) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["a_server_with_a_task_that_blocks", "--exact", "--ignored", "--nocapture"]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("MILEPOST_DATA_DIR", data).env("MILEPOST_ADDR", "127.0.0.1:0").env("MILEPOST_NO_AUTH", "true");
    command.env("MILEPOST_CONCURRENCY", slots.to_string()).env("MILEPOST_LEASE", format!("{}ms", LEASE.as_millis()));
    command.env("MILEPOST_SHUTDOWN_GRACE", "100ms");
    command
}

/// Held by the one test that measures times.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the slowest but one in a hundred of these pages takes, all of which have a word.
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

/// How often the server has shown that it lives.
fn heartbeats(data: &Path) -> i64 {
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query_scalar("select heartbeat from node where role = 'server'").fetch_one(connection).await.unwrap()
    })
}

/// How many jobs are in this state, in this attempt, with so many attempts charged.
fn jobs(data: &Path, state: &str, attempt: i64, charged: i64) -> usize {
    let count: i64 = database(&data.join("milepost.db"), async |connection| {
        let query = sqlx::query_scalar("select count(*) from job where state = ? and attempt = ? and charged = ?");
        query.bind(state).bind(attempt).bind(charged).fetch_one(connection).await.unwrap()
    });
    count as usize
}

#[test]
fn pages_come_quickly_no_lease_is_lost_and_the_server_ends_in_time_while_tasks_block_every_thread() {
    let _alone = alone();
    // Tasks have as many threads as there are cores.
    let threads = thread::available_parallelism().unwrap().get();
    let tasks = threads.max(4);
    let data = TempDir::new().unwrap();
    let server = ServerProcess::spawn(program(data.path(), tasks));
    // It takes the jobs of whoever is silent for its lease.
    let _judge = WorkerProcess::start_in(data.path(), &[]);
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
    assert!(rounds[rounds.len() / 2] < QUICK, "99 of 100 pages take up to {rounds:?}");
    assert!(beats >= (watched.as_millis() / LEASE.as_millis()) as i64, "{beats} heartbeats in {watched:?}");
    assert_eq!(jobs(data.path(), "running", 1, 1), tasks, "all are where they were");

    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(jobs(data.path(), "queued", 2, 0), tasks, "all are handed back");
}
