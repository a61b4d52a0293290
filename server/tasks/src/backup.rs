//! `backup`: a checked copy of the database, taken while the server runs.
//!
//! A copy is made in a folder of its attempt's own and gets its name by one rename at the very end. The next attempt begins
//! by removing the folders of all others, so whoever has lost the job, and wakes up without knowing, has nothing to rename.

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

/// The task.
pub(crate) struct Backup;

/// How many copies there are.
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

/// What was copied.
#[derive(Serialize)]
pub(crate) struct Output {
    /// The copy.
    file: String,
    /// Its size, bytes.
    size: u64,
    /// Older copies that were removed.
    removed: Vec<String>,
}

/// What names of copies begin and end with; between them are the time, UTC, which sorts them, and the job.
const NAME: [&str; 2] = ["milepost-", ".db"];

/// What names of folders end with in which a copy is made; they begin as copies do, and hold job and attempt.
const UNFINISHED: &str = ".partial";

/// Between two looks at how large the copy is.
const LOOK: Duration = Duration::from_millis(200);

impl Task for Backup {
    const KIND: Kind = Kind::new("backup");
    const NAME: &'static str = "Back up";
    const ABOUT: &'static str =
        "Copies Milepost's database while the server runs, verifies the copy, and keeps the newest ones.";
    const MAX_ATTEMPTS: u32 = 3;
    const QUEUE: Queue = super::UPKEEP;
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
        let making = Making::begin(ctx, &folder).await?;
        // What earlier attempts were about to publish, and may have before they could say so.
        let mut names: Vec<String> = ctx.restore().await?.unwrap_or_default();
        // Fails where the job has been given to another attempt. One that comes after this finds the folder, and removes it.
        ctx.checkpoint(&names).await?;
        let own = making.0.clone();
        let others = folder.clone();
        ctx.blocking(move || remove_unfinished(&others, &own)).await?;

        let expected = size_of(&keeper.data_dir().database());
        ctx.budget().check(expected).map_err(|error| TaskError::io("copying the database", &error))?;
        ctx.total(expected, "B");
        ctx.message("Copying and checking");
        let stop = CancellationToken::new();
        let copying = {
            let (file, stop) = (making.copy(), stop.clone());
            ctx.blocking(move || keeper.back_up(&file, &stop).map_err(refused))
        };
        watched(ctx, copying, &making.copy(), &stop).await?;

        names.push(name.clone());
        // The last moment at which an attempt that has lost its job is held back.
        ctx.checkpoint(&names).await?;
        let size = size_of(&making.copy());
        let (into, own) = (folder.clone(), name.clone());
        ctx.blocking(move || making.publish(&into, &own)).await?;
        // The copy also holds what was still in the database's log.
        ctx.total(size, "B");
        ctx.set(size);
        ctx.log(model::Level::Info, format!("{name} holds {}", bytes(size)));
        let own = name.clone();
        let removed = ctx.blocking(move || remove_older(&folder, &own, &names, input.keep as usize)).await?;
        Ok(Output { file: name, size, removed })
    }
}

/// The folder in which an attempt makes its copy; it goes when the attempt ends.
struct Making(PathBuf);

impl Making {
    async fn begin(ctx: &Ctx, folder: &Path) -> Result<Self, TaskError> {
        let path = folder.join(format!("{}{}-{}{UNFINISHED}", NAME[0], ctx.job(), ctx.attempt()));
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

    /// Gives the copy its name, and has the disk keep it.
    fn publish(self, folder: &Path, name: &str) -> Result<(), TaskError> {
        let renamed = fs::rename(self.copy(), folder.join(name));
        let kept = renamed.and_then(|()| File::open(folder)).and_then(|folder| folder.sync_all());
        kept.map_err(|error| TaskError::io(format!("publishing {name}"), &error))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove an unfinished copy");
        }
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
    let mut no_room = None;
    loop {
        tokio::select! {
            biased;
            copied = &mut copying => {
                return match no_room {
                    Some(error) => Err(TaskError::io("copying the database", &error)),
                    None if stop.is_cancelled() => Err(TaskError::Cancelled),
                    None => copied,
                };
            }
            () = ctx.cancelled(), if !stop.is_cancelled() => stop.cancel(),
            () = tokio::time::sleep(LOOK) => {
                ctx.set(size_of(&partial));
                if let Err(error) = ctx.budget().check(0) {
                    no_room = Some(error);
                    stop.cancel();
                }
            }
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

/// Removes every copy in the making but `own`: one backup runs at a time, so nobody makes another by right.
fn remove_unfinished(folder: &Path, own: &Path) -> Result<(), TaskError> {
    for name in names_in(folder, UNFINISHED)? {
        let path = folder.join(&name);
        if path != own {
            fs::remove_dir_all(path).map_err(|error| TaskError::io(format!("removing {name}"), &error))?;
        }
    }
    Ok(())
}

/// Removes what is neither the copy `own` nor among the newest others, so that `keep` are left, and what earlier attempts
/// of its job have published; answers their names. What is the newest their names say, by a clock that may have been put
/// back since.
fn remove_older(folder: &Path, own: &str, of_job: &[String], keep: usize) -> Result<Vec<String>, TaskError> {
    let others = names_in(folder, NAME[1])?.into_iter().filter(|name| name != own);
    let (mut doomed, mut copies): (Vec<_>, Vec<_>) = others.partition(|name| of_job.contains(name));
    copies.sort_unstable();
    copies.truncate(copies.len().saturating_sub(keep.saturating_sub(1)));
    doomed.append(&mut copies);
    for name in &doomed {
        fs::remove_file(folder.join(name)).map_err(|error| TaskError::io(format!("removing {name}"), &error))?;
    }
    Ok(doomed)
}

/// The names of ours in the folder of copies that end so.
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
