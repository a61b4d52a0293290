//! `backup`: a checked copy of the database, taken while the server runs.

use std::{fs, path::Path, time::Duration};

use engine::{Ctx, Error, Kind, Queue, Task, TaskError};
use jiff::Timestamp;
use model::bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// The task.
pub struct Backup;

/// How many copies there are.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// Copies to keep
    ///
    /// The newest ones; older copies that this task made are removed.
    #[schemars(range(min = 1, max = 1_000))]
    keep: u32,
}

impl Default for Input {
    fn default() -> Self {
        Self { keep: 7 }
    }
}

/// What was copied.
#[derive(Serialize)]
pub struct Output {
    /// The copy.
    file: String,
    /// Its size, bytes.
    size: u64,
    /// Older copies that were removed.
    removed: Vec<String>,
}

/// What names of copies begin and end with; between them are the time, UTC, which sorts them, and the job.
const NAME: [&str; 2] = ["milepost-", ".db"];

/// Between two looks at how large the copy is.
const LOOK: Duration = Duration::from_millis(200);

impl Task for Backup {
    const KIND: Kind = Kind::new("backup");
    const NAME: &'static str = "Back up";
    const ABOUT: &'static str = "Copies the database of jobs, logs and history while the server runs, checks the copy, \
                                 and keeps the last few.";
    const MAX_ATTEMPTS: u32 = 3;
    const QUEUE: Queue = super::UPKEEP;
    const LIMIT: Option<u32> = Some(1);

    type Input = Input;
    type Output = Output;

    fn title(_: &Input) -> String {
        "Back up the database".to_owned()
    }

    fn unique_key(_: &Input) -> Option<String> {
        Some("backup".to_owned())
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let keeper = ctx.keeper();
        let folder = keeper.data_dir().backups();
        let time =
            Timestamp::from_microsecond(keeper.now().0).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{}{time}-{}{}", NAME[0], ctx.job(), NAME[1]);
        let file = folder.join(&name);
        fs::create_dir_all(&folder).map_err(|error| TaskError::io(format!("creating {}", folder.display()), &error))?;

        ctx.total(size_of(&keeper.data_dir().database()), "B");
        ctx.message("Copying and checking");
        let stop = CancellationToken::new();
        let copying = {
            let (file, stop) = (file.clone(), stop.clone());
            ctx.blocking(move || keeper.back_up(&file, &stop).map_err(refused))
        };
        watched(ctx, copying, &file, &stop).await?;

        let size = size_of(&file);
        ctx.set(size);
        ctx.log(model::Level::Info, format!("{name} holds {}", bytes(size)));
        let removed = ctx.blocking(move || remove_older(&folder, input.keep as usize)).await?;
        Ok(Output { file: name, size, removed })
    }
}

/// Waits for the copy, tells how large it has become, and ends it when the job is to stop.
async fn watched(
    ctx: &Ctx,
    copying: impl Future<Output = Result<(), TaskError>>,
    file: &Path,
    stop: &CancellationToken,
) -> Result<(), TaskError> {
    let partial = file.with_added_extension("partial");
    let mut copying = std::pin::pin!(copying);
    loop {
        tokio::select! {
            biased;
            copied = &mut copying => {
                return if stop.is_cancelled() { Err(TaskError::Cancelled) } else { copied };
            }
            () = ctx.cancelled(), if !stop.is_cancelled() => stop.cancel(),
            () = tokio::time::sleep(LOOK) => ctx.set(size_of(&partial)),
        }
    }
}

fn refused(error: Error) -> TaskError {
    match error {
        Error::Full => TaskError::disk_full("copying the database", &error),
        error => TaskError::retry("database", error.to_string()).caused_by(&error),
    }
}

/// Bytes; none for what is not there.
fn size_of(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Removes all but the newest `keep` copies; answers their names.
fn remove_older(folder: &Path, keep: usize) -> Result<Vec<String>, TaskError> {
    let listing = |error| TaskError::io(format!("listing {}", folder.display()), &error);
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder).map_err(listing)? {
        let name = entry.map_err(listing)?.file_name().to_string_lossy().into_owned();
        if name.starts_with(NAME[0]) && name.ends_with(NAME[1]) {
            copies.push(name);
        }
    }
    copies.sort_unstable();
    copies.truncate(copies.len().saturating_sub(keep));
    for name in &copies {
        fs::remove_file(folder.join(name)).map_err(|error| TaskError::io(format!("removing {name}"), &error))?;
    }
    Ok(copies)
}
