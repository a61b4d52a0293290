//! Benchmark of `ctx.advance(1)`: cost per call on one thread and on two.
//!
//! `cargo bench -p milepost-engine --bench progress` prints the median of five rounds and their spread, nanoseconds.

#[path = "support/figures.rs"]
mod figures;

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use engine::{Ctx, Engine, Kind, StartOptions, Task, TaskError};
use figures::Figures;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const CALLS: u64 = 20_000_000;
const ROUNDS: usize = 5;

struct Advance;

#[derive(Deserialize, JsonSchema)]
struct Input {}

impl Task for Advance {
    const KIND: Kind = Kind::new("advance");
    const NAME: &'static str = "Advance";
    const ABOUT: &'static str = "Reports as fast as it can, while the sampler reads along.";
    type Input = Input;
    type Output = Vec<(usize, Vec<f64>)>;

    fn title(_input: &Input) -> String {
        "Advance".to_owned()
    }

    async fn run(&self, _input: Input, ctx: &Ctx) -> Result<Self::Output, TaskError> {
        let ctx = ctx.clone();
        let measured = move || Ok([1, 2].map(|threads| (threads, rounds(&ctx, threads))).to_vec());
        tokio::task::spawn_blocking(measured)
            .await
            .map_err(|error| TaskError::fatal("panic", "a round failed").caused_by(&error))?
    }
}

fn rounds(ctx: &Ctx, threads: usize) -> Vec<f64> {
    (0..ROUNDS).map(|_| nanoseconds_per_call(ctx, threads)).collect()
}

/// Returns the mean time per call over the threads.
fn nanoseconds_per_call(ctx: &Ctx, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let times: Vec<Duration> = thread::scope(|scope| {
        let work = || {
            scope.spawn(|| {
                barrier.wait();
                let start = Instant::now();
                for _ in 0..CALLS {
                    ctx.advance(1);
                }
                start.elapsed()
            })
        };
        let handles: Vec<_> = (0..threads).map(|_| work()).collect();
        handles.into_iter().map(|handle| handle.join().expect("the loop does not panic")).collect()
    });
    let all: Duration = times.iter().sum();
    all.as_secs_f64() * 1e9 / (CALLS as f64 * threads as f64)
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).register(Advance).open().await.expect("the engine opens");
    let job = engine.start("advance", json!({}), StartOptions::default()).await.expect("the input fits");
    while !engine.job(job).await.expect("it is kept").state.is_terminal() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = engine.store().detail(job).await.expect("it is kept").output.expect("it succeeded");
    let measured: Vec<(usize, Vec<f64>)> = serde_json::from_value(output).expect("as it was written");
    for (threads, nanoseconds) in measured {
        let figures = Figures::of(nanoseconds);
        println!("ctx.advance, {threads} thread(s): {figures:.1} ns per call");
    }
}
