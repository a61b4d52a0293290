//! Tasks of the workers. Every task reports its start, and its results follow from its input alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    time::Duration,
};

use engine::{Backoff, Builder, Clock, Ctx, Kind, SystemClock, Task, TaskError};
use model::{Level, Micros};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::report::Report;

/// Pause between two pieces of work, so that a kill can hit it.
const PAUSE: Duration = Duration::from_millis(1);

/// Bytes of an artifact per unit of the job's size.
const PART_SIZE: usize = 999;

/// All kinds.
pub(crate) const KINDS: [&str; 7] = ["nothing", "talk", "write", "fail", "endure", "stumble", GATHER];
/// The kind that resumes from checkpoints.
pub(crate) const GATHER: &str = "gather";

/// The input of a job.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// Unique.
    pub(crate) name: String,
    /// Amount of work.
    pub(crate) size: u32,
}

/// Returns a random input.
pub(crate) fn input(name: &str, rng: &mut impl Rng) -> Value {
    json!({ "name": name, "size": rng.random_range(0..40) })
}

/// Returns the bytes of the artifact of `write`; for `gather`, which spans attempts, those of attempt 0.
pub(crate) fn bytes_of(job: i64, attempt: u32, size: u32) -> Vec<u8> {
    let (mut word, length) = (job as u64 ^ u64::from(attempt) << 32, size as usize * PART_SIZE);
    let next = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Returns a log line, numbered within its attempt.
pub(crate) fn line(attempt: u32, number: u64) -> String {
    format!("attempt {attempt}, line {number}")
}

macro_rules! kinds {
    ($($task:ident $kind:literal $attempts:literal $checkpoints:literal $run:path;)*) => {
        $(
            struct $task;

            impl Task for $task {
                const KIND: Kind = Kind::new($kind);
                const NAME: &'static str = $kind;
                const ABOUT: &'static str = "Works until it is killed.";
                const MAX_ATTEMPTS: u32 = $attempts;
                const CHECKPOINTS: bool = $checkpoints;
                const BACKOFF: Backoff = Backoff::List(&[PAUSE]);
                type Input = Input;
                type Output = u32;

                fn title(input: &Input) -> String {
                    input.name.clone()
                }

                async fn run(&self, input: Input, ctx: &Ctx) -> Result<u32, TaskError> {
                    Report::Started { job: ctx.job().0, attempt: ctx.attempt() }.send();
                    $run(ctx, &input).await?;
                    let lines = match $kind {
                        "talk" | "endure" => u64::from(input.size),
                        "stumble" => 1,
                        _ => 0,
                    };
                    Report::WillSucceed { job: ctx.job().0, attempt: ctx.attempt(), lines }.send();
                    Ok(input.size)
                }
            }
        )*

        /// Registers all kinds.
        pub(crate) fn register(builder: Builder) -> Builder {
            builder$(.register($task))*
        }
    };
}

kinds! {
    Nothing "nothing" 1 false nothing;
    Talk "talk" 1 false talk;
    Write "write" 1 false write;
    Fail "fail" 1 false fail;
    // Long enough to be killed and retried automatically twice.
    Endure "endure" 3 false talk;
    Stumble "stumble" 5 false stumble;
    Gather "gather" 50 true gather;
}

async fn nothing(_: &Ctx, _: &Input) -> Result<(), TaskError> {
    Ok(())
}

async fn talk(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    ctx.total(input.size.into(), "lines");
    for number in 0..input.size.into() {
        ctx.check()?;
        ctx.log(Level::Info, line(ctx.attempt(), number));
        ctx.advance(1);
        if number % 4 == 0 {
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

async fn write(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    let mut file = ctx.artifact("bytes").await?;
    for part in bytes_of(ctx.job().0, ctx.attempt(), input.size).chunks(8_000) {
        ctx.check()?;
        file.write_all(part).await?;
        sleep(PAUSE).await;
    }
    file.finish().await?;
    sleep(PAUSE).await;
    Ok(())
}

async fn fail(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    ctx.log(Level::Info, line(ctx.attempt(), 0));
    if input.size.is_multiple_of(2) {
        sleep(PAUSE).await;
    }
    Err(TaskError::fatal("meant_to", "it was meant to fail"))
}

/// Fails, sleeps and fails again before it succeeds.
async fn stumble(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    ctx.log(Level::Info, line(ctx.attempt(), 0));
    sleep(PAUSE).await;
    let soon = Duration::from_millis(input.size.into());
    match ctx.attempt() % 3 {
        1 => Err(TaskError::retry("stumbled", "it will do better")),
        2 => Err(TaskError::Snooze(Micros(SystemClock.now().0 + soon.as_micros() as i64))),
        _ => Ok(()),
    }
}

/// Checkpoint of `gather`.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    parts: u32,
    length: u64,
}

/// Writes its artifact part by part and resumes from the last checkpoint.
async fn gather(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    let (job, attempt) = (ctx.job().0, ctx.attempt());
    let Position { parts, length } = ctx.restore().await?.unwrap_or_default();
    Report::Resumed { job, attempt, parts }.send();
    let gathering = |error: io::Error| TaskError::io("gathering", &error);
    let path = ctx.work_folder().await?.join("parts");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(gathering)?;
    // Discards what the last attempt wrote after its checkpoint.
    file.set_len(length).map_err(gathering)?;
    let bytes = bytes_of(job, 0, input.size);
    let mut rest = bytes.chunks(PART_SIZE).zip(1..).skip(parts as usize);
    for (part, parts) in &mut rest {
        ctx.check()?;
        file.write_all(part).map_err(gathering)?;
        sleep(PAUSE).await;
        if parts % 4 == 0 {
            ctx.checkpoint(&Position { parts, length: u64::from(parts) * PART_SIZE as u64 }).await?;
            Report::Checkpointed { job, attempt, parts }.send();
        }
    }
    let mut artifact = ctx.artifact("bytes").await?;
    artifact.write_all(&fs::read(&path).map_err(gathering)?).await?;
    artifact.finish().await?;
    Ok(())
}
