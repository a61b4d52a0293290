//! Flood of progress and log lines: progress is exact, the log counts omitted lines, memory is bounded. Alone in its
//! process, because it measures the memory of the process.

use std::fs;

use engine::{Ctx, Engine, Kind, StartOptions, Task, TaskError, store::LogQuery};
use model::{JobState, Level};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const TICKS: u64 = 10_000_000;
const LINES: u64 = 1_000_000;
/// Allowed growth of the process, kB. The lines alone are 200 MB.
const GROWTH: u64 = 100_000;

struct Flood;

#[derive(Deserialize, JsonSchema)]
struct Input {}

impl Task for Flood {
    const KIND: Kind = Kind::new("flood");
    const NAME: &'static str = "Flood";
    const ABOUT: &'static str = "Says more than anybody can keep.";
    type Input = Input;
    type Output = ();

    fn title(_: &Input) -> String {
        "Flood".to_owned()
    }

    async fn run(&self, _: Input, ctx: &Ctx) -> Result<(), TaskError> {
        let ctx = ctx.clone();
        let flood = move || {
            let text = "x".repeat(190);
            ctx.total(TICKS, "ticks");
            for tick in 0..TICKS {
                ctx.advance(1);
                if tick % (TICKS / LINES) == 0 {
                    ctx.log(Level::Info, format!("{tick:10}{text}"));
                }
            }
        };
        tokio::task::spawn_blocking(flood).await.map_err(|error| TaskError::fatal("panic", error.to_string()))
    }
}

/// Returns the peak memory of this process, kB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux says");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_and_log_flood_is_counted_and_bounded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).register(Flood).open().await.expect("the engine opens");
    let before = peak();
    let job = engine.start("flood", json!({}), StartOptions::default()).await.expect("the input fits");
    while !engine.job(job).await.expect("kept").state.is_terminal() {
        tokio::task::yield_now().await;
    }
    let view = engine.job(job).await.expect("kept");
    assert_eq!((view.state, view.progress.value), (JobState::Succeeded, TICKS));
    let left_out = LogQuery { text: Some("lines left out".to_owned()), limit: 1, ..LogQuery::default() };
    let log = engine.store().log(job, &left_out).await.expect("kept");
    assert_eq!(log.lines.len(), 1, "the log says that lines are missing");
    assert!(log.total < LINES / 4, "{} lines", log.total);
    let grown = peak() - before;
    assert!(grown < GROWTH, "the process has grown by {grown} kB");
}
