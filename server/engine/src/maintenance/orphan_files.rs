//! Orphan files: folders of jobs, and uploads, that the database does not know.
//!
//! A server that is killed between a deletion and the removal of its files leaves a few. A database that was replaced
//! by an older copy makes orphans of many files that are still wanted. So a sweep takes only numbers that this database
//! has given, only a few of them without being asked, and keeps them aside for a day before it removes them.

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

/// The most orphans that are taken without being asked …
const FEW: usize = 20;
/// … unless one in `SHARE` of all files is more.
const SHARE: usize = 10;
/// How long they are kept aside.
const KEPT_ASIDE: Duration = Duration::from_hours(24);
/// Folders of jobs looked up in one query.
const FOLDERS_AT_ONCE: usize = 500;

/// Refuses to begin a new database in a directory that holds files of another one: it would know none of them.
///
/// # Errors
/// `Error::Unusable` with the remedy, `Error::Io`.
pub(crate) fn check_new_database(data: &DataDir) -> Result<()> {
    let (jobs, uploads) = (job_folders(data)?.len(), upload_files(data, None)?.len());
    if jobs + uploads == 0 {
        return Ok(());
    }
    Err(Error::Unusable(format!(
        "there is no database in {}, or an empty one, but there are files of {} jobs and {} uploads, which a new database \
         would not know. Put milepost.db back, together with milepost.db-wal if there is one, or a copy from {}; to begin \
         with an empty database, move `jobs` and `uploads` somewhere else",
        data.path().display(),
        count(jobs as u64),
        count(uploads as u64),
        data.backups().display(),
    )))
}

/// Sweeps the folders of jobs that were deleted, and the checkpoints' files of those that have succeeded: the store
/// commits first, and a server can die before the files go. Blocks the thread.
pub(crate) fn sweep_jobs(shared: &Shared) -> Result<()> {
    let jobs = job_folders(&shared.data)?;
    // Read after the folders were listed: none of them is too new to be known.
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

/// Sweeps uploads that came before `before` and that the database does not know. Blocks the thread.
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

/// Removes what was moved aside a day ago. Blocks the thread.
pub(crate) fn remove_expired(shared: &Arc<Shared>) {
    let before = shared.clock.now().0 - KEPT_ASIDE.as_micros() as i64;
    for folder in fs::read_dir(shared.data.orphans()).into_iter().flatten().flatten() {
        let moved_at = folder.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
        if moved_at.is_some_and(|at| at <= before) {
            shared.service.block_on(remove_folder(&folder.path(), "orphan files"));
        }
    }
}

/// How many of `all` may be orphans for a sweep to take them without being asked.
fn few_of(all: usize) -> usize {
    FEW.max(all / SHARE)
}

/// Moves entries of `folder` to a folder of this moment; returns how many.
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
                "moved files aside that belong to nothing in the database; they are removed in a day"
            );
            moved
        }
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "cannot move orphan files aside; the next sweep tries again");
            0
        }
    }
}

/// Keeps the number of those that stay, for the overview.
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

/// Removes the checkpoints' files of a job that has succeeded.
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

/// The ids of all uploads, or of those that came before a time.
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
