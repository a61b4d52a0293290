//! Uploads: receives files within the quota of their sender, finds them again and removes unused ones.

use std::{
    collections::HashMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{fs::File, io::AsyncWriteExt};

use crate::{
    Clock, DataDir, Error, Result, WriteBudget,
    files::disk::Disk,
    store::{Attribution, Store, UploadQuota, UploadRow},
};

/// Longest name kept, characters.
const NAME_LENGTH: usize = 200;

/// Receives uploads and finds them again.
#[derive(Clone)]
pub struct Uploads {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    disk: Arc<Disk>,
    limits: UploadLimits,
    coming: Coming,
}

/// Bytes being received, by sender.
type Coming = Arc<Mutex<HashMap<String, u64>>>;

/// Upload limits, bytes.
#[derive(Clone, Copy)]
pub(crate) struct UploadLimits {
    /// Largest file.
    pub(crate) file: u64,
    /// Quota per user; `None` for unlimited.
    pub(crate) person: Option<u64>,
}

impl Uploads {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        data: &DataDir,
        disk: Arc<Disk>,
        limits: UploadLimits,
    ) -> Self {
        Self { store, clock, folder: data.uploads(), disk, limits, coming: Coming::default() }
    }

    /// Largest file, bytes.
    pub fn limit(&self) -> u64 {
        self.limits.file
    }

    /// Quota per user, bytes; `None` for unlimited.
    pub(crate) fn quota(&self) -> Option<u64> {
        self.limits.person
    }

    /// Starts an upload. `name` is cleaned of paths and control characters. If `expected` bytes are known, they are
    /// checked at once against the limit, the quota of `by` and the free space.
    ///
    /// # Errors
    /// `Error::TooLarge`, `Error::Quota`, `Error::Full`, `Error::Database`, `Error::Io`.
    pub async fn begin(&self, name: &str, expected: Option<u64>, by: &Attribution) -> Result<UploadWriter> {
        let expected = expected.unwrap_or(0);
        if expected > self.limits.file {
            return Err(Error::TooLarge(self.limits.file));
        }
        let quota = match self.limits.person {
            None => None,
            Some(limit) => {
                let used = self.store.bytes_sent_by(&by.name).await?;
                let coming = Arc::clone(&self.coming);
                Some(Quota { by: by.name.to_string(), used, limit, coming, size: 0 })
            }
        };
        if let Some(quota) = &quota {
            drop(quota.check(expected)?);
        }
        self.disk.check(expected)?;
        let budget = WriteBudget::new(Arc::clone(&self.disk), u64::MAX);
        let id = format!("{:032x}", rand::random::<u128>());
        let part = self.folder.join(format!("{id}.part"));
        let file = File::create_new(&part).await.map_err(|error| failed("starting an upload", error))?;
        let (uploads, by) = (self.clone(), by.clone());
        Ok(UploadWriter { uploads, id, name: cleaned(name), by, quota, budget, part, file, size: 0, finished: false })
    }

    /// A finished upload whose file is complete.
    ///
    /// # Errors
    /// `Error::NoSuchUpload`.
    pub async fn get(&self, id: &str) -> Result<Upload> {
        if !is_id(id) {
            return Err(Error::NoSuchUpload(id.chars().take(40).collect()));
        }
        let upload = self.upload_of(self.store.upload(id).await?);
        match tokio::fs::metadata(&upload.path).await {
            Ok(file) if file.len() == upload.size => Ok(upload),
            Ok(_) => Err(Error::NoSuchUpload(upload.id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoSuchUpload(upload.id)),
            Err(error) => Err(Error::of_io("looking at an upload", error)),
        }
    }

    /// Removes unused uploads older than `before`, and the remains of unfinished ones.
    pub(crate) async fn sweep(&self, before: model::Micros) -> Result<()> {
        let swept = self.store.sweep_uploads(before).await?;
        self.remove_files(&swept).await;
        let listing = |error| Error::of_io("listing the uploads", error);
        let mut files = tokio::fs::read_dir(&self.folder).await.map_err(listing)?;
        while let Some(file) = files.next_entry().await.map_err(listing)? {
            let old = file.metadata().await.is_ok_and(|about| is_older(&about, before));
            if old && is_part(&file.file_name().to_string_lossy()) {
                remove(&file.path()).await;
            }
        }
        Ok(())
    }

    /// Removes the files of uploads that the store has deleted.
    pub(crate) async fn remove_files(&self, uploads: &[String]) {
        for id in uploads {
            remove(&self.folder.join(id)).await;
        }
    }

    fn upload_of(&self, row: UploadRow) -> Upload {
        Upload { path: self.folder.join(&row.id), id: row.id, name: row.name, size: row.size }
    }
}

/// An upload being received. Its file is removed if dropped without [`UploadWriter::finish`].
pub struct UploadWriter {
    uploads: Uploads,
    id: String,
    name: String,
    by: Attribution,
    quota: Option<Quota>,
    /// Uploads leave space for the database.
    budget: WriteBudget,
    part: PathBuf,
    file: File,
    size: u64,
    finished: bool,
}

impl UploadWriter {
    /// Appends bytes; `Error::TooLarge` above the limit, `Error::Quota` above the quota of the sender, `Error::Full` on
    /// a full disk.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.size > self.uploads.limits.file {
            return Err(Error::TooLarge(self.uploads.limits.file));
        }
        if let Some(quota) = &mut self.quota {
            quota.take(bytes.len() as u64)?;
        }
        let failed = |error| Error::of_io("writing an upload", error);
        self.budget.take(bytes.len() as u64).map_err(failed)?;
        self.file.write_all(bytes).await.map_err(failed)
    }

    /// Syncs and registers the upload; `Error::Quota` if concurrent uploads have used up the quota.
    pub async fn finish(mut self) -> Result<Upload> {
        let path = self.uploads.folder.join(&self.id);
        let settled = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            tokio::fs::rename(&self.part, &path).await?;
            // The directory entry must survive a power loss too.
            File::open(&self.uploads.folder).await?.sync_all().await
        };
        settled.await.map_err(|error| failed("finishing an upload", error))?;
        self.part.clone_from(&path);
        let row = UploadRow {
            id: self.id.clone(),
            name: self.name.clone(),
            size: self.size,
            at: self.uploads.clock.now(),
            by: Some(self.by.name.to_string()),
        };
        let quota = UploadQuota { bytes: self.uploads.limits.person, ..UploadQuota::default() };
        self.uploads.store.save_upload(row.clone(), &self.by, quota).await?;
        self.finished = true;
        Ok(self.uploads.upload_of(row))
    }
}

/// A user's quota, and the bytes reserved by this upload until it is stored or dropped.
struct Quota {
    by: String,
    /// Bytes stored when the upload began.
    used: u64,
    /// Bytes allowed.
    limit: u64,
    /// Bytes being received from this user: many uploads at once must not fill the disk.
    coming: Coming,
    /// Bytes of this upload among them.
    size: u64,
}

impl Quota {
    /// Checks that `more` bytes fit beside all stored and received ones. Returns the guard of the latter, so that they
    /// cannot change.
    fn check(&self, more: u64) -> Result<MutexGuard<'_, HashMap<String, u64>>> {
        let coming = self.coming();
        let used = self.used.saturating_add(coming.get(&self.by).copied().unwrap_or(0));
        if used.saturating_add(more) > self.limit {
            return Err(Error::Quota { used: used - self.size, limit: self.limit });
        }
        Ok(coming)
    }

    fn take(&mut self, more: u64) -> Result<()> {
        let mut coming = self.check(more)?;
        *coming.entry(self.by.clone()).or_default() += more;
        drop(coming);
        self.size += more;
        Ok(())
    }

    fn coming(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let mut coming = self.coming();
        if let Some(bytes) = coming.get_mut(&self.by) {
            *bytes -= self.size;
            if *bytes == 0 {
                coming.remove(&self.by);
            }
        }
    }
}

impl Drop for UploadWriter {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = std::fs::remove_file(&self.part)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %self.part.display(), %error, "cannot remove an unfinished upload");
        }
    }
}

/// A finished upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id, for input fields.
    pub id: String,
    /// Its original name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Path of its file. Read only.
    pub path: PathBuf,
}

/// Removes unfinished uploads of an earlier server. There must be no other server.
pub(crate) fn remove_parts(data: &DataDir) {
    for file in std::fs::read_dir(data.uploads()).into_iter().flatten().flatten() {
        if is_part(&file.file_name().to_string_lossy())
            && let Err(error) = std::fs::remove_file(file.path())
        {
            tracing::warn!(path = %file.path().display(), %error, "cannot remove an unfinished upload");
        }
    }
}

/// Whether `name` is the file name of an unfinished upload.
fn is_part(name: &str) -> bool {
    name.strip_suffix(".part").is_some_and(is_id)
}

/// Whether `text` is a valid upload id.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a file was last written before `before`.
pub(crate) fn is_older(about: &std::fs::Metadata, than: model::Micros) -> bool {
    let at = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.is_some_and(|at| i64::try_from(at.as_micros()).is_ok_and(|at| at < than.0))
}

/// The last component of a path (Unix or Windows), printable and not too long.
fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !model::is_unprintable(*c)).take(NAME_LENGTH).collect();
    let clean = clean.trim();
    if clean.is_empty() || clean.chars().all(|c| c == '.') { "unnamed".to_owned() } else { clean.to_owned() }
}

/// The error of a file operation; the folder of uploads may have been removed while the server runs.
fn failed(what: &str, error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound { Error::Gone } else { Error::of_io(what, error) }
}

async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove an upload");
    }
}
