//! The program with a history of 100,000 jobs, measured from outside: pages, memory, start, acknowledged starts.
//!
//! Prints Markdown rows: what, median of five runs, spread. Needs `target/production/milepost` (`make bench` builds it).

mod program;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use engine::{Ctx, Engine, Kind, StartOptions, Task, TaskError};
use futures_util::{StreamExt, stream};
use program::{Program, millis, row};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const HISTORY: usize = 100_000;
const RUNS: usize = 5;
const REQUESTS: usize = 300;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Does nothing, under the name of a real kind, so that the pages show what they would.
struct Noop<const N: usize>;

impl<const N: usize> Task for Noop<N> {
    const KIND: Kind = Kind::new(["checksum", "import-csv", "check-links"][N]);
    const NAME: &'static str = "No-op";
    const ABOUT: &'static str = "Does nothing.";
    const STAGES: &'static [&'static str] = &["Scan", "Hash", "Write"];
    type Input = Nothing;
    type Output = ();

    fn title(_: &Nothing) -> String {
        format!("{} /archive/2026/11 ({N})", Self::KIND)
    }

    async fn run(&self, _: Nothing, ctx: &Ctx) -> Result<(), TaskError> {
        ctx.stage(1);
        ctx.total(1, "files");
        ctx.advance(1);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    seed(data.path()).await?;
    // As browsers do; what is answered is compressed then, and stays so here.
    let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"))]);
    let client = reqwest::Client::builder().default_headers(headers).build()?;

    let mut first = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let server = Program::server(data.path(), &[])?;
        while client.get(server.url("/healthz")).send().await.is_err() {}
        first.push(begun.elapsed());
        client.get(server.url("/")).send().await?.bytes().await?;
        memory.push(server.resident()?);
    }
    row("start to first response", &mut first, millis);
    row("resident memory after the first page", &mut memory, megabytes);

    let server = Program::server(data.path(), &[])?;
    let pages = [
        ("overview", "/".to_owned()),
        ("jobs, first page", "/jobs".to_owned()),
        ("jobs, last page", "/jobs?from=oldest".to_owned()),
        ("jobs, a text that all have", "/jobs?q=archive".to_owned()),
        ("jobs, a text that none has", "/jobs?q=zebra".to_owned()),
        ("queues", "/queues".to_owned()),
        ("job", format!("/jobs/{}", HISTORY / 2)),
    ];
    for (name, path) in pages {
        measure(&client, &server, name, &path).await?;
    }
    row("resident memory after all those pages", &mut [server.resident()?], megabytes);
    starts(&client, &server).await?;
    row("resident memory after all those starts", &mut [server.resident()?], megabytes);
    Ok(())
}

/// Runs the history through the engine, as real jobs.
async fn seed(data: &Path) -> anyhow::Result<()> {
    let builder = Engine::builder(data).concurrency(100).register(Noop::<0>).register(Noop::<1>).register(Noop::<2>);
    let engine = builder.open().await?;
    stream::iter(0..HISTORY)
        .map(|n| {
            let engine = engine.clone();
            async move {
                let kind = ["checksum", "import-csv", "check-links"][n % 3];
                engine.start(kind, json!({}), StartOptions { ..StartOptions::default() }).await
            }
        })
        .buffer_unordered(500)
        .for_each(async |started| assert!(started.is_ok(), "{started:?}"))
        .await;
    while engine.store().counts().await?.succeeded < HISTORY as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

/// Server time (the `Server-Timing` header) and time at the client, of complete pages.
async fn measure(client: &reqwest::Client, server: &Program, name: &str, path: &str) -> anyhow::Result<()> {
    let (mut p50, mut p99, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for _ in 0..REQUESTS {
            let begun = Instant::now();
            let answer = client.get(server.url(path)).send().await?.error_for_status()?;
            let timing =
                answer.headers().get("server-timing").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let total = timing.split("dur=").nth(1).and_then(|rest| rest.split([',', ';']).next());
            let total: f64 = total.unwrap_or_default().parse()?;
            answer.bytes().await?;
            outside.push(begun.elapsed());
            inside.push(Duration::from_secs_f64(total / 1e3));
        }
        inside.sort_unstable();
        outside.sort_unstable();
        p50.push(inside[REQUESTS / 2]);
        p99.push(inside[REQUESTS * 99 / 100]);
        seen.push(outside[REQUESTS / 2]);
    }
    row(&format!("{name}: server time p50"), &mut p50, millis);
    row(&format!("{name}: server time p99"), &mut p99, millis);
    row(&format!("{name}: at the client, p50"), &mut seen, millis);
    Ok(())
}

/// Acknowledged starts through HTTP, 100 in flight.
async fn starts(client: &reqwest::Client, server: &Program) -> anyhow::Result<()> {
    const STARTS: usize = 2_000;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        stream::iter(0..STARTS)
            .map(|_| {
                let body = "kind=demo&input=%7B%22seconds%22%3A0%7D";
                let request = client.post(server.url("/api/start_job")).body(body);
                request.header("content-type", "application/x-www-form-urlencoded").send()
            })
            .buffer_unordered(100)
            .for_each(async |answer| assert!(answer.is_ok_and(|answer| answer.status().is_success())))
            .await;
        rates.push((STARTS as f64 / begun.elapsed().as_secs_f64()) as u64);
    }
    row("starts through HTTP, 100 in flight, while those jobs run", &mut rates, |rate| {
        format!("{}/s", model::count(rate))
    });
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
