//! `prune`: retention on demand. Deletes old jobs, logs and files, and returns the space to the disk.

use std::time::Duration;

use engine::{
    Ctx, Error, Kind, Queue, Retention, Task, TaskError,
    store::{Prunable, Usage},
};
use model::{FieldError, JobId, JobState, Level, Micros, Role, bytes, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct Prune;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Input {
    /// Delete succeeded jobs after (days)
    #[schemars(range(min = 0, max = 36_500))]
    succeeded: Option<u32>,
    /// Delete failed jobs after (days)
    #[schemars(range(min = 0, max = 36_500))]
    failed: Option<u32>,
    /// Delete cancelled jobs after (days)
    #[schemars(range(min = 0, max = 36_500))]
    cancelled: Option<u32>,
    /// Delete interrupted jobs after (days)
    #[schemars(range(min = 0, max = 36_500))]
    interrupted: Option<u32>,
    /// Delete logs after (days)
    ///
    /// Jobs are kept, without their logs.
    #[schemars(range(min = 0, max = 36_500))]
    logs: Option<u32>,
    /// Delete artifacts after (days)
    ///
    /// Jobs are kept, without files and checkpoints. Retries then start from the beginning.
    #[schemars(range(min = 0, max = 36_500))]
    artifacts: Option<u32>,
    /// Delete uploads after (days)
    ///
    /// Counted from the end of the last job that used the file. Those jobs cannot be rerun.
    #[schemars(range(min = 0, max = 36_500))]
    uploads: Option<u32>,
}

#[derive(Default, Serialize)]
pub(crate) struct Output {
    jobs: u64,
    logs: u64,
    /// Jobs whose artifacts were deleted.
    artifacts: u64,
    uploads: u64,
    /// Bytes used before.
    before: u64,
    /// Bytes used after.
    after: u64,
}

const POLL_INTERVAL: Duration = Duration::from_millis(100);

const DAY: i64 = 24 * 3_600_000_000;

impl Task for Prune {
    const KIND: Kind = Kind::new("prune");
    const NAME: &'static str = "Prune";
    const ABOUT: &'static str = "Deletes old jobs, or only their logs and files, and frees disk space.";
    const STAGES: &'static [&'static str] = &["Jobs", "Logs", "Artifacts", "Uploads", "Files"];
    const QUEUE: Queue = super::UPKEEP;
    const LOG_STEPS: bool = true;
    const LIMIT: Option<u32> = Some(1);
    const START_ROLE: Role = Role::Administrator;

    type Input = Input;
    type Output = Output;

    fn title(_: &Input) -> String {
        "Prune old data".to_owned()
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let Input { succeeded, failed, cancelled, interrupted, logs, artifacts, uploads } = input;
        if [succeeded, failed, cancelled, interrupted, logs, artifacts, uploads].into_iter().all(Option::is_none) {
            let message = "Enter at least one age.".to_owned();
            return Err(vec![FieldError { field: "succeeded".to_owned(), message }]);
        }
        Ok(())
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let keeper = ctx.retention();
        let now = keeper.now();
        let before = |days: u32| Micros(now.0 - i64::from(days) * DAY);
        let ended = [JobState::Succeeded, JobState::Failed, JobState::Cancelled, JobState::Interrupted];
        let of_jobs = [input.succeeded, input.failed, input.cancelled, input.interrupted];
        let jobs: Vec<_> =
            ended.into_iter().zip(of_jobs).filter_map(|(state, days)| Some((state, before(days?)))).collect();
        let every = |days: Option<u32>| -> Vec<_> {
            days.map(|days| ended.map(|state| (state, before(days)))).into_iter().flatten().collect()
        };

        let at_first = keeper.usage().await.map_err(engine_error)?;
        let jobs = prune(ctx, &keeper, 0, Prunable::Job, &jobs).await?;
        let logs = prune(ctx, &keeper, 1, Prunable::Log, &every(input.logs)).await?;
        let artifacts = prune(ctx, &keeper, 2, Prunable::Artifacts, &every(input.artifacts)).await?;
        let uploads = match input.uploads {
            Some(days) => prune_uploads(ctx, &keeper, before(days)).await?,
            None => 0,
        };
        wait_for_vacuum(ctx, &keeper).await?;
        let (before, after) = (total_bytes(&at_first), total_bytes(&keeper.usage().await.map_err(engine_error)?));
        ctx.log(Level::Info, format!("{} used before, {} now", bytes(before), bytes(after)));
        Ok(Output { jobs, logs, artifacts, uploads, before, after })
    }
}

/// Prunes all jobs that ended before the given times. Returns their number.
async fn prune(
    ctx: &Ctx,
    keeper: &Retention,
    stage: usize,
    what: Prunable,
    ended_before: &[(JobState, Micros)],
) -> Result<u64, TaskError> {
    ctx.stage(stage);
    ctx.unit("jobs");
    let (mut jobs, mut size, mut last) = (0, 0, JobId(0));
    while !ended_before.is_empty() {
        ctx.check()?;
        let Some((pruned, next)) = keeper.prune(what, ended_before, last).await.map_err(engine_error)? else { break };
        jobs += pruned.jobs.len() as u64;
        size += pruned.bytes;
        last = next;
        ctx.advance(pruned.jobs.len() as u64);
    }
    if jobs > 0 {
        let (jobs, size) = (count(jobs), bytes(size));
        let done = match what {
            Prunable::Job => format!("removed {jobs} jobs, with {size} of artifacts"),
            Prunable::Log => format!("removed the logs of {jobs} jobs"),
            Prunable::Artifacts => format!("removed the artifacts of {jobs} jobs, {size}"),
        };
        ctx.log(Level::Info, done);
    }
    Ok(jobs)
}

/// Deletes uploads that no job has used since `before`. Returns their number.
async fn prune_uploads(ctx: &Ctx, keeper: &Retention, before: Micros) -> Result<u64, TaskError> {
    ctx.stage(3);
    ctx.unit("uploads");
    let (mut uploads, mut last) = (0, String::new());
    while let Some((some, next)) = keeper.prune_uploads(before, &last).await.map_err(engine_error)? {
        uploads += some as u64;
        last = next;
        ctx.advance(some as u64);
        ctx.check()?;
    }
    Ok(uploads)
}

/// Waits until the database has returned its free space to the disk.
async fn wait_for_vacuum(ctx: &Ctx, keeper: &Retention) -> Result<(), TaskError> {
    ctx.stage(4);
    while !keeper.is_upkeep_done().await.map_err(engine_error)? {
        ctx.message(format!("The database still has {}", bytes(keeper.usage().await.map_err(engine_error)?.database)));
        ctx.check()?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

fn total_bytes(usage: &Usage) -> u64 {
    usage.database + usage.artifacts + usage.uploads + usage.imports
}

fn engine_error(error: Error) -> TaskError {
    TaskError::retry("database", error.to_string()).caused_by(&error)
}
