//! `backup`: a checked copy of the database, taken while the server runs.
//!
//! A copy is made in a folder of its attempt and renamed as the last step. The next attempt first removes the folders
//! of all others, so an attempt that lost its job without noticing has nothing to rename.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{Ctx, Error, Kind, Queue, Task, TaskError};
use jiff::Timestamp;
use model::{Role, bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub(crate) struct Backup;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Input {
    /// Copies to keep
    ///
    /// Older copies made by this task are deleted.
    #[schemars(range(min = 1, max = 1_000))]
    keep: u32,
}

impl Default for Input {
    fn default() -> Self {
        Self { keep: 7 }
    }
}

#[derive(Serialize)]
pub(crate) struct Output {
    /// Name of the copy.
    file: String,
    /// Its size, bytes.
    size: u64,
    /// Older copies that were removed.
    removed: Vec<String>,
}

/// Prefix and suffix of the name of a copy. Between them are the time in UTC, which sorts the names, and the job.
const NAME: [&str; 2] = ["milepost-", ".db"];

/// Suffix of the folder in which a copy is made; its name starts like that of a copy, with job and attempt.
const PARTIAL_SUFFIX: &str = ".partial";

const POLL_INTERVAL: Duration = Duration::from_millis(200);

impl Task for Backup {
    const KIND: Kind = Kind::new("backup");
    const NAME: &'static str = "Back up";
    const ABOUT: &'static str =
        "Copies Milepost's database while the server runs, verifies the copy, and keeps the newest ones.";
    const MAX_ATTEMPTS: u32 = 3;
    const QUEUE: Queue = super::UPKEEP;
    const LOG_STEPS: bool = true;
    const LIMIT: Option<u32> = Some(1);
    const START_ROLE: Role = Role::Administrator;

    type Input = Input;
    type Output = Output;

    fn title(_: &Input) -> String {
        "Back up the database".to_owned()
    }

    fn unique_key(_: &Input) -> Option<String> {
        Some("backup".to_owned())
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let keeper = ctx.retention();
        let folder = keeper.data_dir().backups();
        let time =
            Timestamp::from_microsecond(keeper.now().0).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{}{time}-{}{}", NAME[0], ctx.job(), NAME[1]);
        let partial_backup = PartialBackup::begin(ctx, &folder).await?;
        // Copies that earlier attempts may have published.
        let mut names: Vec<String> = ctx.restore().await?.unwrap_or_default();
        // Fails if another attempt has the job. A later attempt finds the folder and removes it.
        ctx.checkpoint(&names).await?;
        let own = partial_backup.0.clone();
        let others = folder.clone();
        ctx.blocking(move || remove_unfinished(&others, &own)).await?;

        let expected = size_of(&keeper.data_dir().database());
        ctx.budget().check(expected).map_err(|error| TaskError::io("copying the database", &error))?;
        ctx.total(expected, "B");
        ctx.message("Copying and checking");
        let stop = CancellationToken::new();
        let copying = {
            let (file, stop) = (partial_backup.copy(), stop.clone());
            ctx.blocking(move || keeper.back_up(&file, &stop).map_err(engine_error))
        };
        copy_with_progress(ctx, copying, &partial_backup.copy(), &stop).await?;

        names.push(name.clone());
        // The last check that this attempt still has the job.
        ctx.checkpoint(&names).await?;
        let size = size_of(&partial_backup.copy());
        let (into, own) = (folder.clone(), name.clone());
        ctx.blocking(move || partial_backup.publish(&into, &own)).await?;
        // The copy also contains the write-ahead log.
        ctx.total(size, "B");
        ctx.set(size);
        ctx.log(model::Level::Info, format!("{name} holds {}", bytes(size)));
        let own = name.clone();
        let removed = ctx.blocking(move || remove_older(&folder, &own, &names, input.keep as usize)).await?;
        Ok(Output { file: name, size, removed })
    }
}

/// The folder of an unfinished copy, removed on drop.
struct PartialBackup(PathBuf);

impl PartialBackup {
    async fn begin(ctx: &Ctx, folder: &Path) -> Result<Self, TaskError> {
        let path = folder.join(format!("{}{}-{}{PARTIAL_SUFFIX}", NAME[0], ctx.job(), ctx.attempt()));
        let creating = path.clone();
        ctx.blocking(move || {
            let created = fs::create_dir_all(&creating);
            created.map_err(|error| TaskError::io(format!("creating {}", creating.display()), &error))
        })
        .await?;
        Ok(Self(path))
    }

    fn copy(&self) -> PathBuf {
        self.0.join("copy.db")
    }

    /// Renames the copy and syncs the folder.
    fn publish(self, folder: &Path, name: &str) -> Result<(), TaskError> {
        let renamed = fs::rename(self.copy(), folder.join(name));
        let kept = renamed.and_then(|()| File::open(folder)).and_then(|folder| folder.sync_all());
        kept.map_err(|error| TaskError::io(format!("publishing {name}"), &error))
    }
}

impl Drop for PartialBackup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove an unfinished copy");
        }
    }
}

/// Waits for the copy, reports its size as progress, and stops it after a cancel or when the disk is full.
async fn copy_with_progress(
    ctx: &Ctx,
    copying: impl Future<Output = Result<(), TaskError>>,
    file: &Path,
    stop: &CancellationToken,
) -> Result<(), TaskError> {
    let partial = file.with_added_extension("partial");
    let mut copying = std::pin::pin!(copying);
    let mut disk_full = None;
    loop {
        tokio::select! {
            biased;
            copied = &mut copying => {
                return match disk_full {
                    Some(error) => Err(TaskError::io("copying the database", &error)),
                    None if stop.is_cancelled() => Err(TaskError::Cancelled),
                    None => copied,
                };
            }
            () = ctx.cancelled(), if !stop.is_cancelled() => stop.cancel(),
            () = tokio::time::sleep(POLL_INTERVAL) => {
                ctx.set(size_of(&partial));
                if let Err(error) = ctx.budget().check(0) {
                    disk_full = Some(error);
                    stop.cancel();
                }
            }
        }
    }
}

fn engine_error(error: Error) -> TaskError {
    match error {
        Error::Full => TaskError::disk_full("copying the database", &error),
        error => TaskError::retry("database", error.to_string()).caused_by(&error),
    }
}

/// Size in bytes; 0 if the file is missing.
fn size_of(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Removes all unfinished copies except `own`: only one backup runs at a time.
fn remove_unfinished(folder: &Path, own: &Path) -> Result<(), TaskError> {
    for name in names_in(folder, PARTIAL_SUFFIX)? {
        let path = folder.join(&name);
        if path != own {
            fs::remove_dir_all(path).map_err(|error| TaskError::io(format!("removing {name}"), &error))?;
        }
    }
    Ok(())
}

/// Removes old copies: those of earlier attempts of the job, and the oldest of the others until `keep` remain with
/// `own`. Returns their names. Age is by name, since the clock may have been set back.
fn remove_older(folder: &Path, own: &str, of_job: &[String], keep: usize) -> Result<Vec<String>, TaskError> {
    let others = names_in(folder, NAME[1])?.into_iter().filter(|name| name != own);
    let (mut expired, mut copies): (Vec<_>, Vec<_>) = others.partition(|name| of_job.contains(name));
    copies.sort_unstable();
    copies.truncate(copies.len().saturating_sub(keep.saturating_sub(1)));
    expired.append(&mut copies);
    for name in &expired {
        fs::remove_file(folder.join(name)).map_err(|error| TaskError::io(format!("removing {name}"), &error))?;
    }
    Ok(expired)
}

/// Names of copies in the folder that end with `end`.
fn names_in(folder: &Path, end: &str) -> Result<Vec<String>, TaskError> {
    let listing = |error| TaskError::io(format!("listing {}", folder.display()), &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(listing)? {
        let name = entry.map_err(listing)?.file_name().to_string_lossy().into_owned();
        if name.starts_with(NAME[0]) && name.ends_with(end) {
            names.push(name);
        }
    }
    Ok(names)
}
