//! Files of an open database: detects that they were removed or replaced, and explains their errors.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    process::{Resource, getrlimit},
};

use crate::{Error, Result};

/// A file this close to the limit of the process, bytes, has reached it, because SQLite writes whole pages.
const NEAR_LIMIT: u64 = 64 << 10;

/// The database and its write-ahead log, as they were opened.
pub(super) struct Files {
    database: PathBuf,
    opened: Vec<(PathBuf, Identity)>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Files {
    /// Records the identity of the files of `database`. A connection must have read it, and stay open.
    pub(super) fn of(database: &Path) -> Self {
        let opened = [database.to_owned(), log_of(database)].into_iter();
        let opened = opened.filter_map(|path| identity(&path).map(|identity| (path, identity))).collect();
        Self { database: database.to_owned(), opened }
    }

    /// Refuses writes after a file was removed or replaced: a commit would be acknowledged and then lost. Costs one
    /// `stat` a file.
    pub(super) fn check(&self) -> Result<()> {
        for (path, opened) in &self.opened {
            if identity(path) != Some(*opened) {
                tracing::debug!(path = %path.display(), "this file was removed or replaced");
                return Err(Error::Gone);
            }
        }
        Ok(())
    }

    pub(super) fn explain(&self, error: Error) -> Error {
        explain(&self.database, error)
    }
}

/// Finds the cause of an error where SQLite reports only that a file operation failed, or that the file is damaged.
pub(super) fn explain(database: &Path, error: Error) -> Error {
    match error {
        Error::Database(_) if is_read_only(database) => Error::ReadOnly,
        Error::Database(_) | Error::Full if is_at_limit(database) => Error::FileLimit,
        Error::Damaged(cause) => Error::Damaged(damage(database, &cause)),
        error => error,
    }
}

fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

fn is_read_only(database: &Path) -> bool {
    let folder = database.parent().unwrap_or(database);
    statvfs(folder).is_ok_and(|about| about.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Whether a file has reached the size that this process may write (`RLIMIT_FSIZE`).
fn is_at_limit(database: &Path) -> bool {
    let Some(limit) = getrlimit(Resource::Fsize).current else { return false };
    let sizes = [database.to_owned(), log_of(database)].into_iter().filter_map(|path| fs::metadata(path).ok());
    sizes.map(|about| about.len()).any(|size| size.saturating_add(NEAR_LIMIT) >= limit)
}

fn damage(database: &Path, cause: &str) -> String {
    let backups = database.with_file_name("backups");
    let remedy = match newest_backup(&backups) {
        Some(backup) => format!("restore a backup; the newest is {}", backup.display()),
        None => format!("restore a backup; there is none in {}", backups.display()),
    };
    format!(
        "the database {} is damaged ({cause}). Stop the server and its workers, keep the damaged file, and {remedy}",
        database.display()
    )
}

fn newest_backup(backups: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(backups).ok()?.filter_map(Result::ok);
    let copies = files.filter(|file| Path::new(&file.file_name()).extension() == Some(OsStr::new("db")));
    let newest = copies.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).max();
    newest.map(|(_, path)| path)
}
