//! Orphan files: folders of jobs, and uploads, that are not in the database.
//!
//! A server that is killed between a deletion and the removal of the files leaves a few. After a database was replaced
//! by an older copy, many files that are still needed look like orphans. So a sweep moves only files with ids that this
//! database has given out, only a few of them unless it is told to take all, and keeps them for a day before it removes
//! them.

use std::{
    fs,
    io::ErrorKind,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use model::{JobId, JobState, Micros, count};

use crate::{
    DataDir, Error, Result,
    files::data_dir::remove_folder,
    shared::Shared,
    uploads::{is_id, is_older},
};

/// Orphans that a sweep moves without `--sweep-orphans`, at most …
const FEW: usize = 20;
/// … or one in `SHARE` of all files, if that is more.
const SHARE: usize = 10;
/// Time between moving and removing orphan files.
const KEPT_ASIDE: Duration = Duration::from_hours(24);
/// Folders of jobs looked up in one query.
const FOLDERS_AT_ONCE: usize = 500;

/// Fails if a new database would be created in a directory with files of another one.
///
/// # Errors
/// `Error::Unusable` with the remedy, `Error::Io`.
pub(crate) fn check_new_database(data: &DataDir) -> Result<()> {
    let (jobs, uploads) = (job_folders(data)?.len(), upload_files(data, None)?.len());
    if jobs + uploads == 0 {
        return Ok(());
    }
    Err(Error::Unusable(format!(
        "there is no database in {}, or an empty one, but there are files of {} jobs and {} uploads, which would be \
         orphans in a new database. Put milepost.db back, together with milepost.db-wal if there is one, or a copy from {}; to \
         begin with an empty database, move `jobs` and `uploads` somewhere else",
        data.path().display(),
        count(jobs as u64),
        count(uploads as u64),
        data.backups().display(),
    )))
}

/// Sweeps the folders of deleted jobs and the checkpoint files of succeeded jobs. They exist because the store commits
/// first, and a server can die before it removes the files. Blocks the thread.
pub(crate) fn sweep_jobs(shared: &Shared) -> Result<()> {
    let jobs = job_folders(&shared.data)?;
    // Read after the folders were listed, so that the list has no newer job.
    let last = shared.service.block_on(shared.store.last_job())?;
    let mut orphans = Vec::new();
    for some in jobs.chunks(FOLDERS_AT_ONCE) {
        if shared.stopping.is_raised() {
            return Ok(());
        }
        let existing = shared.service.block_on(shared.store.existing(some))?;
        orphans.extend(some.iter().copied().filter(|job| !existing.contains(job)));
        for job in existing.into_iter().filter(|job| shared.data.work(*job).exists()) {
            remove_finished_work(shared, job);
        }
    }
    let (given, foreign): (Vec<JobId>, Vec<JobId>) = orphans.into_iter().partition(|job| *job <= last);
    let taken = match (shared.sweep_all_orphans, given.len() <= few_of(jobs.len())) {
        (true, _) => [given.as_slice(), foreign.as_slice()].concat(),
        (false, true) => given.clone(),
        (false, false) => Vec::new(),
    };
    let names: Vec<String> = taken.iter().map(ToString::to_string).collect();
    let moved = move_aside(shared, &shared.data.jobs(), &names);
    report(&shared.orphans.jobs, given.len() + foreign.len() - moved, "folders of jobs");
    Ok(())
}

/// Sweeps uploads older than `before` that are not in the database. Blocks the thread.
pub(crate) fn sweep_uploads(shared: &Shared, before: Micros) -> Result<()> {
    let files = upload_files(&shared.data, None)?;
    let old = upload_files(&shared.data, Some(before))?;
    let mut orphans = Vec::new();
    for id in old {
        if shared.stopping.is_raised() {
            return Ok(());
        }
        if matches!(shared.service.block_on(shared.store.upload(&id)), Err(Error::NoSuchUpload(_))) {
            orphans.push(id);
        }
    }
    let takes = shared.sweep_all_orphans || orphans.len() <= few_of(files.len());
    let moved = if takes { move_aside(shared, &shared.data.uploads(), &orphans) } else { 0 };
    report(&shared.orphans.uploads, orphans.len() - moved, "uploads");
    Ok(())
}

/// Removes files that were moved a day ago or earlier. Blocks the thread.
pub(crate) fn remove_expired(shared: &Arc<Shared>) {
    let before = shared.clock.now().0 - KEPT_ASIDE.as_micros() as i64;
    for folder in fs::read_dir(shared.data.orphans()).into_iter().flatten().flatten() {
        let moved_at = folder.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
        if moved_at.is_some_and(|at| at <= before) {
            shared.service.block_on(remove_folder(&folder.path(), "orphan files"));
        }
    }
}

/// Largest number of orphans among `all` files that a sweep moves without `--sweep-orphans`.
fn few_of(all: usize) -> usize {
    FEW.max(all / SHARE)
}

/// Moves entries of `folder` to a folder named by the current time; returns their number.
fn move_aside(shared: &Shared, folder: &Path, names: &[String]) -> usize {
    if names.is_empty() {
        return 0;
    }
    let of_what = folder.file_name().unwrap_or_default();
    let aside = shared.data.orphans().join(shared.clock.now().0.to_string()).join(of_what);
    let moved = fs::create_dir_all(&aside).and_then(|()| {
        names.iter().try_fold(0, |moved, name| match fs::rename(folder.join(name), aside.join(name)) {
            Ok(()) => Ok(moved + 1),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(moved + 1),
            Err(error) => Err(error),
        })
    });
    match moved {
        Ok(moved) => {
            tracing::info!(
                files = moved,
                from = %folder.display(),
                to = %aside.display(),
                "moved orphan files aside; they are removed in a day"
            );
            moved
        }
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "cannot move orphan files aside; the next sweep tries again");
            0
        }
    }
}

/// Stores the number of orphans left, for the overview.
fn report(count: &AtomicU64, left: usize, what: &str) {
    count.store(left as u64, Ordering::Relaxed);
    if left > 0 {
        tracing::warn!(
            left,
            "there are {what} that the database does not know; they are left alone, since it may have been replaced by \
             another one. `milepost serve --sweep-orphans` removes them, a day after it has moved them aside"
        );
    }
}

/// Removes the checkpoint files of a job if it has succeeded.
fn remove_finished_work(shared: &Shared, job: JobId) {
    let succeeded = |view: model::JobView| view.state == JobState::Succeeded;
    if shared.service.block_on(shared.store.job(job)).is_ok_and(succeeded) {
        shared.service.block_on(remove_folder(&shared.data.work(job), "the files of a checkpoint"));
    }
}

/// The jobs that have a folder.
fn job_folders(data: &DataDir) -> Result<Vec<JobId>> {
    let job = |name: &str| name.parse().ok().map(JobId).filter(|job| job.to_string() == name);
    list(&data.jobs(), |entry| job(entry.file_name().to_str()?))
}

/// The ids of all uploads, or of those older than `before`.
fn upload_files(data: &DataDir, before: Option<Micros>) -> Result<Vec<String>> {
    let counts =
        |entry: &fs::DirEntry| before.is_none_or(|before| entry.metadata().is_ok_and(|about| is_older(&about, before)));
    list(&data.uploads(), |entry| entry.file_name().into_string().ok().filter(|name| is_id(name) && counts(entry)))
}

fn list<T>(folder: &Path, read: impl Fn(&fs::DirEntry) -> Option<T>) -> Result<Vec<T>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::of_io(format!("listing {}", folder.display()), error)),
        Ok(entries) => Ok(entries.filter_map(|entry| read(&entry.ok()?)).collect()),
    }
}
