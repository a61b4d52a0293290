//! `demo`: no real work, but every kind of progress, log and outcome. Its checkpoint is the number of progress reports;
//! a later attempt skips that number.

use std::{thread, time::Duration};

use engine::{Backoff, Ctx, Kind, Task, TaskError};
use model::{Level, Tone, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{self, Instant};

pub(crate) struct Demo;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Input {
    /// Seconds
    ///
    /// Duration without the unresponsive period.
    #[schemars(range(min = 0, max = 86_400))]
    seconds: u32,
    /// Outcome
    ending: Ending,
    /// Total
    ///
    /// Whether the total of the main stage is known.
    total: Total,
    /// Seconds without response
    ///
    /// Blocks for this long halfway through and ignores cancel.
    #[schemars(range(min = 0, max = 600))]
    stall_seconds: u32,
    /// Reports per second
    ///
    /// Progress reports per second.
    #[schemars(range(min = 1, max = 1_000_000))]
    reports_per_second: u32,
    /// Attempts
    ///
    /// Maximum attempts. Retries after 3 s, then 10 s. Default: 3, or 1 if it is to fail.
    #[schemars(range(min = 1, max = 10))]
    attempts: Option<u32>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            seconds: 10,
            ending: Ending::Succeed,
            total: Total::Known,
            stall_seconds: 0,
            reports_per_second: 20,
            attempts: None,
        }
    }
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ending {
    /// Succeed
    Succeed,
    /// Succeed with warnings
    Warn,
    /// Fail
    Fail,
    /// Fail on first attempt
    Recover,
    /// Panic
    Panic,
}

/// What the main stage knows beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Total {
    /// Known
    Known,
    /// Unknown
    Unknown,
}

#[derive(Serialize)]
pub(crate) struct Output {
    /// Progress reports.
    reports: u64,
    report: &'static str,
}

/// Share of each stage in the duration.
const SHARES: [f64; 3] = [0.2, 0.6, 0.2];

/// Resolution of the timer: faster reports are made in batches.
const BATCH: Duration = Duration::from_millis(10);

impl Task for Demo {
    const KIND: Kind = Kind::new("demo");
    const NAME: &'static str = "Demo";
    const ABOUT: &'static str = "Does no real work. Shows progress, logs, warnings and outcomes.";
    const STAGES: &'static [&'static str] = &["Prepare", "Work", "Finish"];
    const WEIGHTS: &'static [f64] = &SHARES;
    const CHECKPOINTS: bool = true;
    const LOG_STEPS: bool = true;

    const BACKOFF: Backoff = Backoff::List(&[Duration::from_secs(3), Duration::from_secs(10)]);

    type Input = Input;
    type Output = Output;

    fn max_attempts(input: &Input) -> u32 {
        let fails = matches!(input.ending, Ending::Fail | Ending::Panic);
        input.attempts.unwrap_or(if fails { 1 } else { Self::MAX_ATTEMPTS })
    }

    fn title(input: &Input) -> String {
        format!("Demo of {} s", input.seconds)
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let mut report = ctx.artifact("demo.txt").await?;
        let earlier: Option<u64> = ctx.restore().await?;
        let mut reporter = Reporter::new(&input, earlier.unwrap_or_default());

        reporter.enter(ctx, 0);
        ctx.unit("steps");
        ctx.message("Preparing (total unknown)");
        if let Some(reports) = earlier {
            ctx.log(Level::Info, format!("continues after {} reports", count(reports)));
        } else {
            ctx.log(Level::Debug, "sample line at level debug");
            ctx.log(Level::Info, "sample line at level info");
        }
        reporter.report_share(ctx, SHARES[0]).await?;

        reporter.enter(ctx, 1);
        match input.total {
            Total::Known => ctx.total(2 * reporter.reports_in(SHARES[1] / 2.0), "steps"),
            Total::Unknown => ctx.unit("steps"),
        }
        ctx.message("Working");
        reporter.report_share(ctx, SHARES[1] / 2.0).await?;
        if !reporter.is_replaying() {
            stall(ctx, input.stall_seconds).await?;
            ctx.check()?;
            apply_outcome(ctx, input.ending)?;
        }
        reporter.report_share(ctx, SHARES[1] / 2.0).await?;

        reporter.enter(ctx, 2);
        ctx.total(reporter.reports_in(SHARES[2]), "steps");
        ctx.message_toned(Tone::Success, "Finishing");
        reporter.report_share(ctx, SHARES[2]).await?;

        let reports = reporter.made;
        report
            .write_all(format!("A demonstration of {} s that reported {reports} times.\n", input.seconds).as_bytes())
            .await?;
        report.finish().await?;
        Ok(Output { reports, report: "demo.txt" })
    }
}

/// Blocks a thread and ignores a cancel.
async fn stall(ctx: &Ctx, seconds: u32) -> Result<(), TaskError> {
    if seconds == 0 {
        return Ok(());
    }
    ctx.message_toned(Tone::Warning, format!("Not responding for {seconds} s, on purpose"));
    ctx.blocking(move || {
        thread::sleep(Duration::from_secs(seconds.into()));
        Ok(())
    })
    .await?;
    ctx.message("Working");
    Ok(())
}

/// Warns, fails or panics, according to the outcome.
fn apply_outcome(ctx: &Ctx, ending: Ending) -> Result<(), TaskError> {
    ctx.data(&json!({ "ending": format!("{ending:?}").to_lowercase(), "halfway": true }))?;
    match ending {
        Ending::Succeed => Ok(()),
        Ending::Recover if ctx.attempt() > 1 => Ok(()),
        Ending::Warn => {
            for item in ["first", "second", "third"] {
                ctx.warn(format!("sample warning {item}"));
            }
            ctx.message_toned(Tone::Warning, "Working, with warnings");
            Ok(())
        }
        Ending::Fail | Ending::Recover => {
            ctx.log(Level::Error, "sample line at level error");
            ctx.message_toned(Tone::Danger, "About to fail");
            Err(TaskError::retry("asked_to_fail", "demo failure"))
        }
        Ending::Panic => panic!("demo panic"),
    }
}

/// Reports progress at an even rate.
struct Reporter {
    seconds: f64,
    per_second: f64,
    /// Reports so far, including earlier attempts.
    made: u64,
    /// Reports in this stage.
    in_stage: u64,
    /// Reports of an earlier attempt.
    earlier: u64,
}

impl Reporter {
    fn new(input: &Input, earlier: u64) -> Self {
        let (seconds, per_second) = (f64::from(input.seconds), f64::from(input.reports_per_second));
        Self { seconds, per_second, made: 0, in_stage: 0, earlier }
    }

    /// Enters a stage.
    fn enter(&mut self, ctx: &Ctx, stage: usize) {
        ctx.stage(stage);
        self.in_stage = 0;
    }

    /// Whether an earlier attempt has already made these reports.
    fn is_replaying(&self) -> bool {
        self.made < self.earlier
    }

    /// Number of reports in a share of the duration.
    fn reports_in(&self, share: f64) -> u64 {
        (self.seconds * share * self.per_second).round() as u64
    }

    /// Reports for a share of the duration, minus the part of an earlier attempt.
    async fn report_share(&mut self, ctx: &Ctx, share: f64) -> Result<(), TaskError> {
        let reports = self.reports_in(share);
        let length = Duration::from_secs_f64(self.seconds * share);
        let step = BATCH.max(Duration::from_secs_f64(1.0 / self.per_second));
        let mut done = self.earlier.saturating_sub(self.made).min(reports);
        let before = if done == 0 { Duration::ZERO } else { length.mul_f64(done as f64 / reports as f64) };
        if done > 0 && done < reports {
            ctx.continue_at(self.in_stage + done);
        }
        let start = Instant::now();
        let mut logged = before.as_secs();
        while done < reports {
            // Not before the first report: a checkpoint of 0 would not show whether the halfway step is done.
            if done > 0 && (ctx.is_checkpoint_due() || ctx.is_cancelled()) {
                ctx.checkpoint(&(self.made + done)).await?;
            }
            ctx.check()?;
            let due = (before + start.elapsed() + step).min(length);
            time::sleep_until(start + due.saturating_sub(before)).await;
            let passed = due.as_secs_f64() / length.as_secs_f64();
            let target = (passed * reports as f64).ceil() as u64;
            for _ in done..target {
                ctx.advance(1);
            }
            done = target.max(done);
            if due.as_secs() > logged {
                logged = due.as_secs();
                ctx.log(Level::Info, format!("Reported {} of {reports} after {logged} s", done.min(reports)));
            }
        }
        self.made += done;
        self.in_stage += done;
        Ok(())
    }
}
