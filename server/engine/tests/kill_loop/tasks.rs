//! What the victims work on. Every task says when it begins, and what it leaves can be told from its input alone.

use std::time::Duration;

use engine::{Backoff, Builder, Clock, Ctx, Kind, SystemClock, Task, TaskError};
use model::{Level, Micros};
use rand::Rng;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::words::Said;

/// Between two pieces of work, so that a kill may come in between.
const BREATH: Duration = Duration::from_millis(1);

/// The kinds that are started.
pub(crate) const KINDS: [&str; 6] = ["nothing", "talk", "write", "fail", "endure", "stumble"];

/// What a job is told.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// No two jobs have the same.
    pub(crate) name: String,
    /// How much there is to do.
    pub(crate) size: u32,
}

/// An input that is as good as any.
pub(crate) fn input(name: &str, choices: &mut impl Rng) -> Value {
    json!({ "name": name, "size": choices.random_range(0..40) })
}

/// The bytes of the artifact that `write` makes.
pub(crate) fn bytes_of(job: i64, attempt: u32, size: u32) -> Vec<u8> {
    let (mut word, length) = (job as u64 ^ u64::from(attempt) << 32, size as usize * 999);
    let next = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A line of a log; they are numbered within their attempt.
pub(crate) fn line(attempt: u32, number: u64) -> String {
    format!("attempt {attempt}, line {number}")
}

macro_rules! kinds {
    ($($task:ident $kind:literal $attempts:literal $run:path;)*) => {
        $(
            struct $task;

            impl Task for $task {
                const KIND: Kind = Kind::new($kind);
                const NAME: &'static str = $kind;
                const ABOUT: &'static str = "Works until it is killed.";
                const MAX_ATTEMPTS: u32 = $attempts;
                const BACKOFF: Backoff = Backoff::List(&[BREATH]);
                type Input = Input;
                type Output = u32;

                fn title(input: &Input) -> String {
                    input.name.clone()
                }

                async fn run(&self, input: Input, ctx: &Ctx) -> Result<u32, TaskError> {
                    Said::Began { job: ctx.job().0, attempt: ctx.attempt() }.say();
                    $run(ctx, &input).await?;
                    let lines = match $kind {
                        "talk" | "endure" => u64::from(input.size),
                        "stumble" => 1,
                        _ => 0,
                    };
                    Said::WillSucceed { job: ctx.job().0, attempt: ctx.attempt(), lines }.say();
                    Ok(input.size)
                }
            }
        )*

        /// Makes all kinds known.
        pub(crate) fn register(builder: Builder) -> Builder {
            builder$(.register($task))*
        }
    };
}

kinds! {
    Nothing "nothing" 1 nothing;
    Talk "talk" 1 talk;
    Write "write" 1 write;
    Fail "fail" 1 fail;
    // Long enough to be killed, and begun anew by itself, twice.
    Endure "endure" 3 talk;
    Stumble "stumble" 5 stumble;
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
            sleep(BREATH).await;
        }
    }
    Ok(())
}

async fn write(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    let mut file = ctx.artifact("bytes").await?;
    for part in bytes_of(ctx.job().0, ctx.attempt(), input.size).chunks(8_000) {
        ctx.check()?;
        file.write_all(part).await?;
        sleep(BREATH).await;
    }
    file.finish().await?;
    sleep(BREATH).await;
    Ok(())
}

async fn fail(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    ctx.log(Level::Info, line(ctx.attempt(), 0));
    if input.size.is_multiple_of(2) {
        sleep(BREATH).await;
    }
    Err(TaskError::fatal("meant_to", "it was meant to fail"))
}

/// Fails, sleeps and fails again before it succeeds.
async fn stumble(ctx: &Ctx, input: &Input) -> Result<(), TaskError> {
    ctx.log(Level::Info, line(ctx.attempt(), 0));
    sleep(BREATH).await;
    let soon = Duration::from_millis(input.size.into());
    match ctx.attempt() % 3 {
        1 => Err(TaskError::retry("stumbled", "it will do better")),
        2 => Err(TaskError::Snooze(Micros(SystemClock.now().0 + soon.as_micros() as i64))),
        _ => Ok(()),
    }
}
